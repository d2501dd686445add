//! `[[networks]]`: where the site answers, and which addresses it gives away.

use super::raw::{RawDhcp, RawNetwork, RawRelayed, RawReservation};
use super::value::{AddressRange, InterfaceName, NetworkAddress};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;
use understudy_core::model::mac::MacAddress;
use understudy_netboot::dhcp::{DNS_SERVERS_MAX, POOL_ADDRESSES_MAX};

/// Leases outlive every boot stage, and an address is not kept for a machine that left last month.
const LEASE_SECONDS: RangeInclusive<u32> = 300..=30 * 24 * 3600;
const LEASE_SECONDS_DEFAULT: u32 = 3600;

/// A network that the site serves.
#[derive(Clone, Debug)]
pub struct Network {
    pub interface: InterfaceName,
    /// The site's own address there; the only one that it listens on.
    pub address: NetworkAddress,
    pub dhcp: Dhcp,
    pub gateway: Option<Ipv4Addr>,
    pub dns: Vec<Ipv4Addr>,
    pub lease: Duration,
    pub router_advertisements: bool,
    pub reservations: BTreeMap<MacAddress, Ipv4Addr>,
}

/// A network without an interface of ours: a relay brings its requests to one of ours.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// Where the relay's packets arrive; that network's address is the one that serves.
    pub interface: InterfaceName,
    pub network: NetworkAddress,
    pub pool: AddressRange,
    /// Over which its machines reach the site.
    pub gateway: Ipv4Addr,
    pub dns: Vec<Ipv4Addr>,
    pub lease: Duration,
    pub reservations: BTreeMap<MacAddress, Ipv4Addr>,
}

/// Who gives addresses away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dhcp {
    /// We do, from this pool.
    Own { pool: AddressRange },
    /// Somebody else; we add what machines boot.
    Proxy,
    /// Somebody else, who also says what machines boot.
    Off,
}

/// What is wrong with a value of a network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkProblem {
    #[error("{0} is not an address that a host of its network can have")]
    NoHost(Ipv4Addr),
    #[error("{address}/{prefix_bits} overlaps with the network of {other}", address = .0.address, prefix_bits = .0.prefix_bits, other = .1)]
    Overlap(NetworkAddress, String),
    #[error("{0} is not the first address of a network; write {1}")]
    NoNetwork(Ipv4Addr, Ipv4Addr),
    #[error("{0} is no interface of `networks` with `dhcp = \"own\"` or `dhcp = \"proxy\"`")]
    NotServed(InterfaceName),
    #[error("{0} is the gateway's")]
    GatewayReserved(Ipv4Addr),
    #[error("{0} has a network already")]
    InterfaceTwice(InterfaceName),
    #[error("is missing: `dhcp = \"own\"` needs addresses to give away")]
    PoolMissing,
    #[error("makes sense with `dhcp = \"own\"` only")]
    OwnOnly,
    #[error("reaches out of the network of {0}")]
    PoolOutside(Ipv4Addr),
    #[error("contains {0}, which is the site's own")]
    PoolContainsOwn(Ipv4Addr),
    #[error("{0} is not in the network")]
    Outside(Ipv4Addr),
    #[error("{0} is the site's own")]
    Own(Ipv4Addr),
    #[error("{0} is reserved twice")]
    AddressTwice(Ipv4Addr),
    #[error("{0} has a reservation already")]
    CardTwice(MacAddress),
    #[error("lists {0} servers; firmware takes {DNS_SERVERS_MAX}")]
    DnsTooMany(usize),
    #[error("has more than {POOL_ADDRESSES_MAX} addresses")]
    PoolLarge,
    #[error("is {0} s; {first} to {last} are sensible", first = LEASE_SECONDS.start(), last = LEASE_SECONDS.end())]
    Lease(u32),
}

/// A problem and where it stands.
pub struct Refused {
    pub span: Range<usize>,
    pub key: &'static str,
    pub problem: NetworkProblem,
}

fn refuse<T, V>(at: &Spanned<V>, key: &'static str, problem: NetworkProblem) -> Result<T, Refused> {
    Err(Refused { span: at.span(), key, problem })
}

pub fn validate(raw: &[RawNetwork]) -> Result<Vec<Network>, Refused> {
    let mut networks: Vec<Network> = Vec::new();
    for one in raw {
        let address = *one.address.get_ref();
        if let Some(other) = networks.iter().find(|network| network.interface == *one.interface.get_ref()) {
            return refuse(
                &one.interface,
                "interface",
                NetworkProblem::InterfaceTwice(other.interface.clone()),
            );
        }
        if let Some(other) = networks.iter().find(|network| network.address.overlaps(address)) {
            return refuse(
                &one.address,
                "address",
                NetworkProblem::Overlap(address, other.interface.to_string()),
            );
        }
        networks.push(network(one)?);
    }
    Ok(networks)
}

fn network(raw: &RawNetwork) -> Result<Network, Refused> {
    let address = *raw.address.get_ref();
    if !address.has_host(address.address) {
        return refuse(&raw.address, "address", NetworkProblem::NoHost(address.address));
    }
    let dhcp = dhcp(raw, address)?;
    if let Some(gateway) = raw.gateway.as_ref().filter(|gateway| !address.has_host(*gateway.get_ref())) {
        return refuse(gateway, "gateway", NetworkProblem::Outside(*gateway.get_ref()));
    }
    if let Some(first) = raw.reservations.first().filter(|_| raw.dhcp.get_ref() != &RawDhcp::Own) {
        return refuse(&first.mac, "reservations", NetworkProblem::OwnOnly);
    }
    Ok(Network {
        interface: raw.interface.get_ref().clone(),
        address,
        dhcp,
        gateway: raw.gateway.as_ref().map(|gateway| *gateway.get_ref()),
        dns: dns(&raw.dns)?,
        lease: lease(raw.lease_s.as_ref())?,
        router_advertisements: raw.router_advertisements,
        reservations: reservations(&raw.reservations, address, Some(address.address), raw.gateway.as_ref())?,
    })
}

