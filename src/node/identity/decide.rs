//! What an order changes. Pure: no clock, no file, no socket.

use super::epochs::{Epochs, Stale};
use super::tenure::{End, Stage, Tenure};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::Order;

/// What to do about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Everything is as it is to be.
    GoOn,
    /// Act under this identity; nothing is held now.
    Begin { identity: Name, epoch: Epoch },
    /// Let go of what is held.
    GiveUp,
    /// Nothing of this is held; make sure that it never will be, and say so.
    Renounce { identity: Name, epoch: Epoch },
    /// The order is older than what this node knows. What is held stays.
    Refuse { identity: Name, epoch: Epoch, why: Stale },
}

/// Compares an order with what is held and with what was ever held.
pub fn decide(tenure: Option<&Tenure>, epochs: &Epochs, order: &Order) -> Decision {
    match order {
        Order::Keep => Decision::GoOn,
        Order::Hold { identity, epoch } => hold(tenure, epochs, identity, *epoch),
        Order::Release { identity, epoch } => release(tenure, identity, *epoch),
    }
}

fn hold(tenure: Option<&Tenure>, epochs: &Epochs, identity: &Name, epoch: Epoch) -> Decision {
    if tenure.is_some_and(|held| held.identity == *identity && held.epoch == epoch) {
        return Decision::GoOn;
    }
    let identity = identity.clone();
    if let Some(held) = tenure.filter(|held| held.identity == identity && held.epoch > epoch) {
        return Decision::Refuse { identity, epoch, why: Stale::Older { asked: epoch, known: held.epoch } };
    }
    match (epochs.allow(&identity, epoch), tenure) {
        (Err(why), _) => Decision::Refuse { identity, epoch, why },
        (Ok(()), Some(held)) if !held.is_over() => Decision::GiveUp,
        (Ok(()), _) => Decision::Begin { identity, epoch },
    }
}

fn release(tenure: Option<&Tenure>, identity: &Name, epoch: Epoch) -> Decision {
    let renounce = Decision::Renounce { identity: identity.clone(), epoch };
    match tenure {
        Some(held) if held.identity != *identity => Decision::GoOn,
        // An old word: the identity has been given to this node again since.
        Some(held) if epoch < held.epoch => Decision::GoOn,
        Some(held) if !held.is_over() => Decision::GiveUp,
        Some(_) | None => renounce,
    }
}

impl Tenure {
    /// Whether nothing of it is left on this node.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Failed { .. })
    }

    /// The beginning of its end.
    pub fn give_up(&mut self, end: End) {
        self.stage = Stage::GivingUp { end };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn tenure(identity: &str, epoch: u64, stage: Stage) -> Tenure {
        Tenure { identity: name(identity), epoch: Epoch::new(epoch), stage, place: None, began_ms: 0 }
    }

    /// Catches, among others, the mutants that take an epoch below the newest, release at a lower epoch than the one held,
    /// and release an identity that is not the one named.
    #[test]
    fn every_order_in_every_stage() {
        let failed = || Stage::Failed { reason: "x".into() };
        let hold = |identity: &str, epoch| Order::Hold { identity: name(identity), epoch: Epoch::new(epoch) };
        let release =
            |identity: &str, epoch| Order::Release { identity: name(identity), epoch: Epoch::new(epoch) };
        let begin =
            |identity: &str, epoch| Decision::Begin { identity: name(identity), epoch: Epoch::new(epoch) };
        let renounce =
            |identity: &str, epoch| Decision::Renounce { identity: name(identity), epoch: Epoch::new(epoch) };
        let refuse = |asked, why| Decision::Refuse { identity: name("a"), epoch: Epoch::new(asked), why };
        let older = |asked| Stale::Older { asked: Epoch::new(asked), known: Epoch::new(5) };
        let mut epochs = Epochs::default();
        epochs.begin(&name("a"), Epoch::new(5));
        let active = || Some(tenure("a", 5, Stage::Active));
        let activating = || Some(tenure("a", 5, Stage::Activating));
        for (held, order, expected) in [
            (None, Order::Keep, Decision::GoOn),
            (None, hold("a", 4), refuse(4, older(4))),
            (None, hold("a", 5), begin("a", 5)),
            (None, hold("a", 6), begin("a", 6)),
            (None, hold("b", 1), begin("b", 1)),
            (None, release("a", 5), renounce("a", 5)),
            (active(), Order::Keep, Decision::GoOn),
            (active(), hold("a", 5), Decision::GoOn),
            (active(), hold("a", 4), refuse(4, older(4))),
            (active(), hold("a", 6), Decision::GiveUp),
            (active(), hold("b", 1), Decision::GiveUp),
            (active(), release("a", 4), Decision::GoOn),
            (active(), release("a", 5), Decision::GiveUp),
            (active(), release("a", 6), Decision::GiveUp),
            (active(), release("b", 9), Decision::GoOn),
            (activating(), hold("a", 5), Decision::GoOn),
            (activating(), release("a", 4), Decision::GoOn),
            (activating(), release("a", 5), Decision::GiveUp),
            (Some(tenure("a", 5, failed())), Order::Keep, Decision::GoOn),
            (Some(tenure("a", 5, failed())), hold("a", 5), Decision::GoOn),
            (Some(tenure("a", 5, failed())), hold("a", 6), begin("a", 6)),
            (Some(tenure("a", 5, failed())), hold("b", 2), begin("b", 2)),
            (Some(tenure("a", 5, failed())), release("a", 5), renounce("a", 5)),
        ] {
            assert_eq!(decide(held.as_ref(), &epochs, &order), expected, "{held:?} {order:?}");
        }
    }
}
