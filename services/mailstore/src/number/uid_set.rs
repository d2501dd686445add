//! A set of UIDs as runs: a mailbox of 100,000 messages that were delivered one behind the other is one run.

mod algebra;

pub use algebra::Places;

use super::Uid;
use std::fmt;

/// Sorted, without overlaps, runs that touch joined. Its text is IMAP's: `1:4,7,9:12`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UidSet {
    /// First and last of each run.
    runs: Vec<(u32, u32)>,
}

impl UidSet {
    pub fn new() -> Self {
        Self::default()
    }

    /// Every UID that there can be.
    pub fn all() -> Self {
        Self { runs: vec![(1, u32::MAX)] }
    }

    pub fn one(uid: Uid) -> Self {
        Self { runs: vec![(uid.get(), uid.get())] }
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many UIDs.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    pub fn insert(&mut self, uid: Uid) {
        self.insert_run(uid, uid);
    }

    /// Everything from `first` to `last`, which may come in either order, as in `9:4` (RFC 9051, `seq-range`).
    pub fn insert_run(&mut self, first: Uid, last: Uid) {
        let (mut first, mut last) = (first.min(last).get(), first.max(last).get());
        // Runs that overlap or touch the new one become part of it.
        let from = self.runs.partition_point(|run| run.1 < first && first - run.1 > 1);
        let to = self.runs.partition_point(|run| run.0 <= last || run.0 - last == 1);
        if from < to {
            first = first.min(self.runs[from].0);
            last = last.max(self.runs[to - 1].1);
        }
        self.runs.splice(from..to, [(first, last)]);
    }

    pub fn remove(&mut self, uid: Uid) {
        let number = uid.get();
        let at = self.runs.partition_point(|run| run.1 < number);
        let Some(&(first, last)) = self.runs.get(at).filter(|run| run.0 <= number) else { return };
        let before = (first < number).then(|| (first, number - 1));
        let behind = (number < last).then(|| (number + 1, last));
        self.runs.splice(at..=at, before.into_iter().chain(behind));
    }

    /// Takes out everything up to a UID, itself included.
    pub fn remove_to(&mut self, uid: Uid) {
        *self = uid.next().map_or_else(Self::new, |next| self.from(next));
    }

    /// Those from a UID on, itself included.
    pub fn from(&self, uid: Uid) -> Self {
        let number = uid.get();
        let at = self.runs.partition_point(|run| run.1 < number);
        let mut runs = self.runs[at..].to_vec();
        if let Some(first) = runs.first_mut() {
            first.0 = first.0.max(number);
        }
        Self { runs }
    }

    pub fn first(&self) -> Option<Uid> {
        self.runs.first().and_then(|run| Uid::new(run.0))
    }

    pub fn contains(&self, uid: Uid) -> bool {
        let at = self.runs.partition_point(|run| run.1 < uid.get());
        self.runs.get(at).is_some_and(|run| run.0 <= uid.get())
    }

    /// How many UIDs of the set come before this one: a message's sequence number is one more.
    pub fn rank(&self, uid: Uid) -> u64 {
        let number = uid.get();
        let before = self.runs.iter().take_while(|run| run.0 < number);
        before.map(|&(first, last)| u64::from(last.min(number - 1) - first) + 1).sum()
    }

    /// The UID with so many before it.
    pub fn nth(&self, mut rank: u64) -> Option<Uid> {
        for &(first, last) in &self.runs {
            let length = u64::from(last - first) + 1;
            if rank < length {
                return Uid::new(first + u32::try_from(rank).ok()?);
            }
            rank -= length;
        }
        None
    }

    pub fn last(&self) -> Option<Uid> {
        self.runs.last().and_then(|run| Uid::new(run.1))
    }

    /// The runs, in order: first and last UID of each.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = (Uid, Uid)> + '_ {
        let uid = |number| Uid::new(number).unwrap_or(Uid::MIN);
        self.runs.iter().map(move |&(first, last)| (uid(first), uid(last)))
    }

    /// Every UID, in order. Of [`UidSet::all`] these are four billion: bound it with a mailbox's own set first.
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.runs.iter().flat_map(|&(first, last)| (first..=last).filter_map(Uid::new))
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut set = Self::new();
        for uid in uids {
            set.insert(uid);
        }
        set
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.runs.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}:{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    #[test]
    fn text_is_imaps_and_the_borders_hold() {
        let mut set: UidSet = [4, 1, 2, 9, 3].map(uid).into_iter().collect();
        assert_eq!(set.to_string(), "1:4,9");
        set.insert_run(uid(8), uid(6));
        assert_eq!(set.to_string(), "1:4,6:9");
        set.insert_run(uid(u32::MAX), uid(u32::MAX - 1));
        set.insert(uid(5));
        assert_eq!(set.to_string(), "1:9,4294967294:4294967295");
        assert_eq!(UidSet::all().len(), u64::from(u32::MAX));
        assert_eq!(UidSet::new().to_string(), "");
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in proptest::collection::vec((any::<bool>(), 1u32..60, 0u32..9), 0..60)) {
            let (mut set, mut plain) = (UidSet::new(), BTreeSet::new());
            for (is_insert, first, more) in steps {
                if is_insert {
                    set.insert_run(uid(first), uid(first + more));
                    plain.extend(first..=first + more);
                } else {
                    set.remove(uid(first));
                    plain.remove(&first);
                }
                prop_assert!(set.iter().map(Uid::get).eq(plain.iter().copied()));
                prop_assert_eq!(set.len(), plain.len() as u64);
                prop_assert!(set.runs.windows(2).all(|two| two[0].1 + 1 < two[1].0), "{:?}", set.runs);
            }
            for number in 1..70 {
                prop_assert_eq!(set.contains(uid(number)), plain.contains(&number));
                prop_assert_eq!(set.rank(uid(number)), plain.range(..number).count() as u64);
                prop_assert!(set.from(uid(number)).iter().map(Uid::get).eq(plain.range(number..).copied()));
            }
            for (rank, number) in plain.iter().enumerate() {
                prop_assert_eq!(set.nth(rank as u64), Some(uid(*number)));
            }
            prop_assert_eq!(set.nth(plain.len() as u64), None);
        }
    }
}
