//! Byte ranges (RFC 9110, section 14): one of them, as loaders and installers ask when they resume.
//!
//! What cannot be understood, and several ranges at once, are passed over, as the RFC allows. Entry point:
//! [`Selection::of`].

use std::ops::Range;

/// Which part of a file goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    Whole,
    Part(Range<u64>),
    /// The file has no such bytes.
    Unsatisfiable,
}

impl Selection {
    /// What the value of a `Range` field selects of `bytes` bytes.
    pub fn of(value: Option<&str>, bytes: u64) -> Self {
        match value.and_then(parse) {
            None => Self::Whole,
            Some(Asked::Last(count)) if count > 0 && bytes > 0 => {
                Self::Part(bytes.saturating_sub(count)..bytes)
            }
            Some(Asked::Between(start, end)) if start < bytes => {
                Self::Part(start..end.map_or(bytes, |end| end.saturating_add(1).min(bytes)))
            }
            Some(_) => Self::Unsatisfiable,
        }
    }
}

enum Asked {
    /// From the first offset to the second, both included.
    Between(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

fn parse(value: &str) -> Option<Asked> {
    let (unit, ranges) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (start, end) = ranges.trim().split_once('-')?;
    match (start.trim(), end.trim()) {
        ("", end) => Some(Asked::Last(number(end)?)),
        (start, "") => Some(Asked::Between(number(start)?, None)),
        (start, end) => {
            let (start, end) = (number(start)?, number(end)?);
            (start <= end).then_some(Asked::Between(start, Some(end)))
        }
    }
}

/// Digits only; one that is too large for us is larger than every file.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n26_ranges_as_clients_write_them() {
        for (value, selection) in [
            ("bytes=0-0", Selection::Part(0..1)),
            ("bytes=2-5", Selection::Part(2..6)),
            ("bytes=2-", Selection::Part(2..10)),
            ("Bytes = 9-99", Selection::Part(9..10)),
            ("bytes=0-18446744073709551615", Selection::Part(0..10)),
            ("bytes=0-99999999999999999999999", Selection::Part(0..10)),
            ("bytes=-3", Selection::Part(7..10)),
            ("bytes=-30", Selection::Part(0..10)),
            ("bytes=10-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=5-2", Selection::Whole),
            ("bytes=1-2,4-5", Selection::Whole),
            ("bytes=", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("bytes=+1-2", Selection::Whole),
            ("lines=1-2", Selection::Whole),
            ("", Selection::Whole),
        ] {
            assert_eq!(Selection::of(Some(value), 10), selection, "{value}");
        }
        assert_eq!(Selection::of(None, 10), Selection::Whole);
        assert_eq!(Selection::of(Some("bytes=0-"), 0), Selection::Unsatisfiable);
        assert_eq!(Selection::of(Some("bytes=-1"), 0), Selection::Unsatisfiable);
    }
}
