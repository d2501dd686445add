//! What the site file and the registry say: identities, racks, and the nodes that were approved.

use crate::timings::Timings;
use std::collections::BTreeMap;
use std::time::Duration;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::model::role::{ClusterKind, Exclusivity};

/// What is wanted, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub timings: Timings,
    pub identities: BTreeMap<Name, Declaration>,
    /// A rack without an entry has [`RackPolicy::default`].
    pub racks: BTreeMap<Name, RackPolicy>,
    /// The approved nodes.
    pub nodes: BTreeMap<NodeId, NodeFacts>,
    /// Takeovers in flight at one time over the whole site.
    pub takeovers_max: usize,
}

/// An identity as `site.toml` declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    pub cluster: Name,
    pub rack: Name,
    pub exclusivity: Exclusivity,
    pub kind: ClusterKind,
    pub front: Front,
    pub needs: Needs,
    pub spares: SpareSource,
    /// Whether it keeps data on its node's disk; strict identities only.
    pub has_volume: bool,
}

/// Where the clients of a cluster knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// At a virtual address, which stays where it is.
    VirtualAddress,
    /// At the identity addresses themselves.
    IdentityAddress,
}

/// What a node must have at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub processors: u32,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

/// Which spares may take an identity over. Those of its own rack come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpareSource {
    OwnRack,
    AnyRack,
}

/// What may happen in one rack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RackPolicy {
    /// The allowance: nodes that may be fenced within `window`.
    pub fences_max: usize,
    pub window: Duration,
    /// Takeovers in flight at one time.
    pub takeovers_max: usize,
    pub last_spare: LastSpare,
}

/// Who may have the last spare of a rack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastSpare {
    /// Strict identities, if the rack has any.
    KeptForStrict,
    ForAll,
}

/// What was seen of a node when it was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    pub rack: Name,
    /// SMBIOS UUID. Without one no BMC can prove that it is this node's.
    pub uuid: Option<String>,
    pub bmc: Bmc,
    pub has: Needs,
}

/// Whether a node can be powered off from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bmc {
    Known,
    None,
}

impl Default for Config {
    fn default() -> Self {
        let (timings, identities) = (Timings::default(), BTreeMap::new());
        Self { timings, identities, racks: BTreeMap::new(), nodes: BTreeMap::new(), takeovers_max: 2 }
    }
}

impl Default for RackPolicy {
    fn default() -> Self {
        let window = Duration::from_secs(3600);
        Self { fences_max: 3, window, takeovers_max: 1, last_spare: LastSpare::KeptForStrict }
    }
}

impl Config {
    /// The policy of a rack.
    pub fn policy(&self, rack: &Name) -> RackPolicy {
        self.racks.get(rack).cloned().unwrap_or_default()
    }

    /// The rack of a node.
    pub fn rack_of(&self, node: &NodeId) -> Option<&Name> {
        self.nodes.get(node).map(|facts| &facts.rack)
    }
}

impl Declaration {
    /// Whether a spare may serve beside a holder that may still live: under its own address, behind the virtual one.
    pub fn may_be_stood_in_for(&self) -> bool {
        self.exclusivity == Exclusivity::Soft
            && self.kind == ClusterKind::Balanced
            && self.front == Front::VirtualAddress
    }
}

impl Needs {
    /// Whether this much is enough for that.
    pub fn covers(&self, needed: &Self) -> bool {
        self.processors >= needed.processors
            && self.memory_bytes >= needed.memory_bytes
            && self.disk_bytes >= needed.disk_bytes
    }
}
