//! The record of one takeover, from the decision to the new holder's first word.

use super::{FenceRef, Reason};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// A takeover with its steps. What has no time yet has not happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takeover {
    /// Where the node that loses it stands; its limits count.
    pub rack: Name,
    pub from: NodeId,
    pub fence: FenceRef,
    pub reason: Reason,
    /// How many nodes this identity has used up since it was last held, this one included; 1 at first.
    pub attempt: u32,
    /// When the old holder was last heard, as far as known.
    pub last_heard: Option<Timestamp>,
    pub begun: Timestamp,
    pub fenced: Option<Timestamp>,
    pub granted: Option<Timestamp>,
    pub to: Option<NodeId>,
    pub closed: Option<Closed>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    pub at: Timestamp,
    pub outcome: Outcome,
}

/// See [`Closed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The new holder serves.
    Serving,
    /// The new holder was lost before it served; the next takeover goes on.
    SpareLost,
    /// Nobody is to hold it any more.
    GivenUp,
}
