//! A number of bytes, written by people as `512MiB`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A number of bytes. Parses `4096`, `64KiB`, `512MiB`, `4GiB` (powers of 1024 only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteCount(u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// The text is not a number of bytes.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a size; write a whole number with KiB, MiB or GiB, such as 512MiB")]
pub struct ByteCountError(String);

impl ByteCount {
    /// `mebibytes` times 1,048,576 bytes.
    pub const fn mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// Exactly `bytes` bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteCount {
    type Err = ByteCountError;

    fn from_str(text: &str) -> Result<Self, ByteCountError> {
        let refuse = || ByteCountError(text.to_owned());
        let unit = UNITS.iter().find(|(name, _)| text.ends_with(name));
        let (digits, factor) = match unit {
            Some((name, factor)) => (&text[..text.len() - name.len()], *factor),
            None => (text, 1),
        };
        let number: u64 = digits.trim().parse().map_err(|_| refuse())?;
        number.checked_mul(factor).map(Self).ok_or_else(refuse)
    }
}

impl TryFrom<String> for ByteCount {
    type Error = ByteCountError;

    fn try_from(text: String) -> Result<Self, ByteCountError> {
        text.parse()
    }
}

impl From<ByteCount> for String {
    fn from(count: ByteCount) -> Self {
        let exact = UNITS.iter().find(|(_, factor)| count.0 > 0 && count.0.is_multiple_of(*factor));
        exact.map_or_else(|| count.0.to_string(), |(name, factor)| format!("{}{name}", count.0 / factor))
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, factor)| self.0 >= *factor) {
            Some((name, factor)) => write!(out, "{:.1} {name}", self.0 as f64 / *factor as f64),
            None => write!(out, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("0", 0), ("4096", 4096), ("64KiB", 65_536), ("512 MiB", 536_870_912)] {
            assert_eq!(text.parse::<ByteCount>().unwrap().get(), bytes, "{text}");
        }
        for text in ["", "MiB", "-1MiB", "1.5GiB", "1MB", "99999999999999GiB"] {
            assert!(text.parse::<ByteCount>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_written_so_that_it_reads_back() {
        for bytes in [0, 1, 1024, 1025, 3 << 20, 5 << 30] {
            let text = String::from(ByteCount::bytes(bytes));
            assert_eq!(text.parse::<ByteCount>().unwrap().get(), bytes, "{text}");
        }
    }
}
