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

impl Snapshot {
    /// Whether this node is granted, or holds, exactly this identity at exactly this epoch.
    pub fn may_have(&self, node: &NodeId, identity: &Name, epoch: Epoch) -> bool {
        self.is_known && self.has(node, None, identity, epoch)
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
                if is_stored { Order::Hold { identity: identity.clone(), epoch: *epoch } } else { Order::Keep }
            }
            Some(Order::Release { identity, epoch }) => Order::Release { identity: identity.clone(), epoch: *epoch },
            Some(Order::Keep) | None => self.release(node, beat).unwrap_or(Order::Keep),
        }
    }

    /// A node, or a boot of it, that says that it holds what is not its own lets go at its first word.
    fn release(&self, node: &NodeId, beat: &Heartbeat) -> Option<Order> {
        let Held { identity, epoch, .. } = beat.held.as_ref().filter(|held| held.phase != Phase::Released)?;
        let holder = self.durable.identity_of(node).and_then(|(_, identity)| identity.holder());
        let is_somebody_elses = holder.is_none_or(|holder| holder.boot != beat.boot_id);
        let is_from_here = *epoch <= self.durable.epoch(identity);
        (is_somebody_elses && is_from_here).then(|| Order::Release { identity: identity.clone(), epoch: *epoch })
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
