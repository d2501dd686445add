//! A fence: the end of what one boot of one node may do, and the evidence that it has ended.

use crate::key::Key;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// Which fence of which node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FenceRef {
    pub node: NodeId,
    pub number: u32,
}

/// One fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    pub identity: Name,
    pub epoch: Epoch,
    /// The boot that is fenced.
    pub boot: String,
    pub reason: Reason,
    pub rung: Rung,
    pub begun: Timestamp,
    #[serde(flatten)]
    pub state: FenceState,
    /// An operator's word that the node is dead, where it was given when the fence began.
    pub word: Option<Evidence>,
    /// The boot in which the node came back, healthy. That ends its quarantine.
    pub returned: Option<String>,
}

/// How far the ladder goes without another decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// The node is asked to let go.
    Cooperative,
    /// It is powered off; a token of the allowance is spent.
    PowerOff,
}

/// Whether it is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum FenceState {
    Begun,
    Confirmed {
        at: Timestamp,
        evidence: Evidence,
    },
    /// A person was asked. Goes on to `Confirmed` when evidence arrives.
    Unconfirmed {
        at: Timestamp,
        why: String,
    },
}

/// What proves that a boot of a node acts no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Evidence {
    /// The node said that it has let go.
    Released,
    /// PowerState was read back as off, after the fence began, from a BMC with the node's own UUID, and the node was silent.
    PowerIsOff { uuid: String },
    /// The node proved a newer boot.
    NewBoot { boot: String },
    /// An operator vouches for it.
    Operator { name: String },
}

/// Why somebody lost an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Reason {
    /// The holder fell silent, and others saw the same.
    Silent { witnesses: Vec<String> },
    /// The holder started again.
    Rebooted { boot: String },
    /// Its role could not be healed by the node.
    Unhealthy { text: String },
    /// A spare that did not come to serve.
    NotActivated { text: String },
    /// An operator wants it elsewhere.
    Command { name: String, text: String, strength: Strength },
    /// The site file does not name the identity any more.
    Undeclared,
}

/// How an operator said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Within the limits.
    Asked,
    /// Past pauses, storms and the allowance.
    Forced,
}

impl FenceRef {
    /// The name of its entry.
    pub fn key(&self) -> Key {
        Key::Fence(self.node.clone(), self.number)
    }
}

impl Fence {
    /// Whether its node may be anything else again.
    pub fn is_over(&self) -> bool {
        self.returned.is_some()
    }

    /// Whether it is proven.
    pub fn is_confirmed(&self) -> bool {
        matches!(self.state, FenceState::Confirmed { .. })
    }

    /// Whether a person was asked.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.state, FenceState::Unconfirmed { .. })
    }
}

impl Reason {
    /// A node that let go for one of these is as healthy as before.
    pub fn leaves_node_clean(&self) -> bool {
        matches!(self, Self::Command { .. } | Self::Undeclared)
    }

    /// Whether an operator wants it past pauses and storms.
    pub fn is_forced(&self) -> bool {
        matches!(self, Self::Command { strength: Strength::Forced, .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { witnesses } => write!(out, "it is silent, and {}", witnesses.join(", ")),
            Self::Rebooted { .. } => out.write_str("it has started again, and never resumes what it held"),
            Self::Unhealthy { text } => write!(out, "its role is not healthy there: {text}"),
            Self::NotActivated { text } => write!(out, "it did not come to serve there: {text}"),
            Self::Command { name, text, .. } => write!(out, "{name} said so: {text}"),
            Self::Undeclared => out.write_str("the site file does not declare it any more"),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Released => out.write_str("the node said that it has let go"),
            Self::PowerIsOff { uuid } => write!(out, "its BMC, with the node's UUID {uuid}, reads back off"),
            Self::NewBoot { boot } => write!(out, "it has started again (boot {boot})"),
            Self::Operator { name } => write!(out, "{name} vouches that it is dead"),
        }
    }
}
