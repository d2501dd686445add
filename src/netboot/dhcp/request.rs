//! A client's message, checked as far as every answer needs it.

use super::client::Client;
use super::event::DropReason;
use super::firmware::Firmware;
use super::message::{BROADCAST_FLAG, Direction, Message, MessageError, MessageType};
use super::options::code;
use std::net::Ipv4Addr;

/// IPv4 and UDP headers: option 57 counts them (RFC 2131, section 2).
const HEADERS_BYTES: usize = 28;
/// What every client takes (RFC 2131, section 2).
const DATAGRAM_BYTES_MIN: usize = 576;
/// What an Ethernet carries. Option 57 grows past it between DISCOVER and REQUEST, but firmware joins no fragments.
const DATAGRAM_BYTES_MAX: usize = 1500;
/// The largest answer on its way, with what a relay takes out again.
pub const ANSWER_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - HEADERS_BYTES;
/// A sub-option of option 82 (RFC 3527): the network that the relay means, where that is not its own address's.
const LINK_SELECTION: u8 = 5;

/// What a client wants.
#[derive(Clone, Debug)]
pub struct Request {
    pub message: Message,
    pub kind: MessageType,
    pub client: Client,
    pub firmware: Firmware,
}

impl Request {
    /// Reads a message.
    pub fn read(bytes: &[u8]) -> Result<Self, DropReason> {
        let message = Message::decode(bytes).map_err(|error| match error {
            MessageError::Cookie => DropReason::Bootp,
            _ => DropReason::Malformed,
        })?;
        if message.direction != Direction::Request {
            return Err(DropReason::NotARequest);
        }
        let kind = match message.options.get(code::MESSAGE_TYPE) {
            None => return Err(DropReason::Bootp),
            Some([byte]) => MessageType::from_byte(*byte).ok_or(DropReason::UnknownType)?,
            Some(_) => return Err(DropReason::Malformed),
        };
        if matches!(kind, MessageType::Offer | MessageType::Ack | MessageType::Nak) {
            return Err(DropReason::NotARequest);
        }
        let client = Client::of(&message).ok_or(DropReason::NoClient)?;
        let firmware = Firmware::of(&message.options);
        Ok(Self { kind, client, firmware, message })
    }

    /// The server that the client means, where it says so.
    pub fn server(&self) -> Option<Ipv4Addr> {
        self.message.options.address(code::SERVER_IDENTIFIER)
    }

    /// Option 50.
    pub fn requested_address(&self) -> Option<Ipv4Addr> {
        self.message.options.address(code::REQUESTED_ADDRESS)
    }

    /// The address that the client uses already.
    pub fn client_address(&self) -> Option<Ipv4Addr> {
        specified(self.message.client_address)
    }

    /// The relay that the message came through.
    pub fn relay(&self) -> Option<Ipv4Addr> {
        specified(self.message.relay_address)
    }

    /// An address in the network that the relay asks for.
    pub fn relayed_link(&self) -> Option<Ipv4Addr> {
        let relay = self.relay()?;
        let mut information = self.message.options.get(code::RELAY_INFORMATION).unwrap_or_default();
        while let [kind, length, rest @ ..] = information {
            let Some(value) = rest.get(..(*length).into()) else { break };
            if let (LINK_SELECTION, Ok(address)) = (*kind, <[u8; 4]>::try_from(value)) {
                return Some(address.into());
            }
            information = &rest[value.len()..];
        }
        Some(relay)
    }

    /// Whether the client can only hear what everyone hears.
    pub fn wants_broadcast(&self) -> bool {
        self.message.flags & BROADCAST_FLAG != 0
    }

    /// Whether the client asked for an option, or did not say what it wants (option 55).
    pub fn wants(&self, code: u8) -> bool {
        self.message.options.get(code::PARAMETER_LIST).is_none_or(|list| list.contains(&code))
    }

    /// How many bytes the client takes.
    pub fn answer_bytes_max(&self) -> usize {
        let asked = self.message.options.number(code::MESSAGE_BYTES_MAX).unwrap_or_default();
        usize::from(asked).max(DATAGRAM_BYTES_MIN) - HEADERS_BYTES
    }

    /// Option 97 if it is one (RFC 4578, section 2.3): empty, or kind 0 and 16 bytes. Never an identity: boards
    /// share known values of it, or send zeros.
    pub fn machine_uuid(&self) -> Option<&[u8]> {
        let value = self.message.options.get(code::MACHINE_UUID)?;
        (value.is_empty() || (value.len() == 17 && value[0] == 0)).then_some(value)
    }
}

fn specified(address: Ipv4Addr) -> Option<Ipv4Addr> {
    (!address.is_unspecified()).then_some(address)
}
