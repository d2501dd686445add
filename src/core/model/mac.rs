//! Ethernet addresses. They say where an answer goes, never who a node is.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Six bytes; written `52:54:00:12:34:56`, in URLs without colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress([u8; 6]);

/// The text is not an Ethernet address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an Ethernet address; write 52:54:00:12:34:56")]
pub struct MacAddressError(String);

impl MacAddress {
    /// From the bytes as they stand in a frame.
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// As they stand in a frame.
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Twelve hexadecimal digits, for URLs and file names.
    pub fn digits(self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for MacAddress {
    type Err = MacAddressError;

    /// Takes both forms, and the case and hyphens that firmware writes.
    fn from_str(text: &str) -> Result<Self, MacAddressError> {
        let refuse = || MacAddressError(text.to_owned());
        let is_separated = text.len() == 17
            && text.bytes().enumerate().all(|(at, byte)| (at % 3 == 2) == (byte == b':' || byte == b'-'));
        let digits = if is_separated { text.replace([':', '-'], "") } else { text.to_owned() };
        let mut bytes = [0; 6];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| refuse())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for MacAddress {
    type Error = MacAddressError;

    fn try_from(text: String) -> Result<Self, MacAddressError> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let mac = MacAddress::new([0x52, 0x54, 0, 0xab, 0xcd, 0xef]);
        for text in ["52:54:00:ab:cd:ef", "52-54-00-AB-CD-EF", "525400abcdef"] {
            assert_eq!(text.parse::<MacAddress>().unwrap(), mac, "{text}");
        }
        assert_eq!((mac.to_string().as_str(), mac.digits().as_str()), ("52:54:00:ab:cd:ef", "525400abcdef"));
    }

    #[test]
    fn nothing_else_is_one() {
        for text in
            ["", "52:54:00:ab:cd", "5254:00ab:cdef:1", "52:54:00:ab:cd:eg", "525400abcdef00", "::::::"]
        {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
    }
}
