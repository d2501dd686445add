//! Addresses instead of names (`address-literal` in RFC 5321, section 4.1.3).
//!
//! Of general literals none but IPv6 was ever registered, so none is read.

use super::{AddressError, whole};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

const IPV6_TAG: &str = "IPv6:";

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Literal(pub IpAddr);

impl Literal {
    pub(super) fn read(text: &str) -> Result<(Self, &str), AddressError> {
        let inside = text.strip_prefix('[').ok_or(AddressError::Literal)?;
        let (inside, rest) = inside.split_once(']').ok_or(AddressError::Literal)?;
        let address = match inside.split_at_checked(IPV6_TAG.len()) {
            Some((tag, address)) if tag.eq_ignore_ascii_case(IPV6_TAG) => address.parse().map(IpAddr::V6),
            _ => inside.parse::<Ipv4Addr>().map(IpAddr::V4),
        };
        Ok((Self(address.map_err(|_| AddressError::Literal)?), rest))
    }
}

impl FromStr for Literal {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        whole(Self::read(text)?)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(out, "[{address}]"),
            IpAddr::V6(address) => write!(out, "[{IPV6_TAG}{address}]"),
        }
    }
}
