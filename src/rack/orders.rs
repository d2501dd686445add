//! What a heartbeat is answered with, from memory alone: what the plan last ordered, checked against what is stored.
//!
//! A node is never told to hold what is not stored as its own, whatever was ordered before; what is in doubt is `Keep`.

use crate::view::RackView;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::VolumeOrder;
use understudy_core::protocol::heartbeat::{Heartbeat, Held, Order, Phase};
use understudy_plan::Durable;
use understudy_plan::durable::IdentityState;

/// What everybody but the loop sees. Made anew by every turn of the loop that changes something.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub durable: Arc<Durable>,
    /// Whether `durable` is what the ledger held when it last answered, and this agent leads.
    pub is_known: bool,
    /// The newest order of each node, with the boot that it is for.
    pub orders: BTreeMap<NodeId, (String, Order)>,
    /// By the peer that looks: who is looked for.
    pub probes: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// Nodes whose next word is waited for.
    pub urgent: BTreeSet<NodeId>,
    /// Whoever may speak, with the address that the registry has.
    pub nodes: BTreeMap<NodeId, Option<IpAddr>>,
    pub view: Arc<RackView>,
    pub made: Instant,
}

/// What of a grant its holder has to know beside the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Whether it takes the identity address. `false` only for a stand-in behind a virtual address.
    pub takes_address: bool,
    pub volume: Option<VolumeOrder>,
}

impl Snapshot {
    /// Whether this node is granted, or holds, exactly this identity at exactly this epoch.
    pub fn may_have(&self, node: &NodeId, identity: &Name, epoch: Epoch) -> bool {
        self.is_known && self.has(node, None, identity, epoch)
    }

    /// As what the node holds it, if it may have it.
    pub fn granted(&self, node: &NodeId, name: &Name, epoch: Epoch) -> Option<Granted> {
        let identity = self.durable.identity(name).filter(|_| self.may_have(node, name, epoch))?;
        let volume = self.durable.volume(name).map(|volume| VolumeOrder { born: volume.born });
        Some(Granted { takes_address: identity.withheld.is_empty(), volume })
    }

    /// The order for a node that says this. `age_max` is how old this snapshot may be.
    pub fn order(&self, node: &NodeId, beat: &Heartbeat, age_max: Duration) -> Order {
        if !self.is_known || self.made.elapsed() > age_max {
            return Order::Keep;
        }
        let ordered = self.orders.get(node).filter(|(boot, _)| *boot == beat.boot_id);
        match ordered.map(|(_, order)| order) {
            Some(Order::Hold { identity, epoch }) => {
                let is_stored = self.has(node, Some(&beat.boot_id), identity, *epoch);
                if is_stored {
                    Order::Hold { identity: identity.clone(), epoch: *epoch }
                } else {
                    Order::Keep
                }
            }
            Some(Order::Release { identity, epoch }) => {
                Order::Release { identity: identity.clone(), epoch: *epoch }
            }
            Some(Order::Keep) | None => self.release(node, beat).unwrap_or(Order::Keep),
        }
    }

    /// A node, or a boot of it, that says that it holds what is not its own lets go at its first word.
    fn release(&self, node: &NodeId, beat: &Heartbeat) -> Option<Order> {
        let Held { identity, epoch, .. } = beat.held.as_ref().filter(|held| held.phase != Phase::Released)?;
        let holder = self.durable.identity_of(node).and_then(|(_, identity)| identity.holder());
        let is_somebody_elses = holder.is_none_or(|holder| holder.boot != beat.boot_id);
        let is_from_here = *epoch <= self.durable.epoch(identity);
        (is_somebody_elses && is_from_here)
            .then(|| Order::Release { identity: identity.clone(), epoch: *epoch })
    }

