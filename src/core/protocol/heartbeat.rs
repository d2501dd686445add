//! That a node lives, what it holds, and what it is to hold.

use crate::model::epoch::Epoch;
use crate::model::id::NodeId;
use crate::model::name::Name;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Twice a second from every node that runs from its disk. Never written to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub boot_id: String,
    /// Milliseconds on CLOCK_BOOTTIME; a heartbeat older than one that was taken says nothing.
    pub uptime_ms: u64,
    pub held: Option<Held>,
    /// What it saw of the peers that it was asked to probe.
    pub seen: Vec<Seen>,
}

/// The identity that a node acts under, or is about to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub identity: Name,
    pub epoch: Epoch,
    pub phase: Phase,
}

/// How far it is with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Phase {
    /// Bundle, configuration, address, services are on their way.
    Activating,
    /// Its health check, which speaks the role's protocol, passes.
    Serving,
    /// It was active; its health check fails. The node restarts what it can.
    Unhealthy { reason: String },
    /// It could not be activated, or cannot be healed by a restart; address and services are given up.
    Failed { reason: String },
    /// Given up for good: address gone, services stopped. Said until the site stops asking for it.
    Released,
}

/// One probe of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub node: NodeId,
    pub is_reachable: bool,
    /// How long ago.
    pub age_ms: u64,
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    pub order: Order,
    /// Peers to probe until the next heartbeat; their results come with the next ones.
    pub probe: Vec<Probe>,
    /// Milliseconds until the next heartbeat.
    pub next_in_ms: u64,
}

/// What the node is to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Order {
    /// As it is: the site has nothing to say, or is not sure.
    Keep,
    /// Act under this identity at this epoch. A lower epoch than one that the node has seen is refused.
    Hold { identity: Name, epoch: Epoch },
    /// Give up this identity if it is held at this epoch or a lower one.
    Release { identity: Name, epoch: Epoch },
}

/// A peer to probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub node: NodeId,
    pub address: IpAddr,
}
