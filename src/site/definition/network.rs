//! `[[networks]]`: where the site answers, and which addresses it gives away.

use super::raw::{RawDhcp, RawNetwork, RawReservation};
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
    Overlap(NetworkAddress, InterfaceName),
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
                NetworkProblem::Overlap(address, other.interface.clone()),
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
    let lease = match &raw.lease_s {
        Some(lease) if !LEASE_SECONDS.contains(lease.get_ref()) => {
            return refuse(lease, "lease_s", NetworkProblem::Lease(*lease.get_ref()));
        }
        lease => lease.as_ref().map_or(LEASE_SECONDS_DEFAULT, |lease| *lease.get_ref()),
    };
    if raw.dns.get_ref().len() > DNS_SERVERS_MAX {
        return refuse(&raw.dns, "dns", NetworkProblem::DnsTooMany(raw.dns.get_ref().len()));
    }
    if let Some(first) = raw.reservations.first().filter(|_| raw.dhcp.get_ref() != &RawDhcp::Own) {
        return refuse(&first.mac, "reservations", NetworkProblem::OwnOnly);
    }
    Ok(Network {
        interface: raw.interface.get_ref().clone(),
        address,
        dhcp,
        gateway: raw.gateway.as_ref().map(|gateway| *gateway.get_ref()),
        dns: raw.dns.get_ref().clone(),
        lease: Duration::from_secs(u64::from(lease)),
        router_advertisements: raw.router_advertisements,
        reservations: reservations(&raw.reservations, address)?,
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
    let range = *pool.get_ref();
    if !(address.has_host(range.first) && address.has_host(range.last)) {
        return refuse(pool, "pool", NetworkProblem::PoolOutside(address.address));
    }
    if range.contains(address.address) {
        return refuse(pool, "pool", NetworkProblem::PoolContainsOwn(address.address));
    }
    if (u32::from(range.last) - u32::from(range.first)) as usize >= POOL_ADDRESSES_MAX {
        return refuse(pool, "pool", NetworkProblem::PoolLarge);
    }
    Ok(Dhcp::Own { pool: range })
}

fn reservations(
    raw: &[RawReservation],
    network: NetworkAddress,
) -> Result<BTreeMap<MacAddress, Ipv4Addr>, Refused> {
    let mut reserved = BTreeMap::new();
    for RawReservation { mac: card, address: at } in raw {
        let (mac, address) = (*card.get_ref(), *at.get_ref());
        if !network.has_host(address) {
            return refuse(at, "address", NetworkProblem::Outside(address));
        }
        if address == network.address {
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
