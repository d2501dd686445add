//! What goes into the engine and what comes out.

use super::event::Event;
use super::lease::Lease;
use super::message::MessageType;
use super::request::Request;
use std::net::{Ipv4Addr, SocketAddrV4};
use understudy_core::model::mac::MacAddress;

/// RFC 2131, section 4.1.
pub const SERVER_PORT: u16 = 67;
pub const CLIENT_PORT: u16 = 68;
/// PXE 2.1, section 2.2.3: where a client asks a proxyDHCP server by name.
pub const PROXY_PORT: u16 = 4011;

/// Which of our ports a message reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    Dhcp,
    Proxy,
}

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Where in the list of served interfaces.
    pub interface: usize,
    pub port: Port,
    pub source: SocketAddrV4,
    pub bytes: &'a [u8],
}

/// What to do about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// To be saved before the answer leaves; without that, only what was saved before is still granted.
    pub lease: Option<Lease>,
    pub reply: Option<Reply>,
    pub events: Vec<Event>,
}

/// An answer, to leave from the interface that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub interface: usize,
    /// Which of our ports it comes from.
    pub port: Port,
    pub destination: Destination,
    pub bytes: Vec<u8>,
}

/// Where an answer goes (RFC 2131, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To everybody on the wire.
    Broadcast,
    /// To a client that has no address yet, and cannot answer ARP: a frame made by us.
    Frame { mac: MacAddress, address: Ipv4Addr },
    /// Through the relay, port 67.
    Relay(Ipv4Addr),
    /// To a client with an address.
    Unicast(SocketAddrV4),
}

impl Port {
    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            Self::Dhcp => SERVER_PORT,
            Self::Proxy => PROXY_PORT,
        }
    }
}

impl Destination {
    /// Where the answer to a request goes; `address` is the one that it gives.
    pub fn of(received: &Received, request: &Request, kind: MessageType, address: Option<Ipv4Addr>) -> Self {
        let client = request.client_address();
        if received.port == Port::Proxy {
            return match (received.source.ip().is_unspecified(), client) {
                (false, _) => Self::Unicast(received.source),
                (true, Some(client)) => Self::Unicast(SocketAddrV4::new(client, CLIENT_PORT)),
                (true, None) => Self::Broadcast,
            };
        }
        match (request.relay(), client, request.client.mac(), address) {
            (Some(relay), ..) => Self::Relay(relay),
            (None, ..) if kind == MessageType::Nak => Self::Broadcast,
            (None, Some(client), ..) => Self::Unicast(SocketAddrV4::new(client, CLIENT_PORT)),
            (None, None, Some(mac), Some(address)) if !request.wants_broadcast() => {
                Self::Frame { mac, address }
            }
            (None, None, ..) => Self::Broadcast,
        }
    }
}
