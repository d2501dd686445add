//! Small sites.

use crate::machine::BmcKind;
use crate::world::World;
use std::time::Duration;
use understudy_core::model::id::NodeId;
use understudy_core::model::role::{ClusterKind, Exclusivity};
use understudy_plan::config::{Bmc, Config, Declaration, Front, Needs, NodeFacts, SpareSource};

pub const SECOND: Duration = Duration::from_secs(1);

/// A soft identity at its own address, a strict one (`db`), one with a volume (`store`), and a soft one behind a virtual address
/// (`web`).
pub fn declaration(name: &str) -> Declaration {
    let has_volume = name.starts_with("store");
    let strict = has_volume || name.starts_with("db");
    Declaration {
        cluster: name.split('-').next().unwrap().parse().unwrap(),
        rack: "r1".parse().unwrap(),
        exclusivity: if strict { Exclusivity::Strict } else { Exclusivity::Soft },
        kind: ClusterKind::Balanced,
        front: if name.starts_with("web") { Front::VirtualAddress } else { Front::IdentityAddress },
        needs: Needs::default(),
        spares: SpareSource::OwnRack,
        has_volume,
    }
}

pub fn facts(n: usize) -> NodeFacts {
    let has = Needs { processors: 4, memory_bytes: 1 << 32, disk_bytes: 1 << 40 };
    NodeFacts { rack: "r1".parse().unwrap(), uuid: Some(format!("uuid-{n}")), bmc: Bmc::Known, has }
}

pub fn config(nodes: usize, identities: &[&str]) -> Config {
    let mut config = Config::default();
    for n in 0..nodes {
        config.nodes.insert(NodeId::of_public_key(&[n as u8]), facts(n));
    }
    for name in identities {
        config.identities.insert(name.parse().unwrap(), declaration(name));
    }
    config
}

/// A site whose identities are all served, and whose BMCs are as given, in the order of the nodes' ids.
pub fn calm(nodes: usize, identities: &[&str], bmcs: &[BmcKind]) -> World {
    calm_with(config(nodes, identities), bmcs)
}

pub fn calm_with(config: Config, bmcs: &[BmcKind]) -> World {
    let names: Vec<String> = config.identities.keys().map(|name| name.to_string()).collect();
    let mut world = World::new(config, bmcs);
    world.pass(30 * SECOND);
    assert!(names.iter().all(|name| world.is_served(name)), "{:#?} {:#?}", world.ledger, world.texts());
    world.is_whole();
    world
}

/// A site with one identity, and a BMC of this kind at its holder.
pub fn held_with(name: &str, nodes: usize, bmc: BmcKind) -> (World, NodeId) {
    // Who gets it is known only after it was given: the choice is the same each time.
    let holder = calm(nodes, &[name], &[]).holder(name);
    let at = config(nodes, &[]).nodes.keys().position(|id| *id == holder).unwrap();
    let mut bmcs = vec![BmcKind::Honest; nodes];
    bmcs[at] = bmc;
    let world = calm(nodes, &[name], &bmcs);
    assert_eq!(world.holder(name), holder);
    (world, holder)
}
