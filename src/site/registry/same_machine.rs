//! Nodes that claim to be one machine: the same serial, the same UUID or the same card under two keys.

use crate::lifecycle::{Node, State};
use std::collections::HashMap;
use understudy_core::model::id::NodeId;

/// How many others are named; a stranger can make up as many as it likes.
const TOLD_MAX: usize = 3;

/// Who claims what.
pub struct Claims<'a> {
    nodes: HashMap<String, Vec<&'a Node>>,
}

impl<'a> Claims<'a> {
    pub fn of(nodes: impl Iterator<Item = &'a Node>) -> Self {
        let mut claims: HashMap<String, Vec<&Node>> = HashMap::new();
        for node in nodes {
            for claim in claimed(node) {
                claims.entry(claim).or_default().push(node);
            }
        }
        Self { nodes: claims }
    }

    /// The other nodes that claim something that this one claims; retired ones as well.
    pub fn others(&self, node: &Node) -> Vec<(&NodeId, String)> {
        let mut found: Vec<(&NodeId, String)> = Vec::new();
        for claim in claimed(node) {
            let same = self.nodes.get(&claim).into_iter().flatten().filter(|other| other.id != node.id);
            for other in same {
                if !found.iter().any(|(id, _)| **id == other.id) {
                    found.push((&other.id, claim.clone()));
                }
            }
        }
        found
    }

    /// What to tell a person about it.
    pub fn attention(&self, node: &Node) -> Vec<String> {
        let others = self.others(node);
        let told = others.iter().take(TOLD_MAX);
        let mut lines: Vec<String> =
            told.map(|(id, claim)| format!("node {id} has the same {claim}")).collect();
        if others.len() > TOLD_MAX {
            lines.push(format!("and {} more nodes claim to be this machine", others.len() - TOLD_MAX));
        }
        lines
    }
}

fn claimed(node: &Node) -> Vec<String> {
    let system = &node.inventory.system;
    let serial = Some(&system.serial).filter(|serial| !serial.is_empty());
    let mut claims: Vec<String> = serial.map(|serial| format!("serial {serial}")).into_iter().collect();
    claims.extend(system.uuid.as_ref().map(|uuid| format!("UUID {uuid}")));
    // A retired machine's cards may live on in another one.
    if node.state != State::Retired {
        claims.push(format!("card {}", node.mac));
    }
    claims
}
