//! Sequence sets (RFC 3501, section 9: `sequence-set`), of message numbers or of UIDs.
//!
//! Entry points: [`Set::resolve`], and [`compact`] for the other way.

use std::fmt;
use std::ops::RangeInclusive;

/// `3`, or `*`: the last one that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Not 0.
    Number(u32),
    Last,
}

/// As the client said it. There may be much in it that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set(pub Vec<(Bound, Bound)>);

/// Ascending ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<RangeInclusive<u32>>);

impl Set {
    /// What it means where `last` is the last one. `*` is nothing where there is none.
    pub fn resolve(&self, last: Option<u32>) -> Ranges {
        let number = |bound: Bound| match bound {
            Bound::Number(number) => Some(number),
            Bound::Last => last,
        };
        let pairs = self.0.iter().filter_map(|(from, to)| Some((number(*from)?, number(*to)?)));
        Ranges::of(pairs.map(|(from, to)| from.min(to)..=from.max(to)).collect())
    }
}

impl Ranges {
    /// In the time that sorting takes.
    pub fn of(mut ranges: Vec<RangeInclusive<u32>>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(before) if *range.start() <= before.end().saturating_add(1) => {
                    *before = *before.start()..=*before.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    pub fn as_slice(&self) -> &[RangeInclusive<u32>] {
        &self.0
    }

    pub fn contains(&self, number: u32) -> bool {
        let behind = self.0.partition_point(|range| *range.start() <= number);
        behind.checked_sub(1).is_some_and(|at| self.0[at].contains(&number))
    }

    /// The highest of them.
    pub fn last(&self) -> Option<u32> {
        self.0.last().map(|range| *range.end())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `1:3,7`; nothing for no ranges.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (from, to) if from == to => write!(f, "{comma}{from}")?,
                (from, to) => write!(f, "{comma}{from}:{to}")?,
            }
        }
        Ok(())
    }
}

/// Numbers in any order, as the shortest set of them.
pub fn compact(numbers: impl IntoIterator<Item = u32>) -> Ranges {
    Ranges::of(numbers.into_iter().map(|number| number..=number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(pairs: &[(u32, u32)]) -> Set {
        // 0 stands for `*` here.
        let bound = |number| if number == 0 { Bound::Last } else { Bound::Number(number) };
        Set(pairs.iter().map(|(from, to)| (bound(*from), bound(*to))).collect())
    }

    #[test]
    fn a_set_is_what_is_there_to_its_end() {
        for (pairs, last, expected) in [
            (vec![(1, 1)], Some(9), "1"),
            (vec![(3, 1), (2, 2)], Some(9), "1:3"),
            (vec![(1, 2), (3, 4), (6, 6)], Some(9), "1:4,6"),
            (vec![(0, 0)], Some(9), "9"),
            // The last one is in it even if it lies before the first (RFC 3501, section 6.4.8).
            (vec![(12, 0)], Some(9), "9:12"),
            (vec![(1, 0)], None, ""),
            (vec![(5, 5), (1, 0)], None, "5"),
            (vec![(u32::MAX, u32::MAX), (1, u32::MAX)], Some(1), "1:4294967295"),
        ] {
            assert_eq!(set(&pairs).resolve(last).to_string(), expected, "{pairs:?}");
        }
    }

    proptest! {
        #[test]
        fn ranges_hold_what_was_put_into_them(numbers in prop::collection::vec(1_u32..60, 0..40), probe in 0_u32..70) {
            let ranges = compact(numbers.iter().copied());
            prop_assert_eq!(ranges.contains(probe), numbers.contains(&probe));
            prop_assert_eq!(ranges.last(), numbers.iter().copied().max());
            let touching = ranges.as_slice().windows(2).any(|two| *two[0].end() + 1 >= *two[1].start());
            prop_assert!(!touching);
        }
    }
}
