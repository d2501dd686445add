//! Words between the command and a lab's supervisor: one JSON line each way over a Unix socket.

pub mod client;
pub mod server;

use crate::bmc::mode::Mode;
use crate::machine::boot::BootOverride;
use crate::machine::{Order, Power};
use crate::rack::plan::{NodeFirmware, NodeName};
use crate::rack::site::SiteStatus;
use crate::switch::line::Line;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use understudy_core::model::mac::MacAddress;
use understudy_core::model::name::Name;

/// The socket's name in the lab's private folder.
pub const SOCKET: &str = "control";
/// Longer than any question or answer.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What can be asked of a lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    Status,
    Order {
        node: NodeName,
        order: Order,
    },
    Line {
        node: NodeName,
        line: Line,
    },
    Bmc {
        node: NodeName,
        mode: Mode,
    },
    /// Every machine that has power goes into a file, and the lab ends.
    Suspend,
    Down,
}

/// The lab's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It has happened; the node as it is now.
    Done(NodeStatus),
    Lab(LabStatus),
    /// Everything ends now; the end of the supervisor's process is the end of all.
    GoingDown,
    Refused {
        reason: String,
    },
}

/// A lab as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabStatus {
    pub name: Name,
    pub folder: PathBuf,
    /// Of the process that everything hangs on, in the terms of the computer's own `/proc`.
    pub supervisor: Option<u32>,
    pub site: Option<SiteStatus>,
    pub nodes: Vec<NodeStatus>,
}

/// A machine as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    pub node: NodeName,
    pub firmware: NodeFirmware,
    pub power: Power,
    pub frozen: bool,
    pub plugged: bool,
    /// Since power-on.
    pub uptime_s: Option<f64>,
    /// Of the machine's qemu, in the terms of the computer's own `/proc`.
    pub pid: Option<u32>,
    /// How often it has started again by itself since power-on.
    pub resets: u32,
    pub mac: MacAddress,
    pub uuid: String,
    pub boot: BootOverride,
    pub disks: Vec<DiskStatus>,
    pub bmc: Option<BmcStatus>,
    pub frames: Frames,
    pub line: Line,
    pub console_last_line: String,
}

/// A disk as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DiskStatus {
    pub serial: String,
    pub bytes: u64,
    /// Where writes fail since the machine's last power-on, or from its next one.
    pub fails_writes_at: Option<u64>,
}

/// A BMC as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BmcStatus {
    /// Inside the lab's network.
    pub url: String,
    pub mode: Mode,
}

/// What passed a machine's port of the switch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Frames {
    /// Sent by the machine.
    pub from_node: u64,
    /// Sent to the machine.
    pub to_node: u64,
    /// Lost on a bad cable.
    pub lost: u64,
    /// Lost because the machine did not take them.
    pub overflowed: u64,
}
