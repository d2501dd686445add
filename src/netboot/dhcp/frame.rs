//! An Ethernet frame with a UDP datagram in it, for clients that have no address yet. Pure.

use std::net::SocketAddrV4;

/// Ethernet II (14), IPv4 without options (20), UDP (8).
const ETHERNET_BYTES: usize = 14;
const IPV4_BYTES: usize = 20;
const UDP_BYTES: usize = 8;
const UDP_PROTOCOL: u8 = 17;
/// What Linux uses by default.
const TIME_TO_LIVE: u8 = 64;
pub const EVERYBODY: [u8; 6] = [0xff; 6];

/// Both ends of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Ends<T> {
    pub from: T,
    pub to: T,
}

/// The frame; RFC 791 and RFC 768. The payload is a DHCP answer, which never needs fragments.
pub fn udp_frame(hardware: Ends<[u8; 6]>, ends: Ends<SocketAddrV4>, payload: &[u8]) -> Vec<u8> {
    let udp_length = length(UDP_BYTES + payload.len());
    let mut frame = Vec::with_capacity(ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES + payload.len());
    frame.extend(hardware.to);
    frame.extend(hardware.from);
    frame.extend([0x08, 0x00]);

    frame.extend([0x45, 0]);
    frame.extend(length(IPV4_BYTES + UDP_BYTES + payload.len()));
    frame.extend([0, 0, 0x40, 0, TIME_TO_LIVE, UDP_PROTOCOL, 0, 0]); // no fragments, checksum to come
    frame.extend(ends.from.ip().octets());
    frame.extend(ends.to.ip().octets());
    let header = &frame[ETHERNET_BYTES..];
    let checksum = fold(sum(header));
    frame[ETHERNET_BYTES + 10..ETHERNET_BYTES + 12].copy_from_slice(&checksum.to_be_bytes());

    let udp_at = frame.len();
    frame.extend(ends.from.port().to_be_bytes());
    frame.extend(ends.to.port().to_be_bytes());
    frame.extend(udp_length);
    frame.extend([0, 0]);
    frame.extend_from_slice(payload);
    let addresses = sum(&ends.from.ip().octets()) + sum(&ends.to.ip().octets());
    let pseudo_header = addresses + u32::from(UDP_PROTOCOL) + sum(&udp_length);
    // Zero would mean that there is no checksum.
    let checksum = match fold(pseudo_header + sum(&frame[udp_at..])) {
        0 => 0xffff,
        checksum => checksum,
    };
    frame[udp_at + 6..udp_at + 8].copy_from_slice(&checksum.to_be_bytes());
    frame
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).expect("an answer fits into one datagram").to_be_bytes()
}

/// RFC 1071; a frame is too short for this to overflow.
fn sum(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default());
    bytes.chunks(2).map(word).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded to 16 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_receiver_finds_both_checksums_right() {
        for payload in [b"".as_slice(), b"odd", &[0xff; 548], &[7; 301]] {
            let ends = Ends {
                from: SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 1), 67),
                to: SocketAddrV4::new(Ipv4Addr::BROADCAST, 68),
            };
            let frame = udp_frame(Ends { from: [2, 0, 0, 0, 0, 1], to: EVERYBODY }, ends, payload);
            assert_eq!(frame.len(), 42 + payload.len());
            assert_eq!(frame[..14], [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 0]);
            assert_eq!(fold(sum(&frame[14..34])), 0);
            let pseudo = sum(&frame[26..34]) + 17 + u32::try_from(8 + payload.len()).unwrap();
            assert_eq!(fold(pseudo + sum(&frame[34..])), 0);
            assert_eq!(&frame[42..], payload);
        }
    }
}
