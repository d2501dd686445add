//! One DHCP message: the fixed header of BOOTP (RFC 951), the magic cookie, options (RFC 2131, section 2).
//!
//! Entry points: [`Message::decode`] understands overloaded `sname` and `file` fields and options in parts, and
//! refuses what is cut short; [`Message::encode`] never overloads.

use super::options::{Options, OptionsError, code};
use std::net::Ipv4Addr;

/// Where the options begin, after the cookie.
pub const OPTIONS_AT: usize = 240;
/// The smallest BOOTP message (RFC 951, section 3); old relays and ROMs drop shorter ones.
const MESSAGE_BYTES_MIN: usize = 300;
/// RFC 2131, section 3.
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Size of `chaddr`.
const HARDWARE_BYTES_MAX: usize = 16;
pub const SERVER_NAME_BYTES: usize = 64;
pub const FILE_BYTES: usize = 128;
/// RFC 2131, section 2: the one flag that is in use.
pub const BROADCAST_FLAG: u16 = 0x8000;
/// Ethernet (RFC 1700, "hrd").
pub const ETHERNET: u8 = 1;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Request = 1,
    Reply = 2,
}

/// What a message is for (RFC 2132, section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Ack = 5,
    Nak = 6,
    Release = 7,
    Inform = 8,
}

/// A message; what `sname` and `file` hold as text is left as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub direction: Direction,
    pub hardware_kind: u8,
    /// As the client says; the field holds 16 bytes, and InfiniBand has more.
    pub hardware_length: u8,
    pub hops: u8,
    pub xid: u32,
    pub seconds: u16,
    pub flags: u16,
    pub client_address: Ipv4Addr,
    pub your_address: Ipv4Addr,
    pub next_server: Ipv4Addr,
    pub relay_address: Ipv4Addr,
    pub hardware: [u8; HARDWARE_BYTES_MAX],
    pub server_name: [u8; SERVER_NAME_BYTES],
    pub file: [u8; FILE_BYTES],
    pub options: Options,
}

/// Why bytes are not a DHCP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the message has {0} bytes, and the header alone has {OPTIONS_AT}")]
    Short(usize),
    #[error("the message has operation {0}, which is neither a request nor a reply")]
    Operation(u8),
    #[error("the message has no DHCP cookie: it is BOOTP")]
    Cookie,
    #[error("option 52 of the message is {0}, which names no field")]
    Overload(u8),
    #[error("the message is cut short")]
    Options(#[source] OptionsError),
}

impl MessageType {
    /// The value of option 53.
    pub fn from_byte(byte: u8) -> Option<Self> {
        use MessageType::{Ack, Decline, Discover, Inform, Nak, Offer, Release, Request};
        [Discover, Offer, Request, Decline, Ack, Nak, Release, Inform]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

impl Message {
    /// Reads a message.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let short = MessageError::Short(bytes.len());
        let (header, field) = bytes.split_first_chunk::<OPTIONS_AT>().ok_or(short)?;
        let address =
            |at: usize| Ipv4Addr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let mut message = Self {
            direction: direction(header[0])?,
            hardware_kind: header[1],
            hardware_length: header[2],
            hops: header[3],
            xid: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            seconds: u16::from_be_bytes([header[8], header[9]]),
            flags: u16::from_be_bytes([header[10], header[11]]),
            client_address: address(12),
            your_address: address(16),
            next_server: address(20),
            relay_address: address(24),
            hardware: part(header, 28),
            server_name: part(header, 44),
            file: part(header, 108),
            options: Options::default(),
        };
        if header[236..] != COOKIE {
            return Err(MessageError::Cookie);
        }
        message.decode_options(field)?;
        Ok(message)
    }

    /// RFC 3396, section 5: the options field, then `file`, then `sname`.
    fn decode_options(&mut self, field: &[u8]) -> Result<(), MessageError> {
        self.options.decode(field).map_err(MessageError::Options)?;
        let (in_file, in_server_name) = match self.options.byte(code::OVERLOAD) {
            None if self.options.get(code::OVERLOAD).is_none() => return Ok(()),
            Some(1) => (true, false),
            Some(2) => (false, true),
            Some(3) => (true, true),
            other => return Err(MessageError::Overload(other.unwrap_or_default())),
        };
        if in_file {
            self.options.decode(&self.file).map_err(MessageError::Options)?;
            self.file = [0; FILE_BYTES];
        }
        if in_server_name {
            self.options.decode(&self.server_name).map_err(MessageError::Options)?;
            self.server_name = [0; SERVER_NAME_BYTES];
        }
        Ok(())
    }

    /// Writes a message, padded to what old receivers expect.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.direction as u8, self.hardware_kind, self.hardware_length, self.hops];
        out.extend(self.xid.to_be_bytes());
        out.extend(self.seconds.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        for address in [self.client_address, self.your_address, self.next_server, self.relay_address] {
            out.extend(address.octets());
        }
        out.extend(self.hardware);
        out.extend(self.server_name);
        out.extend(self.file);
        out.extend(COOKIE);
        self.options.encode(&mut out);
        out.push(code::END);
        out.resize(out.len().max(MESSAGE_BYTES_MIN), code::PAD);
        out
    }
}

fn direction(byte: u8) -> Result<Direction, MessageError> {
    match byte {
        1 => Ok(Direction::Request),
        2 => Ok(Direction::Reply),
        other => Err(MessageError::Operation(other)),
    }
}

fn part<const N: usize>(header: &[u8; OPTIONS_AT], at: usize) -> [u8; N] {
    header[at..at + N].try_into().expect("the slice is as long as the array")
}

#[cfg(test)]
mod tests {
    use super::super::options::tests::any_options;
    use super::*;
    use proptest::prelude::*;

