//! Sockets that answer from the address that was asked.
//!
//! A server with several addresses hears where a request went to by the packet information of the kernel
//! (ip(7), IP_PKTINFO; RFC 3542, section 6.1) and answers from there, so that clients and firewalls know it again.

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use tokio::io::Interest;

/// IPv4 without options (RFC 791, section 3.1), IPv6 (RFC 8200, section 3), UDP (RFC 768).
const IPV4_HEADER_BYTES: usize = 20;
const IPV6_HEADER_BYTES: usize = 40;
const UDP_HEADER_BYTES: usize = 8;
/// What every IPv4 host takes (RFC 1122, section 3.3.2), where the kernel does not know a path.
const IPV4_PATH_BYTES: usize = 576;
/// What every IPv6 path carries (RFC 8200, section 5).
const IPV6_PATH_BYTES: usize = 1280;

/// Room for requests that were not looked at yet: a thousand machines that get power in the same second.
const REQUESTS_WAITING_BYTES: usize = 1 << 20;

/// A datagram, and both of its ends.
#[derive(Debug)]
pub struct Received {
    pub bytes: usize,
    pub client: SocketAddr,
    /// `None` for a broadcast or multicast, which is never answered (RFC 1123, section 4.2.3.5).
    pub asked: Option<IpAddr>,
}

/// Binds a socket that learns which address was asked.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    // Where neither is allowed the kernel's own size stays, and clients of a storm ask twice.
    if setsockopt(&socket, sockopt::RcvBufForce, &REQUESTS_WAITING_BYTES).is_err() {
        let _ = setsockopt(&socket, sockopt::RcvBuf, &REQUESTS_WAITING_BYTES);
    }
    match address {
        SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
        SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
    }
    Ok(socket)
}

/// The next datagram. One that is longer than the buffer is cut.
pub async fn receive(socket: &tokio::net::UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    socket.async_io(Interest::READABLE, || try_receive(socket, buffer)).await
}

fn try_receive(socket: &tokio::net::UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let mut parts = [IoSliceMut::new(buffer)];
    let mut control = nix::cmsg_space!(nix::libc::in6_pktinfo);
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let client = message.address.as_ref().and_then(standard_address);
    let client = client.ok_or_else(|| io::Error::other("a datagram without a sender"))?;
    let mut asked = None;
    for part in message.cmsgs()? {
        match part {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let local = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
                let written = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                asked = (local == written).then_some(IpAddr::V4(local));
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                let written = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                asked = (!written.is_multicast()).then_some(IpAddr::V6(written));
            }
            _ => {}
        }
    }
    Ok(Received { bytes: message.bytes, client, asked })
}

fn standard_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}

/// A socket on a fresh port of the asked address, which hears nobody but the client.
pub fn connect(asked: IpAddr, client: SocketAddr) -> io::Result<UdpSocket> {
    let mut local = SocketAddr::new(asked, 0);
    if let (SocketAddr::V6(local), SocketAddr::V6(client)) = (&mut local, client) {
        // A link-local address says nothing without its link (RFC 4007, section 6).
        local.set_scope_id(client.scope_id());
    }
    let socket = UdpSocket::bind(local)?;
    socket.connect(client)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// How many bytes a datagram to the client may have without being cut in pieces, as far as the kernel knows.
pub fn payload_bytes_max(socket: &UdpSocket, client: SocketAddr) -> usize {
    match client {
        SocketAddr::V4(_) => {
            let known = nix::sys::socket::getsockopt(socket, sockopt::IpMtu).ok();
            let path = known.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(IPV4_PATH_BYTES);
            path.saturating_sub(IPV4_HEADER_BYTES + UDP_HEADER_BYTES)
        }
        SocketAddr::V6(_) => IPV6_PATH_BYTES - IPV6_HEADER_BYTES - UDP_HEADER_BYTES,
    }
}