    fn has(&self, node: &NodeId, boot: Option<&str>, name: &Name, epoch: Epoch) -> bool {
        let Some(identity) = self.durable.identity(name).filter(|identity| identity.epoch == epoch) else {
            return false;
        };
        match &identity.state {
            IdentityState::Granting { holder } | IdentityState::Held { holder } => {
                holder.node == *node && boot.is_none_or(|boot| holder.boot == boot)
            }
            IdentityState::Free | IdentityState::Fencing { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use understudy_plan::key::LedgerEntry;

    const AGE_MAX: Duration = Duration::from_secs(60);

    fn node(key: &str) -> NodeId {
        NodeId::of_public_key(key.as_bytes())
    }

    fn name() -> Name {
        "dns-1".parse().unwrap()
    }

    /// Identity dns-1 at epoch 2, in this state.
    fn durable(state: Value) -> Durable {
        let mut identity = json!({
            "epoch": 2, "since": "2026-11-24T12:00:00Z", "takeover": null, "taken_over": null, "acknowledged": null,
            "withheld": [],
        });
        let both = identity.as_object_mut().unwrap();
        both.extend(state.as_object().unwrap().clone());
        let entry = |key: &str, value| LedgerEntry { key: key.to_owned(), value, revision: 1 };
        let entries = [entry("/v1/epoch/dns-1", json!(2)), entry("/v1/identity/dns-1", identity)];
        Durable::load(entries).unwrap()
    }

    fn held_by(key: &str) -> Durable {
        durable(json!({ "state": "held", "holder": { "node": node(key), "boot": "b1" } }))
    }

    fn snapshot(durable: Durable, orders: &[(&str, &str, Order)]) -> Snapshot {
        let orders = orders.iter().map(|(key, boot, order)| (node(key), ((*boot).to_owned(), order.clone())));
        Snapshot {
            durable: Arc::new(durable),
            is_known: true,
            orders: orders.collect(),
            probes: BTreeMap::new(),
            urgent: BTreeSet::new(),
            nodes: BTreeMap::new(),
            view: Arc::default(),
            made: Instant::now(),
        }
    }

    fn beat(boot: &str, held: Option<u64>) -> Heartbeat {
        let held =
            held.map(|epoch| Held { identity: name(), epoch: Epoch::new(epoch), phase: Phase::Serving });
        Heartbeat { boot_id: boot.to_owned(), uptime_ms: 1, held, seen: Vec::new() }
    }

    fn hold(epoch: u64) -> Order {
        Order::Hold { identity: name(), epoch: Epoch::new(epoch) }
    }

    fn release(epoch: u64) -> Order {
        Order::Release { identity: name(), epoch: Epoch::new(epoch) }
    }

    #[test]
    fn the_holder_is_told_to_hold() {
        let snapshot = snapshot(held_by("a"), &[("a", "b1", hold(2))]);
        assert_eq!(snapshot.order(&node("a"), &beat("b1", Some(2)), AGE_MAX), hold(2));
        assert!(snapshot.may_have(&node("a"), &name(), Epoch::new(2)));
    }

    /// Mutants: `has` leaves out the epoch, the node, the boot, or takes `Fencing` for `Held`.
    #[test]
    fn nobody_is_told_to_hold_what_is_not_stored_as_theirs() {
        let fencing = json!({ "state": "fencing", "holder": { "node": node("a"), "boot": "b1" },
            "fence": { "node": node("a"), "number": 1 } });
        for (what, durable, key, boot, epoch) in [
            ("an old epoch", held_by("a"), "a", "b1", 1),
            ("another node's", held_by("b"), "a", "b1", 2),
            ("another boot's", held_by("a"), "a", "b2", 2),
            ("being fenced", durable(fencing), "a", "b1", 2),
            ("free", durable(json!({ "state": "free" })), "a", "b1", 2),
            ("never assigned", Durable::default(), "a", "b1", 2),
        ] {
            let snapshot = snapshot(durable, &[(key, boot, hold(epoch))]);
            assert_eq!(snapshot.order(&node(key), &beat(boot, None), AGE_MAX), Order::Keep, "{what}");
            let may_have = snapshot.may_have(&node(key), &name(), Epoch::new(epoch));
            assert_eq!(
                may_have,
                what == "another boot's",
                "{what}: a bundle is asked for by nodes, not boots"
            );
        }
    }

    /// Mutant: the order for one boot is given to another.
    #[test]
    fn an_order_is_for_one_boot_only() {
        let snapshot = snapshot(held_by("a"), &[("a", "b1", release(2))]);
        assert_eq!(snapshot.order(&node("a"), &beat("b1", None), AGE_MAX), release(2));
        assert_eq!(snapshot.order(&node("a"), &beat("b2", None), AGE_MAX), Order::Keep);
    }

    /// Mutant: `release` gives nothing.
    #[test]
    fn whoever_holds_what_is_somebody_elses_lets_go_at_its_first_word() {
        let snapshot = snapshot(held_by("b"), &[]);
        assert_eq!(snapshot.order(&node("a"), &beat("b1", Some(1)), AGE_MAX), release(1));
        assert_eq!(snapshot.order(&node("a"), &beat("b1", Some(2)), AGE_MAX), release(2));
        // An epoch from the future is the plan's matter: the ledger went back in time.
        assert_eq!(snapshot.order(&node("a"), &beat("b1", Some(3)), AGE_MAX), Order::Keep);
        // The holder itself is left alone while no order is known.
        assert_eq!(snapshot.order(&node("b"), &beat("b1", Some(2)), AGE_MAX), Order::Keep);
        assert_eq!(snapshot.order(&node("b"), &beat("b2", Some(2)), AGE_MAX), release(2));
    }

    /// Mutants: `is_known` or the age is not looked at.
    #[test]
    fn in_doubt_everything_stays_as_it_is() {
        let orders = [("a", "b1", hold(2)), ("c", "b1", release(1))];
        let mut unknown = snapshot(held_by("a"), &orders);
        unknown.is_known = false;
        for (key, held) in [("a", 2), ("b", 1), ("c", 1)] {
            assert_eq!(unknown.order(&node(key), &beat("b1", Some(held)), AGE_MAX), Order::Keep, "{key}");
            let old = snapshot(held_by("a"), &orders);
            assert_eq!(old.order(&node(key), &beat("b1", Some(held)), Duration::ZERO), Order::Keep, "{key}");
        }
        assert!(!unknown.may_have(&node("a"), &name(), Epoch::new(2)));
    }
}
