//! Single values of `site.toml`, each of which is either right by itself or refused by its parser.

use serde::Deserialize;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use understudy_core::model::name::Name;

/// `IFNAMSIZ` of linux/if.h, without the NUL.
const INTERFACE_BYTES_MAX: usize = 15;

/// Why a text is not the value that it should be.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    #[error("`{0}` is not the name of a network interface, such as eth0")]
    Interface(String),
    #[error("`{0}` is not an address with its network's length, such as 10.77.0.1/24")]
    NetworkAddress(String),
    #[error("`{0}` is not a range of addresses, first to last, such as 10.77.0.100-10.77.0.199")]
    AddressRange(String),
    #[error("`{0}` is not an image; write a name such as mail, or one version such as mail-0.1.0")]
    WantedImage(String),
    #[error("`{0}` is not one address of this machine with a port, such as 10.77.0.1:9443")]
    ListenAddress(String),
    #[error("`{0}` is not the name of a host, such as site.example.org")]
    HostName(String),
    #[error("`{0}` is not a user of a BMC: no colon, no control character, and not empty")]
    BmcUser(String),
    #[error("`{0}` is not a rule for disks; write only, smallest, largest or serial:XYZ")]
    DiskRule(String),
}

/// A network interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct InterfaceName(String);

/// An address of ours and how many of its bits name its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NetworkAddress {
    pub address: Ipv4Addr,
    /// 8 to 30.
    pub prefix_bits: u8,
}

/// Addresses from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressRange {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
}

/// Where something listens: one address and no wildcard, so that nothing is open by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress(pub SocketAddr);

/// The name of a host (RFC 1123, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostName(String);

/// A user of a BMC, as Basic authentication takes it (RFC 7617, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BmcUser(String);

/// What nodes get.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WantedImage {
    pub name: Name,
    /// This one and no other; without it the newest.
    pub version: Option<semver::Version>,
}

/// Which disk of a node gets the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum DiskRule {
    /// Its one disk; a node with several is refused.
    #[default]
    Only,
    Smallest,
    Largest,
    Serial(String),
}

/// What happens to a disk with somebody else's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForeignData {
    /// It is overwritten when an operator approved that with `--wipe`.
    #[default]
    Ask,
    /// It is never overwritten.
    Refuse,
}

impl NetworkAddress {
    fn mask(self) -> u32 {
        u32::MAX << (32 - u32::from(self.prefix_bits))
    }

    /// The first address of the network, which is nobody's.
    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & self.mask())
    }

    /// The last address of the network, which is everybody's.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) | !self.mask())
    }

    /// Whether a host of the network may have this address.
    pub fn has_host(self, address: Ipv4Addr) -> bool {
        address > self.network() && address < self.broadcast()
    }

    /// Whether the two networks share an address.
    pub fn overlaps(self, other: Self) -> bool {
        self.network() <= other.broadcast() && other.network() <= self.broadcast()
    }
}

impl AddressRange {
    /// Whether the address is one of these.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        self.first <= address && address <= self.last
    }
}

impl FromStr for InterfaceName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = (1..=INTERFACE_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if is_name && !text.starts_with('.') {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::Interface(text.to_owned()))
        }
    }
}

impl InterfaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for NetworkAddress {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = || ValueError::NetworkAddress(text.to_owned());
        let (address, bits) = text.split_once('/').ok_or_else(refuse)?;
        let (address, prefix_bits) =
            (address.parse().map_err(|_| refuse())?, bits.parse().map_err(|_| refuse())?);
        if (8..=30).contains(&prefix_bits) { Ok(Self { address, prefix_bits }) } else { Err(refuse()) }
    }
}

impl FromStr for AddressRange {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = || ValueError::AddressRange(text.to_owned());
        let (first, last) = text.split_once('-').ok_or_else(refuse)?;
        let parse = |address: &str| address.trim().parse::<Ipv4Addr>().map_err(|_| refuse());
        let (first, last) = (parse(first)?, parse(last)?);
        if first <= last { Ok(Self { first, last }) } else { Err(refuse()) }
    }
}

