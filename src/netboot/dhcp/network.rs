//! Networks and ranges of IPv4 addresses.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A network by its first address and prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: u32,
    prefix_length: u8,
}

impl Network {
    /// The network that holds an address; the prefix length is at most 32.
    pub fn new(address: Ipv4Addr, prefix_length: u8) -> Self {
        let first = u32::from(address) & mask(prefix_length);
        Self { first, prefix_length }
    }

    /// RFC 950: what is given to clients as option 1.
    pub fn mask(self) -> Ipv4Addr {
        mask(self.prefix_length).into()
    }

    /// The network's own address.
    pub fn first(self) -> Ipv4Addr {
        self.first.into()
    }

    /// The last address, which means everyone (RFC 919).
    pub fn broadcast(self) -> Ipv4Addr {
        (self.first | !mask(self.prefix_length)).into()
    }

    /// Whether an address is in the network.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.prefix_length) == self.first
    }

    /// Whether an address is in the network and may be a host's.
    pub fn has_host(self, address: Ipv4Addr) -> bool {
        self.contains(address) && address != self.first() && address != self.broadcast()
    }

    /// Whether any address is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.first()) || other.contains(self.first())
    }
}

fn mask(prefix_length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix_length)).unwrap_or(0)
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.first(), self.prefix_length)
    }
}

/// From one address to another, both included; written `10.77.0.100-10.77.0.199`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
}

/// The text is not a range of addresses.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a range of addresses; write 10.77.0.100-10.77.0.199")]
pub struct AddressRangeError(String);

impl AddressRange {
    /// Whether an address is between the two.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// How many addresses there are; saturates where that has more than 32 bits.
    pub fn count(self) -> usize {
        let span = u32::from(self.last).saturating_sub(u32::from(self.first));
        usize::try_from(span).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// Every address in order.
    pub fn iter(self) -> impl Iterator<Item = Ipv4Addr> {
        (u32::from(self.first)..=u32::from(self.last)).map(Ipv4Addr::from)
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let refuse = || AddressRangeError(text.to_owned());
        let (first, last) = text.split_once('-').ok_or_else(refuse)?;
        let address = |text: &str| text.trim().parse::<Ipv4Addr>().map_err(|_| refuse());
        Ok(Self { first: address(first)?, last: address(last)? })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_knows_its_edges() {
        let network = Network::new(Ipv4Addr::new(10, 77, 3, 9), 22);
        assert_eq!(network.to_string(), "10.77.0.0/22");
        assert_eq!(network.broadcast(), Ipv4Addr::new(10, 77, 3, 255));
        assert_eq!(network.mask(), Ipv4Addr::new(255, 255, 252, 0));
        assert!(network.has_host(Ipv4Addr::new(10, 77, 1, 0)) && !network.has_host(network.first()));
        assert!(!network.contains(Ipv4Addr::new(10, 77, 4, 0)));
        assert!(network.overlaps(Network::new(Ipv4Addr::new(10, 0, 0, 1), 8)));
        assert!(!network.overlaps(Network::new(Ipv4Addr::new(10, 77, 4, 1), 24)));
        assert!(Network::new(Ipv4Addr::new(1, 2, 3, 4), 0).contains(Ipv4Addr::BROADCAST));
    }

    #[test]
    fn ranges_are_read_and_counted() {
        let range: AddressRange = "10.0.0.1 - 10.0.1.0".parse().unwrap();
        assert_eq!((range.count(), range.iter().count()), (256, 256));
        assert_eq!(range.to_string().parse::<AddressRange>().unwrap(), range);
        for text in ["", "10.0.0.1", "10.0.0.1-", "10.0.0.1-10.0.0.256", "10.0.0.1-2-3"] {
            assert!(text.parse::<AddressRange>().is_err(), "{text}");
        }
        let all = AddressRange { first: Ipv4Addr::UNSPECIFIED, last: Ipv4Addr::BROADCAST };
        assert_eq!(all.count(), 1 << 32);
    }
}
