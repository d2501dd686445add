//! Which epochs this node has seen: its own guard against an order that is older than what it knows.
//!
//! Kept in state, so that a restart of the machine forgets nothing.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;

/// The newest epoch of each identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epochs(BTreeMap<Name, Newest>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Newest {
    epoch: Epoch,
    /// Whether this node let go of it, which is for good.
    is_given_up: bool,
}

/// Why this node does not act at an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    #[error("epoch {asked} is older than epoch {known}, which this node has seen")]
    Older { asked: Epoch, known: Epoch },
    #[error("epoch {0} was given up by this node")]
    GivenUp(Epoch),
    #[error("epoch 0 is no assignment")]
    Never,
}

impl Epochs {
    /// Whether this node may act under the identity at this epoch. The same epoch again is fine until it is given up:
    /// an activation that was interrupted begins again.
    pub fn allow(&self, identity: &Name, asked: Epoch) -> Result<(), Stale> {
        let newest = self.0.get(identity).copied().unwrap_or_default();
        if asked == Epoch::NEVER {
            return Err(Stale::Never);
        }
        if asked < newest.epoch {
            return Err(Stale::Older { asked, known: newest.epoch });
        }
        if asked == newest.epoch && newest.is_given_up { Err(Stale::GivenUp(asked)) } else { Ok(()) }
    }

    /// Remembers an epoch that this node is about to act at.
    pub fn begin(&mut self, identity: &Name, epoch: Epoch) {
        let newest = self.0.entry(identity.clone()).or_default();
        if epoch > newest.epoch {
            *newest = Newest { epoch, is_given_up: false };
        }
    }

    /// Remembers that this node never acts at this epoch again.
    pub fn give_up(&mut self, identity: &Name, epoch: Epoch) {
        let newest = self.0.entry(identity.clone()).or_default();
        if epoch >= newest.epoch {
            *newest = Newest { epoch, is_given_up: true };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches the mutants that compare with `<=`, forget what was given up, or let `begin` go back.
    #[test]
    fn no_epoch_comes_back() {
        let name: Name = "dns-1".parse().unwrap();
        let (four, five, six) = (Epoch::new(4), Epoch::new(5), Epoch::new(6));
        let mut epochs = Epochs::default();
        assert_eq!(epochs.allow(&name, Epoch::NEVER), Err(Stale::Never));
        epochs.begin(&name, five);
        epochs.begin(&name, four);
        assert_eq!(epochs.allow(&name, four), Err(Stale::Older { asked: four, known: five }));
        assert_eq!(epochs.allow(&name, five), Ok(()));
        epochs.give_up(&name, four);
        assert_eq!(epochs.allow(&name, five), Ok(()), "an older one was given up");
        epochs.give_up(&name, five);
        epochs.begin(&name, five);
        assert_eq!(epochs.allow(&name, five), Err(Stale::GivenUp(five)));
        assert_eq!(epochs.allow(&name, six), Ok(()));
        assert_eq!(epochs.allow(&"dns-2".parse().unwrap(), four), Ok(()));
        let text = serde_json::to_vec(&epochs).unwrap();
        assert_eq!(serde_json::from_slice::<Epochs>(&text).unwrap(), epochs);
    }
}
