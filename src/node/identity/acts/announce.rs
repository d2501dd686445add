//! Tells the segment who has an address now: an ARP announcement (RFC 5227, section 2.3), an unsolicited neighbour
//! advertisement (RFC 4861, section 7.2.6).

use crate::network::{internet_checksum, link_address};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, bind, sendto, socket};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
/// ff02::1 in Ethernet (RFC 2464, section 7).
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// "Override an existing cache entry"; neither a router nor an answer.
const OVERRIDE: u8 = 0x20;
/// In units of 8 bytes.
const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];

/// The announcement did not go out.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    #[error("cannot open a packet socket ({0})")]
    Socket(Errno),
    #[error("the interface has no Ethernet address")]
    NoMac,
    #[error("cannot send ({0})")]
    Send(Errno),
}

/// Sends one announcement over the interface with this index.
pub fn announce(interface: u32, address: IpAddr) -> Result<(), AnnounceError> {
    let interface = interface.cast_signed();
    let protocol = if address.is_ipv4() { ARP } else { IPV6 };
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)
        .map_err(AnnounceError::Socket)?;
    // Protocol 0: this socket hears nothing.
    bind(socket.as_raw_fd(), &link_address(0, interface, [0; 6])).map_err(AnnounceError::Socket)?;
    let mac = own_mac(&socket)?;
    let (to, frame) = match address {
        IpAddr::V4(address) => ([0xff; 6], arp(mac, address)),
        IpAddr::V6(address) => (ALL_NODES_MAC, neighbour_advertisement(mac, address)),
    };
    let to = link_address(protocol, interface, to);
    sendto(socket.as_raw_fd(), &frame, &to, MsgFlags::empty()).map(drop).map_err(AnnounceError::Send)
}

/// Of the interface that the socket is bound to (packet(7)). The kernel's answer is shorter than its own struct by the
/// bytes that an Ethernet address does not need, which `nix` does not take.
fn own_mac(socket: &OwnedFd) -> Result<[u8; 6], AnnounceError> {
    // SAFETY: a struct of numbers, for which zero is a value.
    let mut own: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&own) as libc::socklen_t;
    // SAFETY: the kernel writes `length` bytes at most, and both places live until the call returns.
    let result = unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut own).cast(), &raw mut length) };
    Errno::result(result).map_err(AnnounceError::Socket)?;
    let mac = own.sll_addr.first_chunk::<6>().filter(|mac| own.sll_halen == 6 && **mac != [0; 6]);
    mac.copied().ok_or(AnnounceError::NoMac)
}

fn ethernet(to: [u8; 6], from: [u8; 6], protocol: u16) -> Vec<u8> {
    [&to[..], &from, &protocol.to_be_bytes()].concat()
}

/// A request (RFC 826) for the address that we say is ours.
fn arp(mac: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet([0xff; 6], mac, ARP);
    // Ethernet, IPv4, their lengths, request.
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac);
    frame.extend(address.octets());
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame
}

fn neighbour_advertisement(mac: [u8; 6], address: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0];
    message.extend(address.octets());
    message.extend(TARGET_LINK_LAYER_ADDRESS);
    message.extend(mac);
    let length = message.len() as u16;
    // RFC 8200, section 8.1.
    let pseudo_header =
        [&address.octets()[..], &ALL_NODES.octets(), &u32::from(length).to_be_bytes(), &[0, 0, 0, ICMPV6]];
    let checksum = internet_checksum(&[&pseudo_header.concat()[..], &message].concat());
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = ethernet(ALL_NODES_MAC, mac, IPV6);
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    // 255, or it is not believed (RFC 4861, section 7.1.2).
    frame.extend([ICMPV6, 255]);
    frame.extend(address.octets());
    frame.extend(ALL_NODES.octets());
    frame.extend(message);
    frame
}
