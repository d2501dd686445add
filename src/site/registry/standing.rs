//! What the rest of the site goes by when a node speaks: read without asking the registry's task, so that a
//! thousand nodes can say twice a second that they live.

use crate::lifecycle::{Node, State};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use tokio::sync::watch;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::inventory::Bmc;
use understudy_core::protocol::report::BootSource;

/// One approved or retired node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub boot_id: String,
    pub place: Place,
    /// System serial at the approval; empty where the board has none.
    pub serial: String,
    /// SMBIOS UUID at the approval.
    pub uuid: Option<String>,
    /// Where it spoke from last.
    pub address: Option<IpAddr>,
    /// Of its BMC's Redfish service, as its inventory tells.
    pub bmc: Option<SocketAddr>,
    pub processors: u32,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

/// How far a node is, as far as identities go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On its way: approved, but not proven to run its image from its own disk in this boot.
    OnItsWay,
    /// Runs from its disk, healthy.
    Ready,
    /// Runs from its disk; units have failed.
    Degraded,
    /// Gets nothing any more.
    Retired,
}

/// Whether a node may say that it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Yes,
    /// It is known and has started again: its site has to hear of that first.
    OtherBoot,
    No,
}

/// The standings of all nodes that were approved once.
#[derive(Clone, Debug)]
pub struct Standings {
    sender: watch::Sender<BTreeMap<NodeId, Standing>>,
}

impl Place {
    /// Whether it has proven, in this boot, that it runs its image from its own disk.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }
}

impl Standing {
    fn of(node: &Node) -> Option<Self> {
        let is_from_disk = matches!(node.source, BootSource::Disk { .. });
        let place = match node.state {
            State::Retired => Place::Retired,
            _ if !node.is_approved() => return None,
            State::Spare { .. } if is_from_disk => Place::Ready,
            State::Degraded { .. } if is_from_disk => Place::Degraded,
            _ => Place::OnItsWay,
        };
        let hardware = node.approval.as_ref().map(|approval| &approval.hardware);
        let inventory = &node.inventory;
        Some(Self {
            boot_id: node.boot_id.clone(),
            place,
            serial: hardware.map_or_else(String::new, |hardware| hardware.serial.clone()),
            uuid: hardware.and_then(|hardware| hardware.uuid.clone()),
            address: node.address,
            bmc: inventory.bmc.as_ref().and_then(redfish),
            processors: inventory.processors,
            memory_bytes: inventory.memory_bytes,
            disk_bytes: inventory.disks.iter().map(|disk| disk.bytes).max().unwrap_or_default(),
        })
    }
}

/// HTTPS has the port that a BMC which names none has (DSP0266, 12.3.1).
fn redfish(bmc: &Bmc) -> Option<SocketAddr> {
    Some(SocketAddr::new(bmc.address?, bmc.redfish_port.unwrap_or(443)))
}

impl Default for Standings {
    fn default() -> Self {
        Self { sender: watch::channel(BTreeMap::new()).0 }
    }
}

impl Standings {
    /// Whether this node, in this boot, may say that it lives.
    pub fn admits(&self, node: &NodeId, boot_id: &str) -> Admission {
        match self.sender.borrow().get(node) {
            Some(standing) if standing.place == Place::Retired => Admission::No,
            Some(standing) if standing.boot_id != boot_id => Admission::OtherBoot,
            Some(standing) if standing.place.is_running() => Admission::Yes,
            Some(_) | None => Admission::No,
        }
    }

    /// Whether this node runs its image from its own disk.
    pub fn is_running(&self, node: &NodeId) -> bool {
        self.sender.borrow().get(node).is_some_and(|standing| standing.place.is_running())
    }

    /// Follows all of them.
    pub fn follow(&self) -> watch::Receiver<BTreeMap<NodeId, Standing>> {
        self.sender.subscribe()
    }

    /// Replaces them all.
    pub(super) fn set<'a>(&self, nodes: impl Iterator<Item = &'a Node>) {
        let all = nodes.filter_map(|node| Some((node.id.clone(), Standing::of(node)?))).collect();
        self.sender.send_if_modified(|known| {
            let is_news = *known != all;
            *known = all;
            is_news
        });
    }

    /// Replaces one.
    pub(super) fn set_one(&self, node: &Node) {
        let standing = Standing::of(node);
        self.sender.send_if_modified(|known| match standing {
            Some(standing) if known.get(&node.id) == Some(&standing) => false,
            Some(standing) => {
                known.insert(node.id.clone(), standing);
                true
            }
            None => known.remove(&node.id).is_some(),
        });
    }
}