impl FromStr for ListenAddress {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parsed: Option<SocketAddr> = text.parse().ok();
        let usable =
            parsed.filter(|at| at.port() != 0 && !at.ip().is_unspecified() && !at.ip().is_multicast());
        usable.map(Self).ok_or_else(|| ValueError::ListenAddress(text.to_owned()))
    }
}

impl FromStr for HostName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(allowed)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // An address is no name, however much it looks like one.
        let is_name = text.split('.').all(is_label) && text.parse::<Ipv4Addr>().is_err();
        if is_name && text.len() <= 253 {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::HostName(text.to_owned()))
        }
    }
}

impl HostName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For comparing: names of hosts know no case (RFC 4343).
    pub fn lower_case(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for BmcUser {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let is_user = !text.is_empty() && !text.contains(|c: char| c == ':' || c.is_control());
        if is_user { Ok(Self(text.to_owned())) } else { Err(ValueError::BmcUser(text.to_owned())) }
    }
}

impl BmcUser {
    /// The user as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for WantedImage {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Ok(name) = text.parse() {
            return Ok(Self { name, version: None });
        }
        // A version may hold hyphens as well: the first split that gives a name and a version counts.
        let splits = text.match_indices('-').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let mut parsed = splits.filter_map(|(name, version)| {
            Some(Self { name: name.parse().ok()?, version: Some(version.parse().ok()?) })
        });
        parsed.next().ok_or_else(|| ValueError::WantedImage(text.to_owned()))
    }
}

impl fmt::Display for WantedImage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(out, "{}-{version}", self.name),
            None => write!(out, "{}", self.name),
        }
    }
}

impl FromStr for DiskRule {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.split_once(':') {
            None if text == "only" => Ok(Self::Only),
            None if text == "smallest" => Ok(Self::Smallest),
            None if text == "largest" => Ok(Self::Largest),
            Some(("serial", serial)) if !serial.trim().is_empty() => {
                Ok(Self::Serial(serial.trim().to_owned()))
            }
            _ => Err(ValueError::DiskRule(text.to_owned())),
        }
    }
}

/// What serde's `try_from = "String"` calls.
macro_rules! from_text {
    ($($kind:ty),+) => {$(
        impl TryFrom<String> for $kind {
            type Error = ValueError;

            fn try_from(text: String) -> Result<Self, ValueError> {
                text.parse()
            }
        }
    )+};
}

from_text!(
    InterfaceName,
    NetworkAddress,
    AddressRange,
    ListenAddress,
    HostName,
    BmcUser,
    WantedImage,
    DiskRule
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_know_their_hosts_and_neighbours() {
        let net: NetworkAddress = "10.77.1.5/22".parse().unwrap();
        assert_eq!(
            (net.network().to_string(), net.broadcast().to_string()),
            ("10.77.0.0".into(), "10.77.3.255".into())
        );
        assert!(net.has_host("10.77.0.1".parse().unwrap()) && !net.has_host("10.77.3.255".parse().unwrap()));
        assert!(
            net.overlaps("10.77.3.0/24".parse().unwrap()) && !net.overlaps("10.77.4.1/24".parse().unwrap())
        );
        for text in ["10.77.0.1", "10.77.0.1/31", "10.77.0.1/0", "10.77.0/24", "::1/64"] {
            assert!(text.parse::<NetworkAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_image_is_a_name_with_or_without_a_version() {
        for (text, name, version) in [
            ("mail", "mail", None),
            ("mail-store", "mail-store", None),
            ("mail-store-1.2.3", "mail-store", Some("1.2.3")),
            ("mail-1.0.0-rc.1", "mail", Some("1.0.0-rc.1")),
        ] {
            let wanted: WantedImage = text.parse().unwrap();
            assert_eq!(
                (wanted.name.as_str(), wanted.version.map(|v| v.to_string()).as_deref()),
                (name, version)
            );
            assert_eq!(text.parse::<WantedImage>().unwrap().to_string(), text);
        }
        assert!("../mail".parse::<WantedImage>().is_err() && "mail-1.2".parse::<WantedImage>().is_err());
    }
}
