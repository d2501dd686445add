//! Sets put together, and places in a set: each in one walk over the runs, however many there are.

use super::UidSet;
use crate::number::Uid;
use std::ops::RangeInclusive;

/// Tells the place of one UID after the other, which only grow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places {
    /// The run that is looked at.
    run: usize,
    /// How many UIDs the runs before it have.
    before: u64,
}

impl UidSet {
    /// Those that are in both.
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut runs, mut ours, mut theirs) = (Vec::new(), 0, 0);
        while let (Some(&(first, last)), Some(&(other_first, other_last))) =
            (self.runs.get(ours), other.runs.get(theirs))
        {
            if first.max(other_first) <= last.min(other_last) {
                runs.push((first.max(other_first), last.min(other_last)));
            }
            if last <= other_last {
                ours += 1;
            } else {
                theirs += 1;
            }
        }
        Self { runs }
    }

    /// Those that are not in the other one.
    pub fn difference(&self, other: &Self) -> Self {
        let (mut runs, mut theirs) = (Vec::new(), 0);
        for &(first, last) in &self.runs {
            let mut next = Some(first);
            while let Some(&(other_first, other_last)) = other.runs.get(theirs) {
                let Some(from) = next.filter(|from| *from <= last && other_first <= last) else { break };
                if other_first > from {
                    runs.push((from, other_first - 1));
                }
                next = other_last.checked_add(1).map(|behind| behind.max(from));
                if other_last > last {
                    break;
                }
                theirs += 1;
            }
            if let Some(from) = next.filter(|from| *from <= last) {
                runs.push((from, last));
            }
        }
        Self { runs }
    }

    /// Puts in all of another one.
    pub fn extend(&mut self, other: &Self) {
        for (first, last) in other.runs() {
            self.insert_run(first, last);
        }
    }

    /// Of ascending ranges. 0 is no UID, and is left out.
    pub fn of_ranges(ranges: &[RangeInclusive<u32>]) -> Self {
        let mut set = Self::new();
        for range in ranges {
            if let (Some(first), Some(last)) = (Uid::new((*range.start()).max(1)), Uid::new(*range.end())) {
                set.insert_run(first, last);
            }
        }
        set
    }

    /// Those at ascending places, of which the first one is 1. Where there are none, nothing is.
    pub fn at_places(&self, places: &[RangeInclusive<u32>]) -> Self {
        let (mut set, mut run, mut before) = (Self::new(), 0, 0_u64);
        for range in places {
            let (from, to) = (u64::from(*range.start()), u64::from(*range.end()));
            while let Some(&(first, last)) = self.runs.get(run) {
                let length = u64::from(last - first) + 1;
                if before + length >= from && before < to {
                    let skip = from.saturating_sub(before + 1);
                    let end = to.min(before + length) - before - 1;
                    let uid = |more: u64| u32::try_from(more).ok().and_then(|more| Uid::new(first + more));
                    if let (Some(first), Some(last)) = (uid(skip), uid(end)) {
                        set.insert_run(first, last);
                    }
                }
                if before + length > to {
                    break;
                }
                before += length;
                run += 1;
            }
        }
        set
    }
}

impl Places {
    /// The first one's place is 1: a message's sequence number. The set must be the same each time.
    pub fn of(&mut self, set: &UidSet, uid: Uid) -> Option<u32> {
        while let Some(&(first, last)) = set.runs.get(self.run) {
            if uid.get() < first {
                return None;
            }
            if uid.get() <= last {
                return u32::try_from(self.before + u64::from(uid.get() - first) + 1).ok();
            }
            self.before += u64::from(last - first) + 1;
            self.run += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(numbers: &BTreeSet<u32>) -> UidSet {
        numbers.iter().filter_map(|number| Uid::new(*number)).collect()
    }

    fn numbers(set: &UidSet) -> BTreeSet<u32> {
        set.iter().map(Uid::get).collect()
    }

    #[test]
    fn the_borders_hold() {
        let all = UidSet::all();
        assert_eq!(all.difference(&all), UidSet::new());
        let last = UidSet::one(Uid::MAX);
        assert_eq!(all.difference(&last).to_string(), "1:4294967294");
        assert_eq!(all.intersection(&last), last);
        assert_eq!(all.at_places(&[u32::MAX..=u32::MAX]), last);
        assert_eq!(UidSet::of_ranges(&[0..=0, 4..=u32::MAX]).to_string(), "4:4294967295");
    }

    proptest! {
        #[test]
        fn they_are_sets(one in prop::collection::btree_set(1_u32..50, 0..30), other in prop::collection::btree_set(1_u32..50, 0..30)) {
            let (ours, theirs) = (set(&one), set(&other));
            prop_assert_eq!(numbers(&ours.intersection(&theirs)), &one & &other);
            prop_assert_eq!(numbers(&ours.difference(&theirs)), &one - &other);
            let mut both = ours.clone();
            both.extend(&theirs);
            prop_assert_eq!(numbers(&both), &one | &other);
        }

        #[test]
        fn places_are_ranks(plain in prop::collection::btree_set(1_u32..60, 0..40), wanted in prop::collection::btree_set(1_u32..50, 0..20)) {
            let all = set(&plain);
            let mut places = Places::default();
            for number in 1..70 {
                let expected = plain.iter().position(|known| *known == number).map(|place| place as u32 + 1);
                prop_assert_eq!(places.of(&all, Uid::new(number).unwrap()), expected);
            }
            let ranges: Vec<_> = set(&wanted).runs().map(|(first, last)| first.get()..=last.get()).collect();
            let expected: BTreeSet<u32> =
                plain.iter().zip(1..).filter(|(_, place)| wanted.contains(place)).map(|(number, _)| *number).collect();
            prop_assert_eq!(numbers(&all.at_places(&ranges)), expected);
        }
    }
}
