//! IPv4 and UDP headers around a DHCP message: a node without an address has no socket that could send it.

use std::net::Ipv4Addr;

/// Ports of the client and the server (RFC 2131, section 4.1).
const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;
const IP_HEADER_BYTES: usize = 20;
const UDP_HEADER_BYTES: usize = 8;
const UDP: u8 = 17;
const TIME_TO_LIVE: u8 = 64;

/// A broadcast from nobody to the DHCP servers of this segment.
pub fn to_servers(message: &[u8]) -> Vec<u8> {
    let udp_bytes = (UDP_HEADER_BYTES + message.len()) as u16;
    let mut packet = vec![0; IP_HEADER_BYTES + UDP_HEADER_BYTES];
    packet[0] = 0x45; // version 4, five words of header (RFC 791, section 3.1)
    packet[2..4].copy_from_slice(&(IP_HEADER_BYTES as u16 + udp_bytes).to_be_bytes());
    packet[8] = TIME_TO_LIVE;
    packet[9] = UDP;
    packet[16..20].copy_from_slice(&Ipv4Addr::BROADCAST.octets());
    let checksum = internet_checksum(&packet[..IP_HEADER_BYTES]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet[20..22].copy_from_slice(&CLIENT_PORT.to_be_bytes());
    packet[22..24].copy_from_slice(&SERVER_PORT.to_be_bytes());
    packet[24..26].copy_from_slice(&udp_bytes.to_be_bytes());
    // A UDP checksum of zero means none (RFC 768); the frame has its own.
    packet.extend_from_slice(message);
    packet
}

/// The DHCP message in an IPv4 packet from a server's port to the client's, if it is one.
pub fn from_server(packet: &[u8]) -> Option<&[u8]> {
    let header_bytes = usize::from(packet.first()? & 0x0f) * 4;
    if packet[0] >> 4 != 4 || header_bytes < IP_HEADER_BYTES || *packet.get(9)? != UDP {
        return None;
    }
    let more_fragments_or_offset = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x3fff;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let udp = packet.get(header_bytes..total)?;
    let port = |at: usize| Some(u16::from_be_bytes([*udp.get(at)?, *udp.get(at + 1)?]));
    let is_ours = port(0)? == SERVER_PORT && port(2)? == CLIENT_PORT && more_fragments_or_offset == 0;
    let end = usize::from(port(4)?);
    if is_ours { udp.get(UDP_HEADER_BYTES..end) } else { None }
}

/// RFC 1071.
pub fn internet_checksum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &[u8]) -> Vec<u8> {
        let mut packet = to_servers(message);
        packet[20..22].copy_from_slice(&SERVER_PORT.to_be_bytes());
        packet[22..24].copy_from_slice(&CLIENT_PORT.to_be_bytes());
        packet
    }

    #[test]
    fn a_header_sums_up_to_nothing() {
        assert_eq!(internet_checksum(&to_servers(b"message")[..IP_HEADER_BYTES]), 0);
    }

    #[test]
    fn only_a_whole_packet_from_a_server_holds_a_message() {
        let packet = answer(b"message");
        assert_eq!(from_server(&packet), Some(&b"message"[..]));
        assert_eq!(from_server(&to_servers(b"message")), None, "another client's question");
        for length in 0..packet.len() {
            assert_eq!(from_server(&packet[..length]), None, "cut to {length} bytes");
        }
        for (at, value) in [(0, 0x65), (0, 0x44), (9, 6), (6, 0x20), (7, 1), (24, 0xff), (25, 3)] {
            let mut other = packet.clone();
            other[at] = value;
            assert_eq!(from_server(&other), None, "byte {at}");
        }
    }
}
