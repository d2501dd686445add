//! What is served where: raw values in, checked ones out. After [`Config::validate`] nobody checks again.

use super::client::is_unicast;
use super::network::{AddressRange, Network};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use understudy_core::model::mac::MacAddress;

/// Linux's IFNAMSIZ without the final NUL.
const INTERFACE_NAME_BYTES_MAX: usize = 15;
/// Clients renew at half of it; shorter leases would keep them busy with that.
pub const LEASE_MIN: Duration = Duration::from_secs(10);
/// A year. The field has 32 bits, and all ones mean "for ever" (RFC 2131, section 3.3).
pub const LEASE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// More make the answer too large for some firmware.
pub const DNS_SERVERS_MAX: usize = 4;
/// Bounds what is kept in memory.
pub const POOL_ADDRESSES_MAX: usize = 1 << 16;

/// Everything that DHCP needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub interfaces: Vec<Interface>,
    /// Networks behind relays, answered on the interface that each names.
    pub relayed: Vec<Relayed>,
    /// Where boot files are, at the address of the interface that was asked.
    pub http_port: u16,
    /// Where our own /init finds its site.
    pub node_api_port: u16,
}

/// An interface to serve. What is not named is not listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    /// This machine's address there; the server identifier, and where boot files come from.
    pub address: Ipv4Addr,
    pub prefix_length: u8,
    pub mode: Mode,
    /// Whether [`crate::advertise`] answers there.
    pub router_advertisements: bool,
}

/// Who gives addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// This server, and no other.
    Own(Own),
    /// Another server; this one adds what to boot.
    Proxy,
    /// DHCP is not served there at all.
    Off,
}

/// What this server gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    pub pool: AddressRange,
    pub gateway: Option<Ipv4Addr>,
    pub dns: Vec<Ipv4Addr>,
    pub lease: Duration,
    pub reservations: Vec<Reservation>,
}

/// An address for one machine, in the pool or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub mac: MacAddress,
    pub address: Ipv4Addr,
}

/// A network that only a relay reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// The interface that the relay reaches; one where DHCP is served.
    pub interface: String,
    /// Any address in it.
    pub address: Ipv4Addr,
    pub prefix_length: u8,
    pub own: Own,
}

/// Why a configuration cannot be used. `network` is an interface's name, or a relayed network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("`{0}` is not the name of a network interface")]
    InterfaceName(String),
    #[error("interface {0} is listed twice")]
    InterfaceTwice(String),
    #[error("{address} of {network} is not a host's address in a /{prefix_length}")]
    Address { network: String, address: Ipv4Addr, prefix_length: u8 },
    #[error("{network} has prefix length {prefix_length}, which is not between 8 and 30")]
    PrefixLength { network: String, prefix_length: u8 },
    #[error("the networks of {first} and {second} overlap")]
    NetworksOverlap { first: String, second: String },
    #[error("pool {pool} of {network} ends before it begins")]
    PoolReversed { network: String, pool: AddressRange },
    #[error("pool {pool} is not in the network of {network}")]
    PoolOutside { network: String, pool: AddressRange },
    #[error("pool {pool} of {network} has more than {POOL_ADDRESSES_MAX} addresses")]
    PoolLarge { network: String, pool: AddressRange },
    #[error("pool {pool} of {network} has no address that could be given to a client")]
    PoolEmpty { network: String, pool: AddressRange },
    #[error("gateway {gateway} is not a host's address in the network of {network}")]
    Gateway { network: String, gateway: Ipv4Addr },
    #[error("{network} lists more than {DNS_SERVERS_MAX} DNS servers")]
    DnsServers { network: String },
    #[error("`{server}` of {network} is not the address of a DNS server")]
    DnsServer { network: String, server: Ipv4Addr },
    #[error("leases of {network} last {lease:?}, which is not between {LEASE_MIN:?} and {LEASE_MAX:?}")]
    Lease { network: String, lease: Duration },
    #[error("{mac} has two reservations in {network}")]
    ReservationTwice { network: String, mac: MacAddress },
    #[error("{address} is reserved twice in {network}")]
    ReservedAddressTwice { network: String, address: Ipv4Addr },
    #[error("{mac}, for which {network} reserves an address, is a group's address")]
    ReservationMac { network: String, mac: MacAddress },
    #[error("{address}, which {network} reserves, is not a client's address in its network")]
    ReservedAddress { network: String, address: Ipv4Addr },
    #[error("DHCP is not served on {interface}, over which the relay of {network} is to be answered")]
    RelayInterface { network: String, interface: String },
    #[error("port 0 is no port")]
    Port,
}

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(super) interfaces: Vec<Served>,
    pub(super) networks: Vec<OwnNetwork>,
    pub(super) http_port: u16,
    pub(super) node_api_port: u16,
}

