//! `free -> granting(e+1) -> held(n, e+1) -> fencing -> free(e+1)`. `suspect` stands between the last two; it is only
//! seen, never stored.

use super::FenceRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;

/// Who holds an identity, since when, at which epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The same as in the identity's epoch entry.
    pub epoch: Epoch,
    #[serde(flatten)]
    pub state: IdentityState,
    pub since: Timestamp,
    /// The epoch that the newest takeover ends: the number of its record.
    pub takeover: Option<Epoch>,
    /// When the newest takeover began that was nobody's command.
    pub taken_over: Option<Timestamp>,
    /// When an operator said that the next one may begin.
    pub acknowledged: Option<Timestamp>,
    /// Unconfirmed fences of former holders, which may still have the identity address. While there are any, its holder
    /// serves behind the virtual address, under its own. Always empty for a strict identity.
    pub withheld: Vec<FenceRef>,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum IdentityState {
    /// Nobody acts under it, and that is proven.
    Free,
    /// Given to a node, which has not said that it serves.
    Granting { holder: Holder },
    /// Its holder serves, or did when it was last heard.
    Held { holder: Holder },
    /// Its holder gets nothing any more and is being fenced.
    Fencing { holder: Holder, fence: FenceRef },
}

/// A node in one of its boots: another boot of the same node never goes on with what this one held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub node: NodeId,
    pub boot: String,
}

impl Identity {
    /// Who may still act under it.
    pub fn holder(&self) -> Option<&Holder> {
        match &self.state {
            IdentityState::Free => None,
            IdentityState::Granting { holder }
            | IdentityState::Held { holder }
            | IdentityState::Fencing { holder, .. } => Some(holder),
        }
    }

    /// The node of [`Identity::holder`].
    pub fn node(&self) -> Option<&NodeId> {
        self.holder().map(|holder| &holder.node)
    }
}

impl IdentityState {
    /// As tables and metrics show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Granting { .. } => "granting",
            Self::Held { .. } => "held",
            Self::Fencing { .. } => "fencing",
        }
    }
}
