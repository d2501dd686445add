//! What a node is, as far as takeover is concerned. Derived, never stored: assignments and fences are.

use crate::durable::{FenceState, IdentityState};
use crate::state::State;
use crate::timings::Now;
use understudy_core::model::id::NodeId;

/// See `takeover.md`, States.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeState {
    /// It does not say that it is ready, and holds nothing.
    Absent,
    Spare,
    Assigned,
    Suspect,
    Fencing,
    Fenced,
    FenceUnconfirmed,
    /// Fenced, and started again, but not yet healthy.
    Quarantined,
    /// Healthy, and kept from service by an operator.
    Drained,
}

impl NodeState {
    /// As tables and metrics show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Spare => "spare",
            Self::Assigned => "assigned",
            Self::Suspect => "suspect",
            Self::Fencing => "fencing",
            Self::Fenced => "fenced",
            Self::FenceUnconfirmed => "fence-unconfirmed",
            Self::Quarantined => "quarantined",
            Self::Drained => "drained",
        }
    }

    /// Of one node.
    pub fn of(state: &State, id: &NodeId, now: Now) -> Self {
        let node = state.view.node(id);
        if let Some((_, fence)) = state.durable.open_fence(id) {
            let is_newer =
                node.is_some_and(|node| node.boot.as_ref().is_some_and(|boot| *boot != fence.boot));
            return match fence.state {
                FenceState::Begun => Self::Fencing,
                FenceState::Unconfirmed { .. } => Self::FenceUnconfirmed,
                FenceState::Confirmed { .. } if is_newer => Self::Quarantined,
                FenceState::Confirmed { .. } => Self::Fenced,
            };
        }
        let is_silent = state.view.silence(id, now.elapsed) >= state.config.timings.suspect_after;
        let is_assigned = state
            .durable
            .identity_of(id)
            .is_some_and(|(_, identity)| !matches!(identity.state, IdentityState::Free));
        match node {
            _ if is_assigned && is_silent => Self::Suspect,
            _ if is_assigned => Self::Assigned,
            Some(node) if node.is_ready && !is_silent && state.durable.drain(id).is_some() => Self::Drained,
            Some(node) if node.is_ready && !is_silent => Self::Spare,
            _ => Self::Absent,
        }
    }
}
