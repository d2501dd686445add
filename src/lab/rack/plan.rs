//! What a lab consists of, written down before anything runs.

use crate::firmware::Firmware;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::str::FromStr;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::sha256::Sha256;
use understudy_core::model::mac::MacAddress;
use understudy_core::model::name::Name;

/// The interface on which the site serves, inside the lab's network namespace.
pub const SITE_INTERFACE: &str = "rack0";
/// The site's address on it.
pub const SITE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Addresses that the site gives out.
pub const POOL: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 77, 0, 100), Ipv4Addr::new(10, 77, 0, 199));
/// Above the pool: one address for each BMC.
const BMC_ADDRESS_BASE: u8 = 200;
const BMC_PORT: u16 = 8000;
/// A disk that nobody wanted otherwise.
pub const DISK: ByteCount = ByteCount::mebibytes(8192);
/// Of each machine, where there are enough.
const PROCESSORS: u8 = 2;
/// The BMC of the last one has the last address but a few.
pub const NODES_MAX: u8 = 50;

/// Everything that a supervisor needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub name: Name,
    /// Absolute; where everything of this lab is.
    pub folder: PathBuf,
    pub nodes: Vec<NodePlan>,
    /// Of each node.
    #[serde(default = "processors_of_old")]
    pub processors: u8,
    /// Of each node.
    pub memory: ByteCount,
    pub management: Management,
    /// Nothing: a rack without a site.
    pub site: Option<SitePlan>,
    /// Absolute; the folder of a lab that is down, whose disks and site this one takes over. Nothing: everything is new.
    #[serde(default)]
    pub from: Option<PathBuf>,
    pub lifetime: Lifetime,
}

/// Of a lab that was kept when nobody could choose.
fn processors_of_old() -> u8 {
    PROCESSORS
}

/// How many processors each of so many machines has, unless somebody says otherwise: more than this computer has
/// would wait for each other's locks.
pub fn processors(nodes: usize) -> u8 {
    let own = std::thread::available_parallelism().map_or(1, usize::from);
    if own >= nodes * usize::from(PROCESSORS) { PROCESSORS } else { 1 }
}

/// Whether nodes have BMCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Management {
    Bmc,
    None,
}

/// When a lab ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// With the process that started it.
    Attached,
    /// Never.
    Detached,
}

/// The site that serves the rack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SitePlan {
    /// What it calls itself: the name of the lab in which it began.
    pub name: Name,
    /// Absolute; image folders. The site offers the newest version of the first one's name.
    pub images: Vec<PathBuf>,
    /// Absolute; whose images the shelf takes.
    pub keys: Vec<PathBuf>,
    pub approval: Approval,
    /// What else the site's file says; it goes before what the lab would write.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// Who lets the rack's machines have the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// The site's list of expected serials.
    Expected,
    /// An operator, each of them.
    Ask,
}

/// The text is no way to approve.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no way to approve machines; there are expected and ask")]
pub struct ApprovalError(String);

impl FromStr for Approval {
    type Err = ApprovalError;

    fn from_str(text: &str) -> Result<Self, ApprovalError> {
        match text {
            "expected" => Ok(Self::Expected),
            "ask" => Ok(Self::Ask),
            _ => Err(ApprovalError(text.to_owned())),
        }
    }
}

/// One machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodePlan {
    pub name: NodeName,
    pub firmware: NodeFirmware,
    pub mac: MacAddress,
    /// As SMBIOS and the BMC say it.
    pub uuid: String,
    pub bmc: SocketAddrV4,
    /// Of each disk, which is empty at first.
    pub disks: Vec<ByteCount>,
    /// What the machine's clock shows when it gets its power, in the words of qemu's `-rtc base=`; nothing: the time.
    pub clock: Option<String>,
}

impl NodePlan {
    /// The machine with this number; the same in every lab of this name.
    pub fn new(lab: &Name, name: NodeName, firmware: NodeFirmware) -> Self {
        let NodeName(number) = name;
        let bmc = Ipv4Addr::new(10, 77, 0, BMC_ADDRESS_BASE + number);
        Self {
            name,
            firmware,
            // 52:54:00 is what qemu's users give to virtual machines.
            mac: MacAddress::new([0x52, 0x54, 0, 0x77, 0, number]),
            uuid: uuid(lab, name),
            bmc: SocketAddrV4::new(bmc, BMC_PORT),
            disks: vec![DISK],
            clock: None,
        }
    }

    /// What the machine's disk with this number, from 1, says of itself: `LAB-DISK-3`, then `LAB-DISK-3-2`.
    pub fn disk_serial(&self, disk: usize) -> String {
        match disk {
            1 => format!("LAB-DISK-{}", self.name.0),
            disk => format!("LAB-DISK-{}-{disk}", self.name.0),
        }
    }
}

