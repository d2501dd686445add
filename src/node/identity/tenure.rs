//! What this node holds, as it survives a restart of the agent (and, being under `/run`, no restart of the machine).

use serde::{Deserialize, Serialize};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::AddressWithPrefix;
use understudy_core::protocol::heartbeat::Order;

/// An identity at an epoch, and how far this node is with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenure {
    pub identity: Name,
    pub epoch: Epoch,
    pub stage: Stage,
    /// Known once the bundle is here; written down before anything of it is taken.
    pub place: Option<Place>,
    /// When it began: milliseconds on CLOCK_BOOTTIME.
    pub began_ms: u64,
}

/// What a tenure occupies on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub role: Name,
    pub address: Option<AddressWithPrefix>,
}

/// How far a tenure is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Stage {
    Activating,
    /// It has served; it goes on whatever becomes of agent and site.
    Active,
    GivingUp {
        end: End,
    },
    /// Nothing of it is left on this node but the reason.
    Failed {
        reason: String,
    },
}

/// Why a tenure is given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum End {
    Released,
    Failed { reason: String },
}

impl Tenure {
    /// Whether an order is to hold exactly this.
    pub fn is_ordered_by(&self, order: &Order) -> bool {
        matches!(order, Order::Hold { identity, epoch } if *identity == self.identity && *epoch == self.epoch)
    }
}
