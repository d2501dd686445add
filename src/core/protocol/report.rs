//! What a node tells its site.

use super::inventory::{Interface, Inventory};
use crate::base::sha256::Sha256;
use crate::formats::boot_facts::Vouched;
use crate::formats::disk_layout::Slot;
use crate::model::mac::MacAddress;
use crate::model::name::Name;
use serde::{Deserialize, Serialize};

/// The first word of every boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// `/proc/sys/kernel/random/boot_id`: tells boots apart.
    pub boot_id: String,
    pub source: BootSource,
    /// The interface over which the node speaks; where its boot requests come from.
    pub mac: MacAddress,
    pub inventory: Inventory,
}

/// Where the running kernel came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum BootSource {
    /// From the network; nothing is mounted.
    Network,
    /// From the node's own disk, through its firmware.
    Disk {
        disk_serial: String,
        slot: Slot,
        root_hash: Sha256,
        vouched_by: Vouched,
        name: Name,
        version: semver::Version,
    },
}

/// How it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub boot_id: String,
    pub status: Status,
    /// All interfaces, if any of them is not what this boot said of it before. Neither disks nor serials: they tell
    /// machines apart and are only in a hello.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<Interface>>,
}

/// What a node is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Status {
    /// For an instruction.
    Waiting,
    /// An image is on its way to the disk.
    Installing { bytes: u64, total_bytes: u64 },
    /// The image is on the disk, every byte flushed.
    Installed,
    /// The installation cannot go on; the disk is as it was unless `disk_touched`.
    InstallFailed { reason: String, disk_touched: bool },
    /// Booted from its own disk; `nonce` is the one of the newest instruction.
    Ready { nonce: String },
    /// As `Ready`, but these systemd units failed.
    Degraded { nonce: String, units: Vec<String> },
}
