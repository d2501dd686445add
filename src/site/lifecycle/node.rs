//! A node as the ledger keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use understudy_core::base::sha256::Sha256;
use understudy_core::model::id::NodeId;
use understudy_core::model::mac::MacAddress;
use understudy_core::model::name::Name;
use understudy_core::protocol::instruction::DiskSelector;
use understudy_core::protocol::inventory::{Disk, Inventory};
use understudy_core::protocol::report::{BootSource, Hello};

/// A copied key is told this often at most, so that its owner cannot fill the ledger with it.
const MISUSE_TOLD_EVERY: Duration = Duration::from_secs(600);

/// Everything that is known of one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub id: NodeId,
    /// What its console shows as well.
    pub code: String,
    pub enrolled: Timestamp,
    pub state: State,
    pub since: Timestamp,
    pub mac: MacAddress,
    pub boot_id: String,
    pub source: BootSource,
    pub inventory: Inventory,
    /// Of the newest hello.
    pub nonce: String,
    pub approval: Option<Approval>,
    /// Installations begun since the approval.
    pub attempts: u32,
    /// The disk that was written to by an installation that has not ended: what is on it is our own half work.
    pub half_written: Option<DiskSelector>,
    /// When it booted its disk again, the newest few.
    pub restarts: Vec<Timestamp>,
    /// Where it spoke from last. Kept, so that its peers can look for it even if it never speaks to a site that starts again.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// What a person should look at.
    pub attention: Option<String>,
    /// Whether another machine came with its key.
    pub misused: bool,
    /// What need not outlive the site's process.
    #[serde(skip)]
    pub live: Live,
}

/// Where a node is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum State {
    /// Waits for approval.
    Discovered,
    /// May get the image.
    Approved,
    /// Writes it; `wipe` when it may overwrite data of others.
    Installing { image: ImageRef, disk: DiskSelector, wipe: bool },
    /// Has it, and has yet to boot from it.
    Installed { image: ImageRef, disk: DiskSelector, boots: u32 },
    /// Booted from its own disk and healthy.
    Spare { image: ImageRef, disk: DiskSelector },
    /// Booted from its own disk; some units failed.
    Degraded { image: ImageRef, disk: DiskSelector, units: Vec<String> },
    /// Given up, until an operator approves it again.
    Failed { reason: String },
    /// Gets nothing any more.
    Retired,
}

/// An image by what a node can prove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRef {
    pub name: Name,
    pub version: semver::Version,
    pub root_hash: Sha256,
    pub manifest_sha256: Sha256,
}

/// Who said yes, when, and to which machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub at: Timestamp,
    pub by: Approver,
    /// Whether data of others on the disks that were seen may be overwritten. Used up by one installation.
    pub wipe: bool,
    /// Whether an image that is older than one that the node has trusted may be installed. Used up as well.
    #[serde(default)]
    pub allow_older: bool,
    pub hardware: Hardware,
}

/// What an operator's yes includes beside the image itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Data of others on the disks that the node has now may go.
    pub wipe: bool,
    /// The image may be older than one that the node has trusted.
    pub allow_older: bool,
    /// It is meant for a node that has the image, or had it: it may come from the network once more.
    pub again: bool,
}

/// Who approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approver {
    Operator,
    /// The list of expected serials in `site.toml`.
    SerialList,
}

/// What tells machines apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Empty where the board has none.
    pub serial: String,
    pub uuid: Option<String>,
    pub disks: BTreeSet<String>,
}

/// What is only seen, never stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    pub last_seen: Timestamp,
    pub progress: Option<Progress>,
    /// From when the deadline of the state counts; a site that was down has watched nobody.
    pub watched_from: Timestamp,
    pub is_silent: bool,
    misuse_told: Option<Timestamp>,
}

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub bytes: u64,
    pub total_bytes: u64,
}

impl Node {
    /// A node that was never seen before.
    pub fn discovered(id: NodeId, code: String, hello: &Hello, now: Timestamp) -> Self {
        Self {
            id,
            code,
            enrolled: now,
            state: State::Discovered,
            since: now,
            mac: hello.mac,
            boot_id: String::new(),
            source: hello.source.clone(),
            inventory: hello.inventory.clone(),
            nonce: String::new(),
            approval: None,
            attempts: 0,
            half_written: None,
            restarts: Vec::new(),
            address: None,
            attention: None,
            misused: false,
            live: Live::from(now),
        }
    }

    /// Whether it may get anything.
    pub fn is_approved(&self) -> bool {
        self.approval.is_some() && !matches!(self.state, State::Discovered | State::Retired)
    }
}

impl State {
    /// As tables and metrics show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::Approved => "approved",
            Self::Installing { .. } => "installing",
            Self::Installed { .. } => "installed",
            Self::Spare { .. } => "spare",
            Self::Degraded { .. } => "degraded",
            Self::Failed { .. } => "failed",
            Self::Retired => "retired",
        }
    }

    /// The names of all states.
    pub const NAMES: [&'static str; 8] =
        ["discovered", "approved", "installing", "installed", "spare", "degraded", "failed", "retired"];

    /// The image that the node has or is getting.
    pub fn image(&self) -> Option<&ImageRef> {
        match self {
            Self::Installing { image, .. }
            | Self::Installed { image, .. }
            | Self::Spare { image, .. }
            | Self::Degraded { image, .. } => Some(image),
            Self::Discovered | Self::Approved | Self::Failed { .. } | Self::Retired => None,
        }
    }
}

impl Hardware {
    /// What of an inventory tells machines apart.
    pub fn of(inventory: &Inventory) -> Self {
        let disks = inventory.disks.iter().filter_map(stable_name).collect();
        let system = &inventory.system;
        Self { serial: system.serial.clone(), uuid: system.uuid.clone(), disks }
    }

    /// Whether the inventory may be of the same machine: something that tells machines apart is the same, or
    /// there was nothing to compare with.
    pub fn may_be(&self, inventory: &Inventory) -> bool {
        let other = Self::of(inventory);
        let nothing = self.serial.is_empty() && self.uuid.is_none() && self.disks.is_empty();
        nothing
            || (!self.serial.is_empty() && self.serial == other.serial)
            || (self.uuid.is_some() && self.uuid == other.uuid)
            || !self.disks.is_disjoint(&other.disks)
    }
}

/// What names a disk from boot to boot.
pub fn stable_name(disk: &Disk) -> Option<String> {
    if disk.serial.is_empty() { disk.wwn.clone() } else { Some(disk.serial.clone()) }
}

impl Live {
    /// Of a node that is known from now on.
    pub fn from(now: Timestamp) -> Self {
        Self { last_seen: now, watched_from: now, ..Self::default() }
    }

    pub(super) fn may_tell_misuse(&mut self, now: Timestamp) -> bool {
        let is_due =
            self.misuse_told.is_none_or(|told| now.duration_since(told) >= signed(MISUSE_TOLD_EVERY));
        if is_due {
            self.misuse_told = Some(now);
        }
        is_due
    }
}

/// As jiff counts.
pub fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
