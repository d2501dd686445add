//! Frames in which a switch says who it is and which of its ports this is (IEEE 802.1AB-2016, clause 8).
//!
//! A frame is a stranger's: one that breaks a rule of clause 9.2.7.7 is dropped whole, and its texts are made
//! printable and short. Entry points: [`read`], and [`Announcement::write`] for switches of ours.

use crate::protocol::inventory::Neighbour;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Of LLDP (IEEE 802.1AB-2016, table 7-2).
pub const ETHERTYPE: u16 = 0x88cc;
/// Nearest bridge: no bridge of any kind forwards it (table 7-1).
pub const GROUP: [u8; 6] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e];

/// Types (table 8-1).
const END: u8 = 0;
const CHASSIS_ID: u8 = 1;
const PORT_ID: u8 = 2;
const TIME_TO_LIVE: u8 = 3;
const PORT_DESCRIPTION: u8 = 4;
const SYSTEM_NAME: u8 = 5;
/// Of an id, its subtype included (clauses 8.5.2 and 8.5.3).
const ID_BYTES: std::ops::RangeInclusive<usize> = 2..=256;
/// Of a text (clauses 8.5.5 and 8.5.6).
const TEXT_BYTES_MAX: usize = 255;
/// Of a text as we keep it.
const TEXT_CHARACTERS_MAX: usize = 128;
/// Subtypes with a binary form (tables 8-2 and 8-3).
const CHASSIS_MAC: u8 = 4;
const CHASSIS_NETWORK_ADDRESS: u8 = 5;
const PORT_MAC: u8 = 3;
const PORT_NETWORK_ADDRESS: u8 = 4;
const PORT_INTERFACE_NAME: u8 = 5;
/// Address families of a network address (IANA Address Family Numbers).
const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;

/// A frame that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Who is there, and for how long that may be believed.
    Neighbour(Neighbour, Duration),
    /// It is going away.
    Gone,
}

/// Reads what follows a frame's Ethernet header; padding behind the end is not looked at.
pub fn read(frame: &[u8]) -> Option<Heard> {
    let (chassis, rest) = expect(frame, CHASSIS_ID)?;
    let (port, rest) = expect(rest, PORT_ID)?;
    let (life, mut rest) = expect(rest, TIME_TO_LIVE)?;
    let chassis = id(chassis, CHASSIS_MAC, CHASSIS_NETWORK_ADDRESS)?;
    let port = id(port, PORT_MAC, PORT_NETWORK_ADDRESS)?;
    let seconds = u16::from_be_bytes(life.get(..2)?.try_into().ok()?);
    if seconds == 0 {
        return Some(Heard::Gone);
    }
    let (mut system, mut port_description) = (None, None);
    while !rest.is_empty() {
        let (kind, value, after) = element(rest)?;
        match kind {
            END if value.is_empty() => break,
            // Each of the mandatory ones is there once, and the end has no content.
            END | CHASSIS_ID | PORT_ID | TIME_TO_LIVE => return None,
            PORT_DESCRIPTION if port_description.is_none() => port_description = Some(text(value)?),
            SYSTEM_NAME if system.is_none() => system = Some(text(value)?),
            _ => {}
        }
        rest = after;
    }
    let full = |text: &String| !text.is_empty();
    let system = system.filter(full).unwrap_or_else(|| chassis.clone());
    let port_description = port_description.filter(full);
    let neighbour = Neighbour { system, chassis, port, port_description };
    Some(Heard::Neighbour(neighbour, Duration::from_secs(seconds.into())))
}

/// Type, value and what follows (clause 8.4.1: seven bits of type, nine of length).
fn element(frame: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = frame.split_first_chunk::<2>()?;
    let head = u16::from_be_bytes(*head);
    let (value, rest) = rest.split_at_checked(usize::from(head & 0x01ff))?;
    Some(((head >> 9) as u8, value, rest))
}

fn expect(frame: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (kind, value, rest) = element(frame)?;
    (kind == wanted).then_some((value, rest))
}

/// An id in the form in which a person would look for it.
fn id(value: &[u8], mac: u8, network_address: u8) -> Option<String> {
    if !ID_BYTES.contains(&value.len()) {
        return None;
    }
    let (subtype, value) = value.split_first()?;
    let binary = match value {
        [a, b, c, d, e, f] if *subtype == mac => {
            Some(crate::model::mac::MacAddress::new([*a, *b, *c, *d, *e, *f]).to_string())
        }
        [FAMILY_IPV4, address @ ..] if *subtype == network_address => {
            <[u8; 4]>::try_from(address).ok().map(|octets| Ipv4Addr::from(octets).to_string())
        }
        [FAMILY_IPV6, address @ ..] if *subtype == network_address => {
            <[u8; 16]>::try_from(address).ok().map(|octets| Ipv6Addr::from(octets).to_string())
        }
        _ => None,
    };
    let is_text = ![mac, network_address].contains(subtype);
    let readable = is_text.then(|| printable(value)).filter(|text| !text.is_empty());
    Some(
        binary
            .or(readable)
            .unwrap_or_else(|| hex::encode(&value[..value.len().min(TEXT_CHARACTERS_MAX / 2)])),
    )
}

fn text(value: &[u8]) -> Option<String> {
    (value.len() <= TEXT_BYTES_MAX).then(|| printable(value))
}

/// It ends up on terminals: nothing in it may move a cursor or change the direction of writing.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown = text.chars().map(|letter| if is_hidden(letter) { ' ' } else { letter });
    shown.take(TEXT_CHARACTERS_MAX).collect::<String>().trim().to_owned()
}

/// What a switch says at one of its ports.
#[derive(Clone, Debug)]
pub struct Announcement<'a> {
    /// Of the switch and, as the source of the frame, of the port.
    pub mac: [u8; 6],
    pub system: &'a str,
    pub port: &'a str,
    pub port_description: &'a str,
    pub life: Duration,
}

impl Announcement<'_> {
    /// A whole Ethernet frame. Texts are cut where a frame has no more room for them.
    pub fn write(&self) -> Vec<u8> {
        let mut frame = [&GROUP[..], &self.mac, &ETHERTYPE.to_be_bytes()].concat();
        add(&mut frame, CHASSIS_ID, &[&[CHASSIS_MAC], &self.mac[..]].concat());
        add(&mut frame, PORT_ID, &[&[PORT_INTERFACE_NAME], cut(self.port)].concat());
        let seconds = u16::try_from(self.life.as_secs()).unwrap_or(u16::MAX);
        add(&mut frame, TIME_TO_LIVE, &seconds.to_be_bytes());
        add(&mut frame, PORT_DESCRIPTION, cut(self.port_description));
        add(&mut frame, SYSTEM_NAME, cut(self.system));
        add(&mut frame, END, &[]);
        // The shortest frame (IEEE 802.3-2018, section 3.2.8), without its checksum.
        frame.resize(frame.len().max(60), 0);
        frame
    }
}

fn cut(text: &str) -> &[u8] {
    &text.as_bytes()[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

fn add(frame: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let head = u16::from(kind) << 9 | value.len() as u16;
    frame.extend_from_slice(&head.to_be_bytes());
    frame.extend_from_slice(value);
}

#[cfg(test)]
#[path = "lldp_tests.rs"]
mod tests;
