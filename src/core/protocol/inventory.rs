//! What a node is made of, as its own kernel sees it.

use crate::base::sha256::Sha256;
use crate::model::mac::MacAddress;
use crate::model::ssh_key::SshPublicKey;
use crate::model::uuid::Uuid;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Everything that an operator wants to know before approving a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    pub system: System,
    pub firmware: FirmwareKind,
    pub secure_boot: bool,
    /// Whether the kernel has a TPM.
    pub tpm: bool,
    pub processor: String,
    /// Threads that the kernel runs.
    pub processors: u32,
    pub memory_bytes: u64,
    pub disks: Vec<Disk>,
    pub interfaces: Vec<Interface>,
    pub bmc: Option<Bmc>,
    /// By which SSH clients know the system that runs; /init has none.
    #[serde(default)]
    pub ssh_host_key: Option<SshPublicKey>,
}

/// SMBIOS type 1 (DMTF DSP0134).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    pub manufacturer: String,
    pub product: String,
    /// Empty where the board has none.
    pub serial: String,
    /// Lower case, with hyphens; `None` for all zeros, all ones and the known defaults that boards share.
    pub uuid: Option<String>,
}

/// What started this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirmwareKind {
    Bios,
    Uefi,
}

/// A disk that could hold an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The kernel's name, which may change from boot to boot.
    pub name: String,
    /// Empty where the disk has none.
    pub serial: String,
    pub wwn: Option<String>,
    pub model: String,
    pub bytes: u64,
    pub content: DiskContent,
}

/// What is on a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum DiskContent {
    /// Zeros where anything would make itself known.
    Empty,
    /// A partition table of ours; with the root hash of each filled slot, and the names of the volumes on it.
    Image {
        root_hashes: Vec<Sha256>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        volumes: Vec<String>,
    },
    /// Something else, in words for people, such as `GPT with 3 partitions: efi, data, swap`.
    Foreign { description: String },
    /// The disk does not answer.
    Unreadable { reason: String },
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub mac: MacAddress,
    pub link_up: bool,
    pub megabits_per_second: Option<u32>,
    /// The switch port at the other end of the cable (IEEE 802.1AB).
    pub neighbour: Option<Neighbour>,
}

/// What LLDP tells, in words for people; each is bounded and printable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its system name, or its chassis id where it has no name.
    pub system: String,
    pub chassis: String,
    pub port: String,
    pub port_description: Option<String>,
}

/// The board's management controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bmc {
    /// From SMBIOS or, where that does not have it and the running system speaks IPMI, from the BMC itself.
    pub address: Option<IpAddr>,
    /// Of its Redfish service; `None` where only IPMI told the address.
    #[serde(default)]
    pub redfish_port: Option<u16>,
    /// What its Redfish service says of itself: tells the BMC of this machine from that of another.
    #[serde(default)]
    pub service_uuid: Option<Uuid>,
}
