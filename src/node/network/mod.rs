//! The network as /init needs it: every wired interface up, an address by DHCP on the one that leads to a site.
//!
//! It configures nothing that outlives the initrd, and speaks to nobody but the DHCP servers of its segment. Who
//! is at the other end of a cable is heard in passing, here and in the node agent.
//! Entry points: [`join`], [`Neighbours`].

mod dhcp;
mod interfaces;
mod link;
mod message;
mod neighbours;
mod packet;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use understudy_core::model::mac::MacAddress;

pub use interfaces::{Wired, has_link, megabits_per_second, wired};
pub use link::address as link_address;
pub use neighbours::Neighbours;
pub use packet::internet_checksum;

/// A switch that has just seen a link may take half a minute to forward (IEEE 802.1D).
const LINK_PATIENCE: Duration = Duration::from_secs(40);
/// Of one DISCOVER or REQUEST; doubled from try to try (RFC 2131, section 4.1).
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u32 = 5;

/// Where this node stands in its network, and where its site is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub interface: String,
    pub mac: MacAddress,
    pub address: Ipv4Addr,
    /// The node API, such as `https://10.0.0.1:8443`.
    pub site_url: String,
}

/// Why there is no way to a site.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("this node has no wired network interface")]
    NoInterface,
    #[error("cannot {action} interface {interface}")]
    Interface {
        action: &'static str,
        interface: String,
        #[source]
        source: nix::errno::Errno,
    },
    #[error("no interface has a link: {0}")]
    NoLink(String),
    #[error("no site answered: {0}")]
    NoSite(String),
}

/// Brings up all interfaces and asks on each that has a link, the one that booted first, until a site answers.
pub fn join(booted_from: Option<MacAddress>) -> Result<Joined, NetworkError> {
    let mut all = wired();
    if all.is_empty() {
        return Err(NetworkError::NoInterface);
    }
    for interface in &all {
        interfaces::set_up(&interface.name)?;
    }
    all.sort_by_key(|interface| Some(interface.mac) != booted_from);
    wait_for_links(&all)?;
    let mut reasons = Vec::new();
    for interface in all.iter().filter(|interface| interfaces::has_link(&interface.name)) {
        match ask(interface) {
            Ok(joined) => return Ok(joined),
            Err(reason) => reasons.push(format!("{}: {reason}", interface.name)),
        }
    }
    Err(NetworkError::NoSite(reasons.join("; ")))
}

/// Until one link is up; the first one that booted this machine comes up soonest.
fn wait_for_links(all: &[Wired]) -> Result<(), NetworkError> {
    let began = Instant::now();
    while began.elapsed() < LINK_PATIENCE {
        if all.iter().any(|interface| interfaces::has_link(&interface.name)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let names: Vec<&str> = all.iter().map(|interface| interface.name.as_str()).collect();
    Err(NetworkError::NoLink(names.join(", ")))
}

fn ask(interface: &Wired) -> Result<Joined, dhcp::DhcpError> {
    let mut client = dhcp::Client::open(interface)?;
    let lease = client.lease(ANSWER_PATIENCE, TRIES)?;
    let site_url = lease.site_url.ok_or(dhcp::DhcpError::NoSite { server: lease.server })?;
    interfaces::set_address(&interface.name, lease.address, lease.netmask).map_err(dhcp::DhcpError::Use)?;
    if let Some(gateway) = lease.gateway {
        interfaces::set_gateway(&interface.name, gateway).map_err(dhcp::DhcpError::Use)?;
    }
    Ok(Joined { interface: interface.name.clone(), mac: interface.mac, address: lease.address, site_url })
}
