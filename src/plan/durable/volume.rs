//! Where the data of an identity is. An entry is never deleted: without it data would count as never written.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;

/// The data of one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The epoch at which it was made, empty. A node makes one at no other epoch.
    pub born: Epoch,
    /// The nodes with a current copy: one today, more once there are mirrors. Never empty.
    pub copies: BTreeSet<NodeId>,
    /// Whether its identity was ever served, so that there is something to lose.
    pub served: bool,
}

impl Volume {
    /// A new one, which is still to be made.
    pub fn newborn(born: Epoch, node: NodeId) -> Self {
        Self { born, copies: BTreeSet::from([node]), served: false }
    }

    /// Whether this node has the only copy of something.
    pub fn is_last_copy(&self, node: &NodeId) -> bool {
        self.served && self.copies.len() == 1 && self.copies.contains(node)
    }
}
