//! The identity address: on the interface that is in its network, and off again wherever it is.
//!
//! What this program adds is marked in the kernel, so that it is found and removed whatever this program remembers.

use super::netlink::{self, Found};
use nix::errno::Errno;
use std::net::IpAddr;
use understudy_core::protocol::bundle::AddressWithPrefix;

/// IFINDEX of the loopback interface in every namespace (kernel: LOOPBACK_IFINDEX).
const LOOPBACK: u32 = 1;

/// The address is not as it is to be.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    #[error("cannot list this node's addresses ({0})")]
    List(Errno),
    #[error("no interface of this node is in the network of {address}/{prefix}")]
    NoInterface { address: IpAddr, prefix: u8 },
    #[error("{0} cannot be an identity address")]
    Unusable(IpAddr),
    #[error("{0} is this node's own address")]
    Taken(IpAddr),
    #[error("cannot add {address} ({source})")]
    Add { address: IpAddr, source: Errno },
    #[error("cannot remove {address} ({source})")]
    Remove { address: IpAddr, source: Errno },
    #[error("{0} is still there")]
    Remains(IpAddr),
    #[error("{0} is not on any interface of this node")]
    Gone(IpAddr),
}

/// Adds the address. Where it is already, nothing changes.
pub fn take(wanted: AddressWithPrefix) -> Result<(), AddressError> {
    let all = netlink::addresses().map_err(AddressError::List)?;
    let interface = interface_for(wanted, &all)?;
    let address = wanted.address;
    netlink::add(interface, address).map_err(|source| AddressError::Add { address, source })
}

/// The interface that has the address now.
pub fn interface_of(address: IpAddr) -> Result<u32, AddressError> {
    let all = netlink::addresses().map_err(AddressError::List)?;
    let found = all.iter().find(|found| found.is_ours && found.address == address);
    found.map(|found| found.interface).ok_or(AddressError::Gone(address))
}

/// Removes every address that this program ever added, and looks again.
pub fn drop_all() -> Result<(), AddressError> {
    for found in ours()? {
        let address = found.address;
        netlink::remove(found.interface, address)
            .map_err(|source| AddressError::Remove { address, source })?;
    }
    match ours()?.first() {
        Some(found) => Err(AddressError::Remains(found.address)),
        None => Ok(()),
    }
}

fn ours() -> Result<Vec<Found>, AddressError> {
    let all = netlink::addresses().map_err(AddressError::List)?;
    Ok(all.into_iter().filter(|found| found.is_ours).collect())
}

/// The interface whose own address is in the same network.
fn interface_for(wanted: AddressWithPrefix, all: &[Found]) -> Result<u32, AddressError> {
    let AddressWithPrefix { address, prefix } = wanted;
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
        return Err(AddressError::Unusable(address));
    }
    if all.iter().any(|found| !found.is_ours && found.address == address) {
        return Err(AddressError::Taken(address));
    }
    let is_neighbour = |found: &&Found| {
        !found.is_ours && found.interface != LOOPBACK && is_same_network(found.address, address, prefix)
    };
    let found = all.iter().find(is_neighbour);
    found.map(|found| found.interface).ok_or(AddressError::NoInterface { address, prefix })
}

fn is_same_network(one: IpAddr, other: IpAddr, prefix: u8) -> bool {
    let (one, other, bits) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits().into(), other.to_bits().into(), 32_u8),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    // A prefix of 0 shifts everything out.
    prefix <= bits && (one ^ other).checked_shr((bits - prefix).into()).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(interface: u32, address: &str, prefix: u8, is_ours: bool) -> Found {
        Found { interface, address: address.parse().unwrap(), prefix, is_ours }
    }

    #[test]
    fn the_interface_in_the_network_is_found_and_no_other() {
        let all = [
            found(1, "127.0.0.1", 8, false),
            found(2, "10.9.0.5", 16, false),
            found(3, "10.77.0.105", 16, false),
            found(4, "10.78.0.1", 32, true),
            found(3, "2001:db8:1::5", 64, false),
        ];
        let choose = |address: &str, prefix| {
            interface_for(AddressWithPrefix { address: address.parse().unwrap(), prefix }, &all)
        };
        assert_eq!(choose("10.77.0.21", 24).unwrap(), 3);
        assert_eq!(choose("10.9.200.1", 16).unwrap(), 2);
        assert_eq!(choose("2001:db8:1::53", 64).unwrap(), 3);
        assert_eq!(choose("10.200.0.1", 0).unwrap(), 2);
        for (address, prefix) in [("10.78.0.2", 24), ("2001:db8:2::53", 64), ("10.77.0.21", 33)] {
            assert!(matches!(choose(address, prefix), Err(AddressError::NoInterface { .. })), "{address}");
        }
        assert!(matches!(choose("10.77.0.105", 16), Err(AddressError::Taken(_))));
        for address in ["127.0.0.9", "0.0.0.0", "224.0.0.1", "ff02::1", "::1"] {
            assert!(matches!(choose(address, 8), Err(AddressError::Unusable(_))), "{address}");
        }
    }
}