/// Made from the names, so that a lab that comes up again has the same machines (version 8, RFC 9562,
/// section 5.8).
fn uuid(lab: &Name, node: NodeName) -> String {
    let mut bytes = *Sha256::of(format!("{lab}/{node}").as_bytes()).as_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = Sha256::from(bytes).to_string();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    parts.join("-")
}

/// A machine's name and system serial number: `LAB-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(u8);

/// The text names no machine of a lab.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a node of a lab; they are LAB-1 to LAB-{NODES_MAX}, or just the number")]
pub struct NodeNameError(String);

impl NodeName {
    /// The first `count` of them.
    pub fn first(count: u8) -> impl Iterator<Item = Self> {
        (1..=count.min(NODES_MAX)).map(Self)
    }

    /// From 1.
    pub fn number(self) -> usize {
        self.0.into()
    }
}

impl FromStr for NodeName {
    type Err = NodeNameError;

    fn from_str(text: &str) -> Result<Self, NodeNameError> {
        let lower = text.to_ascii_lowercase();
        let number = lower.strip_prefix("lab-").unwrap_or(&lower).parse().ok();
        let number = number.filter(|number| (1..=NODES_MAX).contains(number));
        number.map(Self).ok_or_else(|| NodeNameError(text.to_owned()))
    }
}

impl TryFrom<String> for NodeName {
    type Error = NodeNameError;

    fn try_from(text: String) -> Result<Self, NodeNameError> {
        text.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("LAB-{}", self.0))
    }
}

/// How a machine comes to its boot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeFirmware {
    /// SeaBIOS with iPXE in the network card.
    Bios,
    /// OVMF, which asks by PXE.
    Uefi,
    /// OVMF, which asks by HTTP boot.
    Http,
}

impl NodeFirmware {
    /// In this order they go round in a mixed rack.
    pub const ALL: [Self; 3] = [Self::Bios, Self::Uefi, Self::Http];

    /// What is soldered to the board.
    pub fn board(self) -> Firmware {
        match self {
            Self::Bios => Firmware::Bios,
            Self::Uefi | Self::Http => Firmware::Uefi,
        }
    }
}

impl fmt::Display for NodeFirmware {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Bios => "bios",
            Self::Uefi => "uefi",
            Self::Http => "http",
        })
    }
}

/// The firmware of a whole rack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RackFirmware {
    Same(NodeFirmware),
    /// Each kind in turn.
    Mixed,
}

/// The text is not a rack's firmware.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a rack's firmware; there are bios, uefi, http and mixed")]
pub struct RackFirmwareError(String);

impl FromStr for RackFirmware {
    type Err = RackFirmwareError;

    fn from_str(text: &str) -> Result<Self, RackFirmwareError> {
        if text == "mixed" {
            return Ok(Self::Mixed);
        }
        let kind = NodeFirmware::ALL.into_iter().find(|kind| kind.to_string() == text);
        kind.map(Self::Same).ok_or_else(|| RackFirmwareError(text.to_owned()))
    }
}

impl RackFirmware {
    /// The firmware of one machine.
    pub fn of(self, node: NodeName) -> NodeFirmware {
        match self {
            Self::Same(kind) => kind,
            Self::Mixed => NodeFirmware::ALL[(node.number() - 1) % NodeFirmware::ALL.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_by_serial_or_number() {
        for text in ["LAB-2", "lab-2", "2"] {
            assert_eq!(text.parse::<NodeName>().unwrap().to_string(), "LAB-2", "{text}");
        }
        for text in ["", "0", "LAB-0", "LAB-51", "LAB-", "rack-1", "-1"] {
            assert!(text.parse::<NodeName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_mixed_rack_has_every_kind_of_firmware() {
        let mixed: RackFirmware = "mixed".parse().unwrap();
        let kinds: Vec<String> = NodeName::first(4).map(|node| mixed.of(node).to_string()).collect();
        assert_eq!(kinds, ["bios", "uefi", "http", "bios"]);
    }

    #[test]
    fn machines_of_two_labs_differ_and_come_back_the_same() {
        let machine = |lab: &str, node: &str| {
            NodePlan::new(&lab.parse().unwrap(), node.parse().unwrap(), NodeFirmware::Bios).uuid
        };
        assert_eq!(machine("lab", "1"), machine("lab", "1"));
        assert_ne!(machine("lab", "1"), machine("lab", "2"));
        assert_ne!(machine("lab", "1"), machine("other", "1"));
        let uuid = machine("lab", "1");
        let shape: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((shape.as_slice(), uuid.as_bytes()[14]), ([8, 4, 4, 4, 12].as_slice(), b'8'));
    }
}