    fn any_message() -> impl Strategy<Value = Message> {
        let header = proptest::collection::vec(any::<u8>(), OPTIONS_AT);
        (header, any_options()).prop_map(|(mut header, options)| {
            header[0] = header[0] % 2 + 1;
            header[236..].copy_from_slice(&COOKIE);
            Message { options, ..Message::decode(&header).unwrap() }
        })
    }

    fn sample() -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS_AT];
        (bytes[0], bytes[1], bytes[2]) = (1, ETHERNET, 6);
        bytes[236..].copy_from_slice(&COOKIE);
        bytes
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(message in any_message()) {
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn any_bytes_are_a_message_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..700)) {
            let _ = Message::decode(&tail);
            let mut bytes = sample();
            bytes.extend(tail);
            if let Ok(message) = Message::decode(&bytes) {
                let sane = message.options.get(code::OVERLOAD).is_none_or(|value| matches!(value, [1..=3]));
                prop_assert!(sane, "an overload that names no field is refused");
            }
        }
    }

    #[test]
    fn n13_split_options_are_joined() {
        let mut bytes = sample();
        bytes.extend([60, 3, b'P', b'X', b'E', 53, 1, 1, 60, 6, b'C', b'l', b'i', b'e', b'n', b't', 255]);
        assert_eq!(Message::decode(&bytes).unwrap().options.get(60), Some(b"PXEClient".as_slice()));
    }

    #[test]
    fn n13_overloaded_fields_hold_options() {
        let mut bytes = sample();
        bytes[108..114].copy_from_slice(&[60, 3, b'P', b'X', b'E', 255]);
        bytes[44..53].copy_from_slice(&[60, 6, b'C', b'l', b'i', b'e', b'n', b't', 255]);
        for (overload, class) in [(1, "PXE"), (2, "Client"), (3, "PXEClient")] {
            let mut bytes = bytes.clone();
            bytes.extend([52, 1, overload, 255]);
            let message = Message::decode(&bytes).unwrap();
            assert_eq!(message.options.get(60), Some(class.as_bytes()), "{overload}");
        }
    }

    #[test]
    fn what_is_not_a_message_is_refused() {
        let change = |at: usize, byte: u8| {
            let mut bytes = sample();
            bytes[at] = byte;
            bytes
        };
        let with = |tail: &[u8]| [sample(), tail.to_vec()].concat();
        for (bytes, error) in [
            (vec![1; 239], MessageError::Short(239)),
            (change(0, 3), MessageError::Operation(3)),
            (change(236, 0), MessageError::Cookie),
            (with(&[52, 1, 4]), MessageError::Overload(4)),
            (with(&[52, 0]), MessageError::Overload(0)),
            (with(&[53, 9, 1]), MessageError::Options(OptionsError { code: 53 })),
        ] {
            assert_eq!(Message::decode(&bytes), Err(error));
        }
    }
}