/// An interface on which DHCP is served.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub name: Arc<str>,
    pub address: Ipv4Addr,
    /// Where in the list of networks; `None` for proxyDHCP.
    pub own: Option<usize>,
}

/// A network in which this server gives addresses.
#[derive(Clone, Debug)]
pub(super) struct OwnNetwork {
    pub name: Arc<str>,
    pub network: Network,
    /// The interface that its relay reaches; `None` where clients are at our own interface.
    pub relayed_by: Option<Arc<str>>,
    pub pool: AddressRange,
    /// Addresses that no client may have.
    pub never: BTreeSet<Ipv4Addr>,
    pub gateway: Option<Ipv4Addr>,
    pub dns: Vec<Ipv4Addr>,
    pub lease: Duration,
    pub reserved: BTreeMap<MacAddress, Ipv4Addr>,
    pub holders: BTreeMap<Ipv4Addr, MacAddress>,
}

impl Config {
    /// Checks everything that can be known without the machine.
    pub fn validate(&self) -> Result<Checked, ConfigError> {
        if self.http_port == 0 || self.node_api_port == 0 {
            return Err(ConfigError::Port);
        }
        let mut checked = Checked {
            interfaces: Vec::new(),
            networks: Vec::new(),
            http_port: self.http_port,
            node_api_port: self.node_api_port,
        };
        let mut known: Vec<(Arc<str>, Network)> = Vec::new();
        for interface in &self.interfaces {
            let (name, network) = interface.network()?;
            if known.iter().any(|(other, _)| *other == name) {
                return Err(ConfigError::InterfaceTwice(name.to_string()));
            }
            add_network(&mut known, &name, network)?;
            let own = match &interface.mode {
                Mode::Off => continue,
                Mode::Proxy => None,
                Mode::Own(own) => {
                    let own = own.validate(name.clone(), network, Place::At(interface.address))?;
                    checked.networks.push(own);
                    Some(checked.networks.len() - 1)
                }
            };
            checked.interfaces.push(Served { name, address: interface.address, own });
        }
        for relayed in &self.relayed {
            let name = format!("{}/{}", relayed.address, relayed.prefix_length);
            let network = network_of(&name, relayed.address, relayed.prefix_length)?;
            let name = Arc::from(network.to_string());
            add_network(&mut known, &name, network)?;
            let by = checked.interfaces.iter().find(|served| *served.name == *relayed.interface);
            let by = by.map(|served| served.name.clone()).ok_or_else(|| ConfigError::RelayInterface {
                network: name.to_string(),
                interface: relayed.interface.clone(),
            })?;
            checked.networks.push(relayed.own.validate(name, network, Place::Behind(by))?);
        }
        Ok(checked)
    }
}

/// Where we are, seen from a network.
enum Place {
    /// In it, with this address.
    At(Ipv4Addr),
    /// Behind a relay that reaches this interface.
    Behind(Arc<str>),
}

impl Interface {
    fn network(&self) -> Result<(Arc<str>, Network), ConfigError> {
        let name = self.name.as_str();
        let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
        if !is_plain || name.is_empty() || name.len() > INTERFACE_NAME_BYTES_MAX || name.starts_with('.') {
            return Err(ConfigError::InterfaceName(self.name.clone()));
        }
        let network = network_of(name, self.address, self.prefix_length)?;
        if !network.has_host(self.address) {
            let Self { address, prefix_length, .. } = *self;
            return Err(ConfigError::Address { network: self.name.clone(), address, prefix_length });
        }
        Ok((Arc::from(name), network))
    }
}

