//! The bytes of an answer: what fits into what the client takes, the most important first. Pure.

use super::boot::Boot;
use super::config::OwnNetwork;
use super::message::{
    BROADCAST_FLAG, Direction, FILE_BYTES, Message, MessageType, OPTIONS_AT, SERVER_NAME_BYTES,
};
use super::options::{Options, code, encoded_bytes};
use super::request::{ANSWER_BYTES_MAX, Request};
use std::net::Ipv4Addr;

/// What an answer says.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub request: &'a Request,
    pub kind: MessageType,
    /// This server, as the client reaches it.
    pub server: Ipv4Addr,
    pub grant: Grant<'a>,
    pub boot: Option<&'a Boot>,
}

/// What an answer says about addresses.
#[derive(Clone, Copy, Debug)]
pub enum Grant<'a> {
    /// An address for a time, with the rest.
    Lease(&'a OwnNetwork, Ipv4Addr),
    /// The rest, for a client with an address of its own (DHCPINFORM).
    Parameters(&'a OwnNetwork),
    /// Nothing: a refusal, or proxyDHCP.
    Nothing,
}

/// An answer, and which options it has no room for.
#[derive(Debug)]
pub struct Written {
    pub bytes: Vec<u8>,
    pub omitted: Vec<u8>,
}

/// Options that are no use to anybody when they are missing.
const REQUIRED: [u8; 4] = [code::MESSAGE_TYPE, code::SERVER_IDENTIFIER, code::LEASE_TIME, code::SUBNET_MASK];

impl Draft<'_> {
    /// Writes the answer; `None` if what it must say does not fit.
    pub fn write(&self) -> Option<Written> {
        let asked = &self.request.message;
        let relay_information = asked.options.get(code::RELAY_INFORMATION);
        let relay_bytes = relay_information.map_or(0, encoded_bytes);
        let budget = ANSWER_BYTES_MAX.checked_sub(relay_bytes)?;
        let mut room = budget.min(self.request.answer_bytes_max()).checked_sub(OPTIONS_AT + 1)?;

        let (mut options, mut omitted) = (Options::default(), Vec::new());
        for (code, value) in self.by_importance() {
            match room.checked_sub(encoded_bytes(&value)) {
                Some(rest) => {
                    room = rest;
                    options.push(code, &value);
                }
                None if REQUIRED.contains(&code) => return None,
                None => omitted.push(code),
            }
        }
        // RFC 3046, section 2.2: whole, and last.
        relay_information.into_iter().for_each(|value| options.push(code::RELAY_INFORMATION, value));
        Some(Written { bytes: self.header(options).encode(), omitted })
    }

    fn header(&self, options: Options) -> Message {
        let asked = &self.request.message;
        let your_address = match self.grant {
            Grant::Lease(_, address) => address,
            Grant::Parameters(_) | Grant::Nothing => Ipv4Addr::UNSPECIFIED,
        };
        let is_nak = self.kind == MessageType::Nak;
        // A relay must not look for a client at an address that it does not have (RFC 2131, section 4.3.2).
        let is_for_nowhere = your_address.is_unspecified() && self.request.client_address().is_none();
        let flags = if is_nak || is_for_nowhere { asked.flags | BROADCAST_FLAG } else { asked.flags };
        let file = self.boot.and_then(|boot| boot.file.as_deref());
        Message {
            direction: Direction::Reply,
            hops: 0,
            seconds: 0,
            flags,
            client_address: if self.kind == MessageType::Ack {
                asked.client_address
            } else {
                Ipv4Addr::UNSPECIFIED
            },
            your_address,
            next_server: if file.is_some() { self.server } else { Ipv4Addr::UNSPECIFIED },
            server_name: [0; SERVER_NAME_BYTES],
            file: file.map_or([0; FILE_BYTES], in_header),
            options,
            ..*asked
        }
    }

    fn by_importance(&self) -> Vec<(u8, Vec<u8>)> {
        let mut list = vec![
            (code::MESSAGE_TYPE, vec![self.kind as u8]),
            (code::SERVER_IDENTIFIER, self.server.octets().to_vec()),
        ];
        if let Grant::Lease(network, _) = self.grant {
            list.push((code::LEASE_TIME, seconds(network.lease.as_secs())));
        }
        if let Grant::Lease(network, _) | Grant::Parameters(network) = self.grant {
            list.push((code::SUBNET_MASK, network.network.mask().octets().to_vec()));
        }
        self.boot_options(&mut list);
        if let Grant::Lease(network, _) | Grant::Parameters(network) = self.grant {
            let addresses = |list: &[Ipv4Addr]| list.iter().flat_map(Ipv4Addr::octets).collect::<Vec<u8>>();
            let routers = addresses(network.gateway.as_slice());
            for (code, value) in [(code::ROUTER, routers), (code::DNS_SERVERS, addresses(&network.dns))] {
                if !value.is_empty() && self.request.wants(code) {
                    list.push((code, value));
                }
            }
        }
        // RFC 6842, section 3.
        if let Some(identifier) = self.request.message.options.get(code::CLIENT_IDENTIFIER) {
            list.push((code::CLIENT_IDENTIFIER, identifier.to_vec()));
        }
        if let Grant::Lease(network, _) = self.grant {
            // RFC 2131, section 4.4.5.
            let lease = network.lease.as_secs();
            list.push((code::RENEWAL_TIME, seconds(lease / 2)));
            list.push((code::REBINDING_TIME, seconds(lease * 7 / 8)));
        }
        list
    }

    fn boot_options(&self, list: &mut Vec<(u8, Vec<u8>)>) {
        let Some(boot) = self.boot else { return };
        if let Some(class) = boot.class {
            list.push((code::VENDOR_CLASS, class.into()));
        }
        if let Some(uuid) = self.request.machine_uuid() {
            list.push((code::MACHINE_UUID, uuid.to_vec()));
        }
        if !boot.vendor_information.is_empty() {
            list.push((code::VENDOR_INFORMATION, boot.vendor_information.clone()));
        }
        if let Some(file) = &boot.file {
            list.push((code::BOOT_FILE, file.clone().into()));
            list.push((code::TFTP_SERVER, self.server.to_string().into()));
        }
        if !boot.ipxe.is_empty() {
            list.push((code::IPXE, boot.ipxe.to_vec()));
        }
    }
}

/// Some loaders read only this field; the last of its bytes must stay zero.
fn in_header(file: &str) -> [u8; FILE_BYTES] {
    let mut field = [0; FILE_BYTES];
    if file.len() < FILE_BYTES {
        field[..file.len()].copy_from_slice(file.as_bytes());
    }
    field
}

fn seconds(count: u64) -> Vec<u8> {
    u32::try_from(count).expect("a lease lasts a year at most").to_be_bytes().to_vec()
}
