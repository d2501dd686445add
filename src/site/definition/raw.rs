//! `site.toml` as it is written, with the place of everything that may be refused.

use super::rack::{AgentPlace, Certificates};
use super::value::{
    AddressRange, BmcUser, DiskRule, ForeignData, HostName, InterfaceName, ListenAddress, NetworkAddress,
    WantedImage,
};
use serde::Deserialize;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use toml::Spanned;
use understudy_core::base::sha256::Sha256;
use understudy_core::model::mac::MacAddress;
use understudy_core::model::name::Name;
use understudy_core::model::role::Exclusivity;
use understudy_core::model::ssh_key::SshPublicKey;
use understudy_rack::redfish::BmcUrl;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDefinition {
    pub name: Name,
    pub state: PathBuf,
    pub images: PathBuf,
    pub image: WantedImage,
    pub image_keys: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub http: Http,
    #[serde(default)]
    pub node_api: NodeApi,
    pub operator_api: Option<RawOperatorApi>,
    pub networks: Spanned<Vec<RawNetwork>>,
    #[serde(default)]
    pub relayed: Vec<RawRelayed>,
    #[serde(default)]
    pub enrolment: Enrolment,
    #[serde(default)]
    pub install: Install,
    #[serde(default)]
    pub operators: Operators,
    #[serde(default)]
    pub rack: RawRack,
    pub bmc: Option<RawBmc>,
    #[serde(default)]
    pub clusters: Vec<RawCluster>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub port: NonZeroU16,
}

impl Default for Http {
    fn default() -> Self {
        Self { port: const { NonZeroU16::new(80).expect("80 is not 0") } }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeApi {
    pub port: NonZeroU16,
}

impl Default for NodeApi {
    fn default() -> Self {
        Self { port: const { NonZeroU16::new(8443).expect("8443 is not 0") } }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOperatorApi {
    pub listen: Spanned<ListenAddress>,
    #[serde(default)]
    pub names: Vec<HostName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawNetwork {
    pub interface: Spanned<InterfaceName>,
    pub address: Spanned<NetworkAddress>,
    pub dhcp: Spanned<RawDhcp>,
    pub pool: Option<Spanned<AddressRange>>,
    pub gateway: Option<Spanned<Ipv4Addr>>,
    #[serde(default = "no_servers")]
    pub dns: Spanned<Vec<Ipv4Addr>>,
    pub lease_s: Option<Spanned<u32>>,
    #[serde(default)]
    pub router_advertisements: bool,
    #[serde(default)]
    pub reservations: Vec<RawReservation>,
}

/// A network that only a relay reaches.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRelayed {
    pub interface: Spanned<InterfaceName>,
    pub network: Spanned<NetworkAddress>,
    pub pool: Spanned<AddressRange>,
    pub gateway: Spanned<Ipv4Addr>,
    #[serde(default = "no_servers")]
    pub dns: Spanned<Vec<Ipv4Addr>>,
    pub lease_s: Option<Spanned<u32>>,
    #[serde(default)]
    pub reservations: Vec<RawReservation>,
}

fn no_servers() -> Spanned<Vec<Ipv4Addr>> {
    Spanned::new(0..0, Vec::new())
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawDhcp {
    Own,
    Proxy,
    Off,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReservation {
    pub mac: Spanned<MacAddress>,
    pub address: Spanned<Ipv4Addr>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    #[serde(default)]
    pub serials: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    #[serde(default)]
    pub disk: DiskRule,
    #[serde(default)]
    pub foreign_data: ForeignData,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    #[serde(default)]
    pub ssh_keys: Vec<Spanned<SshPublicKey>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRack {
    pub name: Option<Name>,
    #[serde(default)]
    pub agent: AgentPlace,
    pub allowance: Option<Spanned<u32>>,
    pub allowance_window_s: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBmc {
    pub user: BmcUser,
    pub password_file: PathBuf,
    #[serde(default)]
    pub certificates: Certificates,
    #[serde(default)]
    pub nodes: Vec<RawBmcNode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBmcNode {
    pub serial: Spanned<String>,
    pub url: Spanned<BmcUrl>,
    pub certificate_sha256: Option<Sha256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCluster {
    pub name: Spanned<Name>,
    pub role: Name,
    pub exclusivity: Option<Exclusivity>,
    pub settings: Option<Spanned<toml::Table>>,
    #[serde(default)]
    pub identities: Vec<RawIdentity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawIdentity {
    pub name: Spanned<Name>,
    pub host_name: Option<Spanned<HostName>>,
    pub address: Spanned<Ipv4Addr>,
}
