//! DHCP messages as our client needs them (RFC 2131, section 2; options by RFC 2132): two that it writes, and the
//! servers' answers.
//!
//! A message that is cut short, or that contradicts itself, is none.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use understudy_core::model::mac::MacAddress;
use understudy_core::protocol::VENDOR_CLASS;

/// Offsets in the fixed part (RFC 2131, figure 1).
const TRANSACTION_AT: usize = 4;
const FLAGS_AT: usize = 10;
const YOUR_ADDRESS_AT: usize = 16;
const HARDWARE_ADDRESS_AT: usize = 28;
const SERVER_NAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;
const COOKIE_AT: usize = 236;
const OPTIONS_AT: usize = 240;
/// RFC 2132, section 2.
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Smaller ones are dropped by some servers and relays (RFC 1542, section 2.1).
const MESSAGE_BYTES_MIN: usize = 300;
/// Without an address only a broadcast reaches us (RFC 2131, section 4.1).
const BROADCAST: u16 = 0x8000;
const BOOT_REQUEST: u8 = 1;
const BOOT_REPLY: u8 = 2;
/// Type and length of an Ethernet address.
const ETHERNET: [u8; 2] = [1, 6];

const PAD: u8 = 0;
pub const SUBNET_MASK: u8 = 1;
pub const ROUTER: u8 = 3;
pub const VENDOR_INFORMATION: u8 = 43;
const REQUESTED_ADDRESS: u8 = 50;
const OVERLOAD: u8 = 52;
const MESSAGE_TYPE: u8 = 53;
pub const SERVER: u8 = 54;
const PARAMETERS: u8 = 55;
const MESSAGE_BYTES_MAX: u8 = 57;
const CLASS: u8 = 60;
const END: u8 = 255;

/// RFC 2132, section 9.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Discover = 1,
    Offer = 2,
    Request = 3,
    Ack = 5,
}

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub transaction: u32,
    pub mac: MacAddress,
    /// The address that is asked for and the server that offered it; nothing in a DISCOVER.
    pub offered: Option<(Ipv4Addr, Ipv4Addr)>,
    pub answer_bytes_max: u16,
}

impl Question {
    /// The message.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS_AT];
        bytes[0] = BOOT_REQUEST;
        bytes[1..3].copy_from_slice(&ETHERNET);
        bytes[TRANSACTION_AT..TRANSACTION_AT + 4].copy_from_slice(&self.transaction.to_be_bytes());
        bytes[FLAGS_AT..FLAGS_AT + 2].copy_from_slice(&BROADCAST.to_be_bytes());
        bytes[HARDWARE_ADDRESS_AT..HARDWARE_ADDRESS_AT + 6].copy_from_slice(&self.mac.bytes());
        bytes[COOKIE_AT..OPTIONS_AT].copy_from_slice(&COOKIE);
        let kind = if self.offered.is_some() { Kind::Request } else { Kind::Discover };
        add(&mut bytes, MESSAGE_TYPE, &[kind as u8]);
        add(&mut bytes, CLASS, VENDOR_CLASS.as_bytes());
        add(&mut bytes, MESSAGE_BYTES_MAX, &self.answer_bytes_max.to_be_bytes());
        add(&mut bytes, PARAMETERS, &[SUBNET_MASK, ROUTER, VENDOR_INFORMATION]);
        if let Some((address, server)) = self.offered {
            add(&mut bytes, REQUESTED_ADDRESS, &address.octets());
            add(&mut bytes, SERVER, &server.octets());
        }
        bytes.push(END);
        bytes.resize(bytes.len().max(MESSAGE_BYTES_MIN), PAD);
        bytes
    }
}

fn add(bytes: &mut Vec<u8>, option: u8, value: &[u8]) {
    bytes.extend_from_slice(&[option, value.len() as u8]);
    bytes.extend_from_slice(value);
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub kind: u8,
    pub transaction: u32,
    pub mac: MacAddress,
    /// `yiaddr`.
    pub address: Ipv4Addr,
    options: BTreeMap<u8, Vec<u8>>,
}

impl Answer {
    /// Reads a whole message.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.get(..OPTIONS_AT)?;
        let is_reply = fixed[0] == BOOT_REPLY && fixed[1..3] == ETHERNET && fixed[COOKIE_AT..] == COOKIE;
        if !is_reply {
            return None;
        }
        let mut options = BTreeMap::new();
        collect(&bytes[OPTIONS_AT..], &mut options)?;
        // Options may go on in these two fields, in this order (RFC 2132, section 9.3).
        let overload = match options.remove(&OVERLOAD).as_deref() {
            None => 0,
            Some([which @ 1..=3]) => *which,
            Some(_) => return None,
        };
        for (bit, field) in [(1, FILE), (2, SERVER_NAME)] {
            if overload & bit != 0 {
                collect(&fixed[field], &mut options)?;
            }
        }
        let [kind] = options.remove(&MESSAGE_TYPE)?[..] else { return None };
        let mac = fixed[HARDWARE_ADDRESS_AT..HARDWARE_ADDRESS_AT + 6].try_into().ok()?;
        Some(Self {
            kind,
            transaction: u32::from_be_bytes(fixed[TRANSACTION_AT..TRANSACTION_AT + 4].try_into().ok()?),
            mac: MacAddress::new(mac),
            address: address(&fixed[YOUR_ADDRESS_AT..YOUR_ADDRESS_AT + 4])?,
            options,
        })
    }

    /// An option's bytes.
    pub fn option(&self, option: u8) -> Option<&[u8]> {
        self.options.get(&option).map(Vec::as_slice)
    }

    /// An option that is one address.
    pub fn address_option(&self, option: u8) -> Option<Ipv4Addr> {
        address(self.option(option)?)
    }
}

/// Exactly one address.
pub fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

/// Options up to the end of one field. What comes in several parts is one value (RFC 3396, section 7).
fn collect(mut field: &[u8], options: &mut BTreeMap<u8, Vec<u8>>) -> Option<()> {
    while let [option, rest @ ..] = field {
        match *option {
            PAD => field = rest,
            END => return Some(()),
            option => {
                let (length, rest) = rest.split_first()?;
                let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                options.entry(option).or_default().extend_from_slice(value);
                field = rest;
            }
        }
    }
    Some(())
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
