//! How many nodes of a rack may be fenced within a window, whatever the detector says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// The tokens that were spent, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    pub spent: Vec<Spent>,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub at: Timestamp,
    pub node: NodeId,
    pub identity: Name,
    pub epoch: Epoch,
}

impl Allowance {
    /// How many tokens of the window are spent. A clock that went back frees none.
    pub fn used(&self, window: Duration, now: Timestamp) -> usize {
        self.spent.iter().filter(|spent| is_within(spent.at, window, now)).count()
    }

    /// With one more token spent, and without those that the window has left behind.
    #[must_use]
    pub fn with(&self, token: Spent, window: Duration) -> Self {
        let now = token.at;
        let recent = self.spent.iter().filter(|spent| is_within(spent.at, window, now)).cloned();
        Self { spent: recent.chain([token]).collect() }
    }
}

/// Whether this was less than `window` ago.
pub fn is_within(at: Timestamp, window: Duration, now: Timestamp) -> bool {
    now.duration_since(at) < jiff::SignedDuration::try_from(window).unwrap_or(jiff::SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_until_its_window_has_passed_and_a_clock_that_goes_back_frees_none() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let (hour, second) = (Duration::from_secs(3600), jiff::SignedDuration::from_secs(1));
        let (node, identity) = (NodeId::of_public_key(b"n"), "dns-1".parse().unwrap());
        let token = Spent { at, node, identity, epoch: Epoch::new(1) };
        let allowance = Allowance::default().with(token.clone(), hour);
        assert_eq!(allowance.used(hour, at), 1);
        assert_eq!(allowance.used(hour, at + hour - second), 1);
        assert_eq!(allowance.used(hour, at + hour), 0);
        assert_eq!(allowance.used(hour, at - hour), 1);
        let later = Spent { at: at + hour, ..token };
        assert_eq!(allowance.with(later, hour).spent.len(), 1);
    }
}
