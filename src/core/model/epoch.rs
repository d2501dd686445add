//! The fencing token of an identity.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Grows by one with every assignment of its identity and never goes back. 0: it was never assigned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// Of an identity that was never assigned.
    pub const NEVER: Self = Self(0);

    /// An epoch that somebody wrote down.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The epoch of the next assignment; `None` behind the last number, which no site ever reaches.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// As a number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_only_grows() {
        let first = Epoch::NEVER.next().unwrap();
        assert_eq!((first, first.to_string()), (Epoch::new(1), "1".to_owned()));
        assert!(first.next().unwrap() > first);
        assert_eq!(Epoch::new(u64::MAX).next(), None);
    }
}
