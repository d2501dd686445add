//! Old records of takeovers and fences, which would otherwise be kept, and read at every start, for ever. What happened
//! stays in the events; what a record proves of the present is never taken away.
//!
//! Each takeover that begins takes the oldest records of its identity and of its node with it, in its own transaction, so
//! that no agent has to look for them.

use crate::durable::{Durable, FenceRef};
use crate::key::Key;
use crate::ledger::Draft;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// Closed takeovers of one identity that are kept: more than a person looks back on.
const TAKEOVERS_KEPT: usize = 32;
/// Fences of one node that are kept. The newest has to be: the next one is numbered after it.
const FENCES_KEPT: usize = 8;
/// Records that one transaction takes along.
const PRUNED_MAX: usize = 4;

/// Deletes the oldest records that nothing rests on.
pub(crate) fn prune(draft: Draft, durable: &Durable, name: &Name, node: &NodeId) -> Draft {
    let takeovers = takeovers(durable, name);
    let fences = fences(durable, node);
    let fences = fences.into_iter().map(|fence| Key::Fence(fence.node, fence.number));
    takeovers.into_iter().chain(fences).take(PRUNED_MAX).fold(draft, Draft::delete)
}

/// Closed ones of an identity, the oldest first. The newest says how the next one is counted.
fn takeovers(durable: &Durable, name: &Name) -> Vec<Key> {
    let current = durable.identity(name).and_then(|identity| identity.takeover);
    let closed = durable
        .takeovers()
        .filter(|(of, epoch, takeover)| *of == name && takeover.closed.is_some() && Some(*epoch) != current);
    let mut keys: Vec<Key> = closed.map(|(name, epoch, _)| Key::Takeover(name.clone(), epoch)).collect();
    keys.truncate(keys.len().saturating_sub(TAKEOVERS_KEPT));
    keys
}

/// Fences of a node that are over, the oldest first.
fn fences(durable: &Durable, node: &NodeId) -> Vec<FenceRef> {
    let of_node = durable.fences().filter(|(fence, _)| fence.node == *node);
    let mut fences: Vec<(FenceRef, bool)> = of_node.map(|(at, fence)| (at, fence.is_over())).collect();
    fences.truncate(fences.len().saturating_sub(FENCES_KEPT));
    fences.into_iter().filter(|(_, is_over)| *is_over).map(|(at, _)| at).collect()
}
