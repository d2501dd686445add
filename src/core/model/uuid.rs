//! UUIDs by which firmware, boot loaders and BMCs name a machine or a service. A name that can be copied, never a proof.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where hyphens stand in the text (RFC 9562, section 4).
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const TEXT_BYTES: usize = 36;
/// A default that many boards share, as their SMBIOS has it.
const SHARED: Uuid = Uuid::new([3, 0, 2, 0, 4, 0, 5, 0, 0, 6, 0, 7, 0, 8, 0, 9]);

/// Sixteen bytes in the order in which they are written as text (RFC 9562, section 4); written in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uuid([u8; 16]);

/// The text is no UUID.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a UUID, such as 12345678-9abc-8ef0-9234-56789abcdef0")]
pub struct UuidError(String);

impl Uuid {
    /// From the bytes in the order of the text.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// In a table of SMBIOS the first three fields are little-endian (DMTF DSP0134, section 7.2.1).
    pub fn from_smbios(bytes: [u8; 16]) -> Self {
        Self(bytes).swapped()
    }

    /// As a table of SMBIOS has it.
    pub fn to_smbios(self) -> [u8; 16] {
        self.swapped().0
    }

    /// Whether it is what boards show that have none of their own, in whichever order of bytes.
    pub fn names_nobody(self) -> bool {
        let is_one_byte = self.0.iter().all(|byte| *byte == self.0[0]);
        is_one_byte || self == SHARED || self.swapped() == SHARED
    }

    /// Firmware, loader and BMC of one board do not always agree on the order of the first three fields, so that either
    /// order counts. What names nobody is no machine's.
    pub fn is_same_machine(self, other: Self) -> bool {
        !self.names_nobody() && (self == other || self.swapped() == other)
    }

    /// With the bytes of each of the first three fields in the other order.
    fn swapped(self) -> Self {
        let mut bytes = self.0;
        bytes[..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
        Self(bytes)
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    /// Takes either case, and text without any hyphen.
    fn from_str(text: &str) -> Result<Self, UuidError> {
        let refuse = || UuidError(text.to_owned());
        let is_separated = text.len() == TEXT_BYTES
            && text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == HYPHENS.contains(&at));
        let digits = if is_separated { text.replace('-', "") } else { text.to_owned() };
        let mut bytes = [0; 16];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| refuse())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Uuid {
    type Error = UuidError;

    fn try_from(text: String) -> Result<Self, UuidError> {
        text.parse()
    }
}

impl From<Uuid> for String {
    fn from(uuid: Uuid) -> Self {
        uuid.to_string()
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex::encode(self.0);
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
        out.write_str(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: &str = "00112233-4455-6677-8899-aabbccddeeff";
    const BLANK: [&str; 4] = [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
    ];

    fn uuid(text: &str) -> Uuid {
        text.parse().unwrap()
    }

    #[test]
    fn both_byte_orders_of_one_uuid_are_one_machine_and_nothing_else_is() {
        for same in [OURS, "00112233-4455-6677-8899-AABBCCDDEEFF", "33221100-5544-7766-8899-aabbccddeeff"] {
            assert!(uuid(OURS).is_same_machine(uuid(same)), "{same}");
        }
        for other in ["33221100-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-9988-aabbccddeeff"] {
            assert!(!uuid(OURS).is_same_machine(uuid(other)), "{other}");
        }
    }

    /// Mutant: boards without a UUID count as one machine (`is_same_machine` does not ask `names_nobody`).
    #[test]
    fn two_boards_without_a_uuid_are_not_one_machine() {
        for blank in BLANK {
            assert!(uuid(blank).names_nobody(), "{blank}");
            assert!(!uuid(blank).is_same_machine(uuid(blank)), "{blank}");
        }
        assert!(!uuid(OURS).names_nobody());
    }

    #[test]
    fn either_case_is_read_with_hyphens_in_their_places_or_without() {
        for text in [OURS, "00112233-4455-6677-8899-AABBCCDDEEFF", "00112233445566778899aabbccddeeff"] {
            assert_eq!(uuid(text).to_string(), OURS, "{text}");
        }
        for text in [
            "",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233-4455-6677-8899-aabbccddee",
            "00112233x4455-6677-8899-aabbccddeeff",
            "0011223-34455-6677-8899-aabbccddeeff",
            "00112233445566778899-aabb-ccdd-ee-ff",
        ] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_uuid_comes_back(bytes: [u8; 16]) {
            let ours = Uuid::new(bytes);
            prop_assert_eq!(uuid(&ours.to_string()), ours);
            prop_assert_eq!(Uuid::from_smbios(ours.to_smbios()), ours);
            let json = serde_json::to_string(&ours).unwrap();
            prop_assert_eq!(&json, &format!("\"{ours}\""));
            prop_assert_eq!(serde_json::from_str::<Uuid>(&json).unwrap(), ours);
        }
    }
}
