//! Nodes as operators see them: in JSON, and in the command's tables.

use crate::lifecycle::{Approver, Node, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::formats::boot_facts::Vouched;
use understudy_core::model::id::NodeId;
use understudy_core::model::mac::MacAddress;
use understudy_core::model::ssh_key::SshPublicKey;
use understudy_core::model::uuid::Uuid;
use understudy_core::protocol::inventory::{Bmc, Disk, DiskContent, Interface};
use understudy_core::protocol::report::BootSource;
use utoipa::ToSchema;

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    #[schema(value_type = String)]
    pub id: NodeId,
    /// Compare it with the node's console before approving.
    pub code: String,
    /// As the registry has it, or `assigned` and what follows it in a takeover.
    pub state: String,
    /// The identity that it holds.
    #[serde(default)]
    pub identity: Option<String>,
    #[schema(value_type = String)]
    pub since: Timestamp,
    #[schema(value_type = String)]
    pub enrolled: Timestamp,
    #[schema(value_type = String)]
    pub last_seen: Timestamp,
    pub approved_by: Option<String>,
    pub serial: String,
    pub uuid: Option<String>,
    pub product: String,
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    #[schema(value_type = String)]
    pub mac: MacAddress,
    pub processor: String,
    pub memory_bytes: u64,
    pub disks: Vec<DiskView>,
    pub interfaces: Vec<InterfaceView>,
    /// The board's management controller, where firmware or the controller itself names it.
    pub bmc: Option<BmcView>,
    /// By which SSH clients know the system that runs from its disk.
    #[schema(value_type = Option<String>)]
    pub ssh_host_key: Option<SshPublicKey>,
    /// Whether nothing vouched for the kernel that it runs from its disk; `None` while it has not done so.
    pub is_boot_unverified: Option<bool>,
    /// What it has or gets, such as `mail 0.1.0`.
    pub image: Option<String>,
    pub attempts: u32,
    pub progress: Option<ProgressView>,
    /// What a person should look at; the most important first.
    pub attention: Vec<String>,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiskView {
    pub name: String,
    pub serial: String,
    pub model: String,
    pub bytes: u64,
    /// What is on it, in words.
    pub content: String,
    /// Whether that is somebody's data.
    pub is_foreign: bool,
}

/// One network interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InterfaceView {
    pub name: String,
    #[schema(value_type = String)]
    pub mac: MacAddress,
    pub link_up: bool,
    pub megabits_per_second: Option<u32>,
    /// The switch port at the other end of its cable, as LLDP told it.
    pub neighbour: Option<NeighbourView>,
}

/// One switch port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NeighbourView {
    /// The switch's name, or its chassis id where it has none.
    pub system: String,
    pub chassis: String,
    pub port: String,
    pub port_description: Option<String>,
}

/// One BMC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BmcView {
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// Of its Redfish service.
    pub redfish_port: Option<u16>,
    /// As `UUID` in the root of its Redfish service.
    #[schema(value_type = Option<String>)]
    pub service_uuid: Option<Uuid>,
}

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgressView {
    pub bytes: u64,
    pub total_bytes: u64,
}

impl NodeView {
    /// The node, with what other nodes have to do with it.
    pub fn of(node: &Node, same_machine: &[String]) -> Self {
        let progress = node
            .live
            .progress
            .map(|progress| ProgressView { bytes: progress.bytes, total_bytes: progress.total_bytes });
        Self {
            id: node.id.clone(),
            code: node.code.clone(),
            state: node.state.name().to_owned(),
            identity: None,
            since: node.since,
            enrolled: node.enrolled,
            last_seen: node.live.last_seen,
            approved_by: node.approval.as_ref().map(|approval| match approval.by {
                Approver::Operator => "operator".to_owned(),
                Approver::SerialList => "serial list".to_owned(),
            }),
            serial: node.inventory.system.serial.clone(),
            uuid: node.inventory.system.uuid.clone(),
            product: format!("{} {}", node.inventory.system.manufacturer, node.inventory.system.product)
                .trim()
                .to_owned(),
            address: node.address,
            mac: node.mac,
            processor: node.inventory.processor.clone(),
            memory_bytes: node.inventory.memory_bytes,
            disks: node.inventory.disks.iter().map(DiskView::of).collect(),
            interfaces: node.inventory.interfaces.iter().map(InterfaceView::of).collect(),
            bmc: node.inventory.bmc.as_ref().map(BmcView::of),
            ssh_host_key: node.inventory.ssh_host_key.clone(),
            is_boot_unverified: match &node.source {
                BootSource::Disk { vouched_by, .. } => Some(*vouched_by == Vouched::Nobody),
                BootSource::Network => None,
            },
            image: node.state.image().map(|image| format!("{} {}", image.name, image.version)),
            attempts: node.attempts,
            progress: progress.filter(|_| matches!(node.state, State::Installing { .. })),
            attention: attention(node, same_machine),
        }
    }
}

fn attention(node: &Node, same_machine: &[String]) -> Vec<String> {
    if node.state == State::Retired {
        return Vec::new();
    }
    let misused = node.misused.then(|| "another machine came with its key".to_owned());
    let silent =
        node.live.is_silent.then(|| format!("silent since {}", node.live.last_seen.strftime("%F %TZ")));
    let mut all: Vec<String> = misused.into_iter().chain(silent).collect();
    all.extend(node.attention.clone());
    all.extend_from_slice(same_machine);
    all
}

impl InterfaceView {
    fn of(interface: &Interface) -> Self {
        let neighbour = interface.neighbour.clone().map(|neighbour| NeighbourView {
            system: neighbour.system,
            chassis: neighbour.chassis,
            port: neighbour.port,
            port_description: neighbour.port_description,
        });
        Self {
            name: interface.name.clone(),
            mac: interface.mac,
            link_up: interface.link_up,
            megabits_per_second: interface.megabits_per_second,
            neighbour,
        }
    }
}

impl BmcView {
    fn of(bmc: &Bmc) -> Self {
        Self { address: bmc.address, redfish_port: bmc.redfish_port, service_uuid: bmc.service_uuid }
    }
}

impl DiskView {
    fn of(disk: &Disk) -> Self {
        let content = match &disk.content {
            DiskContent::Empty => "empty".to_owned(),
            DiskContent::Image { root_hashes, volumes } => {
                let volumes = volumes.iter().map(|volume| format!(", {volume}")).collect::<String>();
                format!("an image of understudy ({} slots{volumes})", root_hashes.len())
            }
            DiskContent::Foreign { description } => description.clone(),
            DiskContent::Unreadable { reason } => format!("unreadable: {reason}"),
        };
        Self {
            name: disk.name.clone(),
            serial: disk.serial.clone(),
            model: disk.model.clone(),
            bytes: disk.bytes,
            content,
            is_foreign: matches!(disk.content, DiskContent::Foreign { .. }),
        }
    }

    /// For people, such as `vda (serial D1, 8.0 GiB): empty`.
    pub fn line(&self) -> String {
        let serial = match self.serial.as_str() {
            "" => "no serial".to_owned(),
            serial => format!("serial {serial}"),
        };
        format!("{} ({serial}, {}): {}", self.name, ByteCount::bytes(self.bytes), self.content)
    }
}
