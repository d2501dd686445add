//! Addresses of interfaces over rtnetlink(7): one short message out, its answers in. The `rtnetlink` crate would bring an
//! asynchronous runtime into /init for three messages.

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

/// `struct nlmsghdr` and `struct ifaddrmsg` (kernel: include/uapi/linux/netlink.h, if_addr.h).
const HEADER_BYTES: usize = 16;
const BODY_BYTES: usize = 8;
const ATTRIBUTE_BYTES: usize = 4;
/// IFA_PROTO, since Linux 5.18; the crate `libc` does not have it.
const IFA_PROTO: u16 = 11;
/// Who made an address. The kernel's own are 1 to 3; this is `u`.
const OURS: u8 = 0x75;
/// A dump comes in messages of at most this size (kernel: NLMSG_GOODSIZE, up to 32 KiB for large buffers).
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The kernel answers at once, or not at all.
const PATIENCE_S: i64 = 2;

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub interface: u32,
    pub address: IpAddr,
    pub prefix: u8,
    /// Whether this program put it there.
    pub is_ours: bool,
}

/// All addresses of this machine.
pub fn addresses() -> nix::Result<Vec<Found>> {
    let socket = open()?;
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_DUMP;
    send(&socket, &message(libc::RTM_GETADDR, flags, &[0; BODY_BYTES]))?;
    let mut found = Vec::new();
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    loop {
        let count = receive(&socket, &mut buffer)?;
        let mut rest = &buffer[..count];
        while let Some((kind, body, next)) = split(rest) {
            match kind {
                libc::NLMSG_DONE => return Ok(found),
                libc::NLMSG_ERROR => return acknowledged(body).map(|()| found),
                _ if kind == i32::from(libc::RTM_NEWADDR) => found.extend(read(body)),
                _ => {}
            }
            rest = next;
        }
    }
}

/// Puts an address on an interface, marked as ours. One that is there already is fine.
pub fn add(interface: u32, address: IpAddr) -> nix::Result<()> {
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    change(&message(libc::RTM_NEWADDR, flags, &body(interface, address)))
}

/// Takes an address from an interface. One that is not there is fine.
pub fn remove(interface: u32, address: IpAddr) -> nix::Result<()> {
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK;
    match change(&message(libc::RTM_DELADDR, flags, &body(interface, address))) {
        Err(Errno::EADDRNOTAVAIL) => Ok(()),
        result => result,
    }
}

fn open() -> nix::Result<std::os::fd::OwnedFd> {
    let socket =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_S))?;
    Ok(socket)
}

fn send(socket: &std::os::fd::OwnedFd, message: &[u8]) -> nix::Result<()> {
    sendto(socket.as_raw_fd(), message, &NetlinkAddr::new(0, 0), MsgFlags::empty()).map(drop)
}

/// A call with a time limit is interrupted by every stop of the process (signal(7)).
fn receive(socket: &std::os::fd::OwnedFd, buffer: &mut [u8]) -> nix::Result<usize> {
    loop {
        match recv(socket.as_raw_fd(), buffer, MsgFlags::empty()) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

fn change(message: &[u8]) -> nix::Result<()> {
    let socket = open()?;
    send(&socket, message)?;
    let mut buffer = [0; 4096];
    let count = receive(&socket, &mut buffer)?;
    match split(&buffer[..count]) {
        Some((libc::NLMSG_ERROR, body, _)) => acknowledged(body),
        _ => Err(Errno::EPROTO),
    }
}

/// `struct nlmsgerr` begins with a negative error number, 0 for none.
fn acknowledged(body: &[u8]) -> nix::Result<()> {
    let number = body.first_chunk().map_or(-libc::EPROTO, |bytes| i32::from_ne_bytes(*bytes));
    if number == 0 { Ok(()) } else { Err(Errno::from_raw(-number)) }
}

fn message(kind: u16, flags: i32, body: &[u8]) -> Vec<u8> {
    let length = (HEADER_BYTES + body.len()) as u32;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend((flags as u16).to_ne_bytes());
    // Sequence number and port: each socket asks once.
    message.extend([0; 8]);
    message.extend(body);
    message
}

fn body(interface: u32, address: IpAddr) -> Vec<u8> {
    let (family, bytes) = match address {
        IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
    };
    // A host's prefix: it brings no route, and goes with no other address. IPv6 does not look for a second holder for a
    // second first: there is none, as the last one was fenced.
    let flags = if address.is_ipv6() { libc::IFA_F_NODAD as u8 } else { 0 };
    let prefix = (bytes.len() * 8) as u8;
    let mut body = vec![family as u8, prefix, flags, libc::RT_SCOPE_UNIVERSE];
    body.extend(interface.to_ne_bytes());
    for (kind, value) in [(libc::IFA_LOCAL, &bytes[..]), (libc::IFA_ADDRESS, &bytes), (IFA_PROTO, &[OURS])] {
        body.extend(((ATTRIBUTE_BYTES + value.len()) as u16).to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    body
}

/// The first message: its kind, what is behind its header, and what follows it.
fn split(bytes: &[u8]) -> Option<(i32, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(HEADER_BYTES..length)?;
    Some((i32::from(kind), body, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn read(body: &[u8]) -> Option<Found> {
    let [_, prefix, _, _, interface @ ..] = body.first_chunk::<BODY_BYTES>()?;
    let (mut local, mut peer, mut is_ours) = (None, None, false);
    let mut rest = &body[BODY_BYTES..];
    while let Some(length) = rest.first_chunk().map(|bytes| usize::from(u16::from_ne_bytes(*bytes))) {
        let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?);
        let value = rest.get(ATTRIBUTE_BYTES..length)?;
        match kind {
            libc::IFA_LOCAL => local = read_address(value),
            libc::IFA_ADDRESS => peer = read_address(value),
            IFA_PROTO => is_ours = value == [OURS],
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    // IPv6 addresses have no IFA_LOCAL of their own.
    let address = local.or(peer)?;
    Some(Found { interface: u32::from_ne_bytes(*interface), address, prefix: *prefix, is_ours })
}

fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => bytes.first_chunk::<4>().map(|bytes| IpAddr::V4(Ipv4Addr::from(*bytes))),
        16 => bytes.first_chunk::<16>().map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_cut_short_is_not() {
        for address in ["10.0.0.1", "2001:db8::1"] {
            let address: IpAddr = address.parse().unwrap();
            let whole = body(7, address);
            let prefix = if address.is_ipv4() { 32 } else { 128 };
            assert_eq!(read(&whole), Some(Found { interface: 7, address, prefix, is_ours: true }));
            for length in 0..whole.len() {
                let part = read(&whole[..length]);
                assert!(part.is_none() || part.is_some_and(|found| found.address == address), "{length}");
            }
            let one = message(libc::RTM_NEWADDR, 0, &whole);
            let both = [one.clone(), one.clone()].concat();
            let (kind, first, rest) = split(&both).unwrap();
            assert_eq!((kind, first, rest), (i32::from(libc::RTM_NEWADDR), &whole[..], &one[..]));
            assert!(split(&one[..one.len() - 1]).is_none());
        }
    }
}
