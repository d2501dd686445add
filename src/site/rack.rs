//! What the site asks of its rack agent: who holds what.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::{Beat, Heartbeat, Order};

/// How soon a node says again that it lives, where nobody watches it.
const UNWATCHED_NEXT_MS: u64 = 5_000;

/// What an agent answers, later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The agent of a rack, as nodes and operators reach it.
pub trait RackAgent: Send + Sync {
    /// A node lives; what it is to hold. Never waits for the ledger.
    fn heartbeat(&self, node: NodeId, beat: Heartbeat, remote: IpAddr) -> Later<'_, Beat>;

    /// Whether the ledger says that this node is granted, or holds, exactly this identity at exactly this epoch.
    fn may_have<'a>(&'a self, node: &'a NodeId, identity: &'a Name, epoch: Epoch) -> Later<'a, bool>;
}

/// `[rack] agent = "off"`: nobody is watched, nothing is assigned.
pub struct NoAgent;

impl RackAgent for NoAgent {
    fn heartbeat(&self, _node: NodeId, _beat: Heartbeat, _remote: IpAddr) -> Later<'_, Beat> {
        let beat = Beat { order: Order::Keep, probe: Vec::new(), next_in_ms: UNWATCHED_NEXT_MS };
        Box::pin(async { beat })
    }

    fn may_have<'a>(&'a self, _node: &'a NodeId, _identity: &'a Name, _epoch: Epoch) -> Later<'a, bool> {
        Box::pin(async { false })
    }
}