fn dhcp(raw: &RawNetwork, address: NetworkAddress) -> Result<Dhcp, Refused> {
    let pool = match (raw.dhcp.get_ref(), &raw.pool) {
        (RawDhcp::Own, None) => return refuse(&raw.dhcp, "pool", NetworkProblem::PoolMissing),
        (RawDhcp::Own, Some(pool)) => pool,
        (_, Some(pool)) => return refuse(pool, "pool", NetworkProblem::OwnOnly),
        (RawDhcp::Proxy, None) => return Ok(Dhcp::Proxy),
        (RawDhcp::Off, None) => return Ok(Dhcp::Off),
    };
    Ok(Dhcp::Own { pool: pool_of(pool, address, Some(address.address))? })
}

/// The networks behind relays; `networks` are those with an interface.
pub fn validate_relayed(raw: &[RawRelayed], networks: &[Network]) -> Result<Vec<Relayed>, Refused> {
    let mut all: Vec<Relayed> = Vec::new();
    for one in raw {
        let (interface, network) = (one.interface.get_ref(), *one.network.get_ref());
        if network.address != network.network() {
            let problem = NetworkProblem::NoNetwork(network.address, network.network());
            return refuse(&one.network, "network", problem);
        }
        if !networks.iter().any(|known| known.interface == *interface && known.dhcp != Dhcp::Off) {
            return refuse(&one.interface, "interface", NetworkProblem::NotServed(interface.clone()));
        }
        let with_interface = networks.iter().find(|known| known.address.overlaps(network));
        let with_interface = with_interface.map(|known| known.interface.to_string());
        let behind_relay = all.iter().find(|known| known.network.overlaps(network));
        let behind_relay = behind_relay.map(|known| known.network.address.to_string());
        if let Some(other) = with_interface.or(behind_relay) {
            return refuse(&one.network, "network", NetworkProblem::Overlap(network, other));
        }
        all.push(relayed(one, network)?);
    }
    Ok(all)
}

fn relayed(raw: &RawRelayed, network: NetworkAddress) -> Result<Relayed, Refused> {
    let gateway = *raw.gateway.get_ref();
    if !network.has_host(gateway) {
        return refuse(&raw.gateway, "gateway", NetworkProblem::Outside(gateway));
    }
    Ok(Relayed {
        interface: raw.interface.get_ref().clone(),
        network,
        pool: pool_of(&raw.pool, network, None)?,
        gateway,
        dns: dns(&raw.dns)?,
        lease: lease(raw.lease_s.as_ref())?,
        reservations: reservations(&raw.reservations, network, None, Some(&raw.gateway))?,
    })
}

fn pool_of(
    pool: &Spanned<AddressRange>,
    network: NetworkAddress,
    own: Option<Ipv4Addr>,
) -> Result<AddressRange, Refused> {
    let range = *pool.get_ref();
    if !(network.has_host(range.first) && network.has_host(range.last)) {
        return refuse(pool, "pool", NetworkProblem::PoolOutside(network.address));
    }
    if let Some(own) = own.filter(|own| range.contains(*own)) {
        return refuse(pool, "pool", NetworkProblem::PoolContainsOwn(own));
    }
    if (u32::from(range.last) - u32::from(range.first)) as usize >= POOL_ADDRESSES_MAX {
        return refuse(pool, "pool", NetworkProblem::PoolLarge);
    }
    Ok(range)
}

fn lease(raw: Option<&Spanned<u32>>) -> Result<Duration, Refused> {
    let seconds = match raw {
        Some(lease) if !LEASE_SECONDS.contains(lease.get_ref()) => {
            return refuse(lease, "lease_s", NetworkProblem::Lease(*lease.get_ref()));
        }
        lease => lease.map_or(LEASE_SECONDS_DEFAULT, |lease| *lease.get_ref()),
    };
    Ok(Duration::from_secs(u64::from(seconds)))
}

fn dns(raw: &Spanned<Vec<Ipv4Addr>>) -> Result<Vec<Ipv4Addr>, Refused> {
    match raw.get_ref().len() {
        ..=DNS_SERVERS_MAX => Ok(raw.get_ref().clone()),
        count => refuse(raw, "dns", NetworkProblem::DnsTooMany(count)),
    }
}

fn reservations(
    raw: &[RawReservation],
    network: NetworkAddress,
    own: Option<Ipv4Addr>,
    gateway: Option<&Spanned<Ipv4Addr>>,
) -> Result<BTreeMap<MacAddress, Ipv4Addr>, Refused> {
    let mut reserved = BTreeMap::new();
    for RawReservation { mac: card, address: at } in raw {
        let (mac, address) = (*card.get_ref(), *at.get_ref());
        if !network.has_host(address) {
            return refuse(at, "address", NetworkProblem::Outside(address));
        }
        if gateway.is_some_and(|gateway| *gateway.get_ref() == address) {
            return refuse(at, "address", NetworkProblem::GatewayReserved(address));
        }
        if own == Some(address) {
            return refuse(at, "address", NetworkProblem::Own(address));
        }
        if reserved.contains_key(&mac) {
            return refuse(card, "mac", NetworkProblem::CardTwice(mac));
        }
        if reserved.values().any(|other| *other == address) {
            return refuse(at, "address", NetworkProblem::AddressTwice(address));
        }
        reserved.insert(mac, address);
    }
    Ok(reserved)
}
