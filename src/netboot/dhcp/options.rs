//! DHCP options as a list in their order (RFC 2132), long ones in parts (RFC 3396).
//!
//! A codec of our own: relays compare option 82 with the bytes that they sent, firmware lists several
//! architectures in option 93, and a malformed option must be seen to be counted. General codecs sort, interpret
//! and drop options.

use std::net::Ipv4Addr;

/// Option codes that this server reads or writes (RFC 2132 unless said otherwise).
pub mod code {
    pub const PAD: u8 = 0;
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const DNS_SERVERS: u8 = 6;
    pub const VENDOR_INFORMATION: u8 = 43;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_IDENTIFIER: u8 = 54;
    pub const PARAMETER_LIST: u8 = 55;
    pub const MESSAGE_BYTES_MAX: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const VENDOR_CLASS: u8 = 60;
    pub const CLIENT_IDENTIFIER: u8 = 61;
    pub const TFTP_SERVER: u8 = 66;
    pub const BOOT_FILE: u8 = 67;
    /// RFC 3004; iPXE writes raw text.
    pub const USER_CLASS: u8 = 77;
    /// RFC 3046.
    pub const RELAY_INFORMATION: u8 = 82;
    /// RFC 4578, section 2.1.
    pub const ARCHITECTURES: u8 = 93;
    /// RFC 4578, section 2.3.
    pub const MACHINE_UUID: u8 = 97;
    /// Etherboot's encapsulated options, which iPXE sends and reads.
    pub const IPXE: u8 = 175;
    pub const END: u8 = 255;
}

/// The length of one part is one byte.
const PART_BYTES_MAX: usize = 255;

/// Why bytes are not a list of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("option {code} reaches past the end of its field")]
pub struct OptionsError {
    pub code: u8,
}

/// Each code once, in the order of first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<(u8, Vec<u8>)>);

impl Options {
    /// The value of an option, also when it is empty.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == code).map(|(_, value)| value.as_slice())
    }

    /// A value of exactly four bytes, as an address.
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.get(code).and_then(|value| <[u8; 4]>::try_from(value).ok()).map(Ipv4Addr::from)
    }

    /// A value of exactly one byte.
    pub fn byte(&self, code: u8) -> Option<u8> {
        self.get(code).and_then(|value| <[u8; 1]>::try_from(value).ok()).map(|[byte]| byte)
    }

    /// A value of exactly two bytes, as a number.
    pub fn number(&self, code: u8) -> Option<u16> {
        self.get(code).and_then(|value| <[u8; 2]>::try_from(value).ok()).map(u16::from_be_bytes)
    }

    /// Every code with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.0.iter().map(|(code, value)| (*code, value.as_slice()))
    }

    /// Adds a value; a code that is there already grows, as RFC 3396, section 7 has it.
    pub fn push(&mut self, code: u8, value: &[u8]) {
        debug_assert!(code != code::PAD && code != code::END, "these two have no value");
        match self.0.iter_mut().find(|(known, _)| *known == code) {
            Some((_, known)) => known.extend_from_slice(value),
            None => self.0.push((code, value.to_vec())),
        }
    }

    /// Adds what a field of options holds, up to its end mark or its end.
    pub fn decode(&mut self, mut field: &[u8]) -> Result<(), OptionsError> {
        while let Some((&code, rest)) = field.split_first() {
            field = match code {
                code::PAD => rest,
                code::END => return Ok(()),
                _ => {
                    let (&length, rest) = rest.split_first().ok_or(OptionsError { code })?;
                    let value = rest.get(..length.into()).ok_or(OptionsError { code })?;
                    self.push(code, value);
                    &rest[value.len()..]
                }
            };
        }
        Ok(())
    }

    /// All options in order, without an end mark.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|(code, value)| encode_one(code, value, out));
    }
}

/// How many bytes a value takes on the wire.
pub fn encoded_bytes(value: &[u8]) -> usize {
    value.len() + 2 * value.len().div_ceil(PART_BYTES_MAX).max(1)
}

fn encode_one(code: u8, value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() {
        out.extend([code, 0]);
    }
    for part in value.chunks(PART_BYTES_MAX) {
        out.push(code);
        out.push(u8::try_from(part.len()).expect("a part has at most 255 bytes"));
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Options with values of any length, some of them in several parts.
    pub fn any_options() -> impl Strategy<Value = Options> {
        let value = prop_oneof![
            8 => proptest::collection::vec(any::<u8>(), 0..40),
            1 => proptest::collection::vec(any::<u8>(), 250..600),
        ];
        let codes = (1..=254_u8).prop_filter("overload says how to read", |code| *code != code::OVERLOAD);
        proptest::collection::vec((codes, value), 0..12).prop_map(|list| {
            let mut options = Options::default();
            list.iter().for_each(|(code, value)| options.push(*code, value));
            options
        })
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(options in any_options()) {
            let (mut bytes, mut again) = (Vec::new(), Options::default());
            options.encode(&mut bytes);
            let size: usize = options.iter().map(|(_, value)| encoded_bytes(value)).sum();
            prop_assert_eq!(size, bytes.len());
            again.decode(&bytes).unwrap();
            prop_assert_eq!(again, options);
        }

        #[test]
        fn any_bytes_are_options_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut options = Options::default();
            if options.decode(&bytes).is_ok() {
                let held: usize = options.iter().map(|(_, value)| value.len()).sum();
                prop_assert!(held <= bytes.len());
            }
        }
    }

    #[test]
    fn an_option_that_reaches_past_the_end_is_refused() {
        for (bytes, code) in [(vec![53], 53), (vec![53, 1], 53), (vec![0, 0, 82, 3, 1, 2], 82)] {
            assert_eq!(Options::default().decode(&bytes), Err(OptionsError { code }), "{bytes:?}");
        }
    }
}