fn network_of(name: &str, address: Ipv4Addr, prefix_length: u8) -> Result<Network, ConfigError> {
    if !(8..=30).contains(&prefix_length) {
        return Err(ConfigError::PrefixLength { network: name.to_owned(), prefix_length });
    }
    if address.is_multicast()
        || address.is_loopback()
        || address.octets()[0] == 0
        || address.octets()[0] >= 240
    {
        return Err(ConfigError::Address { network: name.to_owned(), address, prefix_length });
    }
    Ok(Network::new(address, prefix_length))
}

fn add_network(
    known: &mut Vec<(Arc<str>, Network)>,
    name: &Arc<str>,
    network: Network,
) -> Result<(), ConfigError> {
    if let Some((first, _)) = known.iter().find(|(_, other)| other.overlaps(network)) {
        return Err(ConfigError::NetworksOverlap { first: first.to_string(), second: name.to_string() });
    }
    known.push((name.clone(), network));
    Ok(())
}

impl Own {
    fn validate(&self, name: Arc<str>, network: Network, place: Place) -> Result<OwnNetwork, ConfigError> {
        let (server, relayed_by) = match place {
            Place::At(server) => (Some(server), None),
            Place::Behind(interface) => (None, Some(interface)),
        };
        let never: BTreeSet<Ipv4Addr> =
            [network.first(), network.broadcast()].into_iter().chain(server).chain(self.gateway).collect();
        self.check_pool(&name, network, &never)?;
        if let Some(gateway) = self.gateway.filter(|gateway| !network.has_host(*gateway)) {
            return Err(ConfigError::Gateway { network: name.to_string(), gateway });
        }
        if self.dns.len() > DNS_SERVERS_MAX {
            return Err(ConfigError::DnsServers { network: name.to_string() });
        }
        let is_nobody =
            |server: &&Ipv4Addr| server.is_unspecified() || server.is_multicast() || server.is_broadcast();
        if let Some(server) = self.dns.iter().find(is_nobody) {
            return Err(ConfigError::DnsServer { network: name.to_string(), server: *server });
        }
        if !(LEASE_MIN..=LEASE_MAX).contains(&self.lease) {
            return Err(ConfigError::Lease { network: name.to_string(), lease: self.lease });
        }
        let holders = self.check_reservations(&name, network, &never)?;
        Ok(OwnNetwork {
            name,
            network,
            relayed_by,
            pool: self.pool,
            never,
            gateway: self.gateway,
            dns: self.dns.clone(),
            lease: self.lease,
            reserved: holders.iter().map(|(address, mac)| (*mac, *address)).collect(),
            holders,
        })
    }

    fn check_pool(
        &self,
        name: &str,
        network: Network,
        never: &BTreeSet<Ipv4Addr>,
    ) -> Result<(), ConfigError> {
        let (network_name, pool) = (name.to_owned(), self.pool);
        if pool.first > pool.last {
            return Err(ConfigError::PoolReversed { network: network_name, pool });
        }
        if !network.contains(pool.first) || !network.contains(pool.last) {
            return Err(ConfigError::PoolOutside { network: network_name, pool });
        }
        if pool.count() > POOL_ADDRESSES_MAX {
            return Err(ConfigError::PoolLarge { network: network_name, pool });
        }
        if pool.iter().all(|address| never.contains(&address)) {
            return Err(ConfigError::PoolEmpty { network: network_name, pool });
        }
        Ok(())
    }

    fn check_reservations(
        &self,
        name: &str,
        network: Network,
        never: &BTreeSet<Ipv4Addr>,
    ) -> Result<BTreeMap<Ipv4Addr, MacAddress>, ConfigError> {
        let (mut macs, mut holders) = (BTreeSet::new(), BTreeMap::new());
        for &Reservation { mac, address } in &self.reservations {
            let network_name = name.to_owned();
            if !is_unicast(mac.bytes()) {
                return Err(ConfigError::ReservationMac { network: network_name, mac });
            }
            if !network.contains(address) || never.contains(&address) {
                return Err(ConfigError::ReservedAddress { network: network_name, address });
            }
            if !macs.insert(mac) {
                return Err(ConfigError::ReservationTwice { network: network_name, mac });
            }
            if holders.insert(address, mac).is_some() {
                return Err(ConfigError::ReservedAddressTwice { network: network_name, address });
            }
        }
        Ok(holders)
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
