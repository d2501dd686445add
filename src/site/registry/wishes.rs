//! What firmware is sent to, by the card that it asks with.

use crate::lifecycle::{Node, State};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use understudy_core::model::mac::MacAddress;

/// Where a boot request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To the image, over the network.
    Network,
    /// To the machine's own disk.
    Disk,
    /// To nothing of ours.
    Nothing,
}

/// The wishes of all nodes; read by servers that wait for nobody.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    by_card: Arc<RwLock<HashMap<MacAddress, Wish>>>,
}

impl Wishes {
    /// Where a request of this card leads. A card that nobody has named is a machine to get to know.
    pub fn of(&self, mac: MacAddress) -> Wish {
        let by_card = self.by_card.read().unwrap_or_else(PoisonError::into_inner);
        by_card.get(&mac).copied().unwrap_or(Wish::Network)
    }

    /// Replaces them all.
    pub(super) fn set<'a>(&self, nodes: impl Iterator<Item = &'a Node>) {
        let mut by_card: HashMap<MacAddress, (u8, Wish)> = HashMap::new();
        for node in nodes {
            let ranked = ranked(node);
            let known = by_card.entry(node.mac).or_insert(ranked);
            if ranked.0 > known.0 {
                *known = ranked;
            }
        }
        let wishes = by_card.into_iter().map(|(mac, (_, wish))| (mac, wish)).collect();
        *self.by_card.write().unwrap_or_else(PoisonError::into_inner) = wishes;
    }
}

/// A stranger that names the card of another node changes nothing for it: who was approved counts first, then
/// who was retired.
fn ranked(node: &Node) -> (u8, Wish) {
    match node.state {
        State::Installed { .. } | State::Spare { .. } | State::Degraded { .. } => (4, Wish::Disk),
        State::Approved | State::Installing { .. } => (3, Wish::Network),
        State::Failed { .. } => (2, Wish::Network),
        State::Retired => (1, Wish::Nothing),
        State::Discovered => (0, Wish::Network),
    }
}
