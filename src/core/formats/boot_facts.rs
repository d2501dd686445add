//! What `/init` found out about this boot, left for the node agent.

use super::disk_layout::Slot;
use crate::base::sha256::Sha256;
use serde::{Deserialize, Serialize};

/// Where `/init` leaves the facts, inside the running system.
pub const BOOT_FACTS_PATH: &str = "/run/understudy/boot.json";

/// One boot, from power-on to the switch to systemd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootFacts {
    /// The root of the verity tree that was checked.
    pub root_hash: Sha256,
    /// The slot that it was found in.
    pub slot: Slot,
    /// The disk's kernel name, such as `nvme0n1`.
    pub disk: String,
    /// Whether firmware vouched for kernel, initrd and command line.
    pub vouched_by: Vouched,
    /// Seconds from kernel start to the switch, by CLOCK_BOOTTIME.
    pub init_done_s: f64,
}

/// Who vouches for kernel, initrd and root hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vouched {
    /// UEFI Secure Boot was on.
    SecureBoot,
    /// Nobody: an unverified boot.
    Nobody,
}
