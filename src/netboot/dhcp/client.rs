//! Who asks: what a lease is bound to.

use super::message::{ETHERNET, Message};
use super::options::code;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use understudy_core::model::mac::MacAddress;

/// The longest identifier that is kept; RFC 4361's are about 20 bytes.
const IDENTIFIER_BYTES_MAX: usize = 64;
/// Written before the digits of an identifier.
const IDENTIFIER_PREFIX: &str = "id-";

/// A client. Its Ethernet address where it has one: ROM, loader and system of one machine send different client
/// identifiers, and must get the same address (against RFC 2131, section 4.2, on purpose). Otherwise its client
/// identifier (option 61). Never the transaction: machines that start together choose the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Client {
    Ethernet(MacAddress),
    Identifier(Vec<u8>),
}

/// The text is not a client.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a DHCP client; write its Ethernet address, or id- and hexadecimal digits")]
pub struct ClientError(String);

impl Client {
    /// Who sent a message; `None` where it does not say.
    pub fn of(message: &Message) -> Option<Self> {
        let (kind, length) = (message.hardware_kind, usize::from(message.hardware_length));
        if kind == ETHERNET && length == 6 {
            let bytes: [u8; 6] = message.hardware[..6].try_into().expect("six of sixteen bytes");
            return is_unicast(bytes).then(|| Self::Ethernet(MacAddress::new(bytes)));
        }
        // InfiniBand has 20 bytes, which the field cannot hold: such clients send an identifier (RFC 4390).
        let hardware = message.hardware.get(..length).filter(|hardware| !hardware.is_empty());
        let identifier = match (message.options.get(code::CLIENT_IDENTIFIER), hardware) {
            (Some(identifier), _) => identifier.to_vec(),
            // The form that RFC 2132, section 9.14 gives hardware addresses.
            (None, Some(hardware)) => [&[kind], hardware].concat(),
            (None, None) => return None,
        };
        (2..=IDENTIFIER_BYTES_MAX).contains(&identifier.len()).then_some(Self::Identifier(identifier))
    }

    /// The Ethernet address, where that is what the client is known by.
    pub fn mac(&self) -> Option<MacAddress> {
        match self {
            Self::Ethernet(mac) => Some(*mac),
            Self::Identifier(_) => None,
        }
    }
}

/// Whether an Ethernet address names one interface (IEEE 802, the group bit).
pub fn is_unicast(bytes: [u8; 6]) -> bool {
    bytes[0] & 1 == 0 && bytes != [0; 6]
}

impl fmt::Display for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ethernet(mac) => mac.fmt(out),
            Self::Identifier(bytes) => write!(out, "{IDENTIFIER_PREFIX}{}", hex::encode(bytes)),
        }
    }
}

impl FromStr for Client {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let refuse = || ClientError(text.to_owned());
        match text.strip_prefix(IDENTIFIER_PREFIX) {
            Some(digits) => hex::decode(digits).map(Self::Identifier).map_err(|_| refuse()),
            None => text.parse().map(Self::Ethernet).map_err(|_| refuse()),
        }
    }
}

impl TryFrom<String> for Client {
    type Error = ClientError;

    fn try_from(text: String) -> Result<Self, ClientError> {
        text.parse()
    }
}

impl From<Client> for String {
    fn from(client: Client) -> Self {
        client.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_written_and_read() {
        for text in ["52:54:00:00:00:01", "id-ff0001"] {
            assert_eq!(text.parse::<Client>().unwrap().to_string(), text);
        }
        for text in ["", "id-f", "id-zz", "52:54"] {
            assert!(text.parse::<Client>().is_err(), "{text}");
        }
    }
}
