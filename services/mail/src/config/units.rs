//! Durations and sizes as people write them: `30s`, `50MiB`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number with ms, s, min, h or d behind it, such as 30s")]
pub struct PeriodError;

/// A text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is a whole number with B, KiB, MiB, GiB or TiB (or kB, MB, GB, TB) behind it, such as 50MiB")]
pub struct OctetsError;

/// A duration, such as `30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(pub Duration);

/// A number of octets, such as `50MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Octets(pub u64);

/// From the smallest.
const PERIODS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];

impl Period {
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

/// `30s` in the smallest of the units.
fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the biggest unit that leaves nothing over.
fn written(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| value.is_multiple_of(*factor);
    let (name, factor) = units.iter().rev().find(fits).copied().unwrap_or(units[0]);
    if value == 0 { format!("0{}", units[0].0) } else { format!("{}{name}", value / factor) }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        read(text, &PERIODS).map(|milliseconds| Self(Duration::from_millis(milliseconds))).ok_or(PeriodError)
    }
}

impl FromStr for Octets {
    type Err = OctetsError;

    fn from_str(text: &str) -> Result<Self, OctetsError> {
        read(text, &SIZES).map(Self).ok_or(OctetsError)
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl TryFrom<String> for Octets {
    type Error = OctetsError;

    fn try_from(text: String) -> Result<Self, OctetsError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl From<Octets> for String {
    fn from(octets: Octets) -> Self {
        octets.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        out.write_str(&written(milliseconds, &PERIODS))
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&written(self.0, &SIZES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_and_written() {
        for (text, seconds) in
            [("0s", 0), ("30s", 30), ("90s", 90), ("5min", 300), ("2h", 7200), ("7d", 604_800)]
        {
            assert_eq!(text.parse(), Ok(Period::seconds(seconds)), "{text}");
        }
        assert_eq!("250ms".parse(), Ok(Period(Duration::from_millis(250))));
        assert_eq!(Period::seconds(0).to_string(), "0ms");
        assert_eq!(Period::seconds(120).to_string(), "2min");
        assert_eq!(Period(Duration::from_millis(1500)).to_string(), "1500ms");
        for (text, octets) in
            [("0B", 0), ("1kB", 1000), ("1KiB", 1024), ("50MiB", 52_428_800), ("2TB", 2_000_000_000_000)]
        {
            assert_eq!(text.parse(), Ok(Octets(octets)), "{text}");
            assert_eq!(Octets(octets).to_string(), text);
        }
    }

    #[test]
    fn what_has_no_unit_or_is_too_big_is_none() {
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "30 s",
            "30m",
            "1S",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(text.parse::<Period>(), Err(PeriodError), "{text}");
        }
        for text in ["", "1", "B", "-1B", "1K", "1kib", "16777216TiB"] {
            assert_eq!(text.parse::<Octets>(), Err(OctetsError), "{text}");
        }
    }
}
