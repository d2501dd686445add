//! A raw ICMPv6 socket on one interface: hears router solicitations only.

use super::schedule::Target;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::sys::socket::sockopt::Ipv6RecvHopLimit;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, setsockopt};
use socket2::{Domain, Protocol, Type};
use std::io::{self, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// RFC 4861, sections 4.1 and 4.2.
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
const SOLICITATION_BYTES_MIN: usize = 8;
/// RFC 4861, section 4.6.1: source link-layer address, in units of 8 bytes.
const SOURCE_LINK_OPTION: [u8; 2] = [1, 1];
/// Nothing that crossed a router has it (RFC 4861, section 6.1.1).
const HOP_LIMIT: u8 = 255;
const EVERYBODY: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const PACKET_BYTES_MAX: usize = 1500;

/// Why advertisements cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum AdvertiseError {
    #[error("cannot list the interfaces to advertise on")]
    List(#[source] Errno),
    #[error("there is no Ethernet interface {0} to advertise on")]
    NoInterface(String),
    #[error("cannot speak ICMPv6 on {interface}")]
    Open {
        interface: String,
        #[source]
        source: io::Error,
    },
}

/// What came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Solicitation(Ipv6Addr),
    Noise,
}

/// Bound to one interface.
#[derive(Debug)]
pub struct Socket {
    socket: AsyncFd<socket2::Socket>,
    index: u32,
    hardware: [u8; 6],
}

impl Socket {
    /// Opens it; inside a tokio runtime.
    pub fn open(interface: &str) -> Result<Self, AdvertiseError> {
        let mut all = getifaddrs().map_err(AdvertiseError::List)?;
        let found = all.find_map(|entry| {
            let link =
                *entry.address.as_ref().filter(|_| entry.interface_name == interface)?.as_link_addr()?;
            Some((u32::try_from(link.ifindex()).ok()?, link.addr()?))
        });
        let (index, hardware) = found.ok_or_else(|| AdvertiseError::NoInterface(interface.to_owned()))?;
        let failed = |source| AdvertiseError::Open { interface: interface.to_owned(), source };
        // SAFETY: the descriptor is the socket's own, which lives as long as its registration.
        let register = |socket| unsafe { AsyncFd::register(socket) }.map_err(io::Error::from);
        let socket = icmp(interface, index).and_then(register).map_err(failed)?;
        Ok(Self { socket, index, hardware })
    }

    /// Waits for a packet.
    pub async fn hear(&self) -> io::Result<Heard> {
        self.socket.async_io(Interest::READABLE, |socket| Ok(hear(socket)?)).await
    }

    /// Sends an advertisement without waiting; the kernel adds the checksum (RFC 3542, section 3.1).
    pub fn advertise(&self, target: Target) -> io::Result<()> {
        let to = match target {
            Target::Everybody => EVERYBODY,
            Target::One(address) => address,
        };
        let to = SocketAddrV6::new(to, 0, 0, self.index);
        self.socket.get_ref().send_to(&advertisement(self.hardware), &to.into())?;
        Ok(())
    }
}

/// No hop limit, no flags, no lifetime as a router, no times: nothing but where it comes from.
fn advertisement(hardware: [u8; 6]) -> Vec<u8> {
    let mut packet = vec![0; 16];
    packet[0] = ADVERTISEMENT;
    packet.extend(SOURCE_LINK_OPTION);
    packet.extend(hardware);
    packet
}

fn icmp(interface: &str, index: u32) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::IPV6, Type::RAW.nonblocking(), Some(Protocol::ICMPV6))?;
    socket.bind_device(Some(interface.as_bytes()))?;
    pass_solicitations_only(&socket)?;
    setsockopt(&socket, Ipv6RecvHopLimit, &true)?;
    socket.set_multicast_hops_v6(HOP_LIMIT.into())?;
    socket.set_unicast_hops_v6(HOP_LIMIT.into())?;
    socket.set_multicast_if_v6(index)?;
    socket.set_multicast_loop_v6(false)?;
    socket.join_multicast_v6(&ROUTERS, index)?;
    Ok(socket)
}

/// RFC 3542, section 3.2; a set bit blocks a type on Linux.
fn pass_solicitations_only(socket: &socket2::Socket) -> io::Result<()> {
    const ICMP6_FILTER: libc::c_int = 1;
    let mut blocked = [u32::MAX; 8];
    blocked[usize::from(SOLICITATION) / 32] &= !(1 << (SOLICITATION % 32));
    // SAFETY: the pointer is valid for the length that goes with it, for the time of the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_ICMPV6,
            ICMP6_FILTER,
            blocked.as_ptr().cast(),
            size_of_val(&blocked) as libc::socklen_t,
        )
    };
    Errno::result(set)?;
    Ok(())
}

fn hear(socket: &socket2::Socket) -> nix::Result<Heard> {
    let mut packet = [0; PACKET_BYTES_MAX];
    let mut control = nix::cmsg_space!(libc::c_int);
    let mut parts = [IoSliceMut::new(&mut packet)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrIn6>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let hop_limit = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv6HopLimit(limit) => Some(limit),
        _ => None,
    });
    let (source, length) = (message.address.map(|address| address.ip()), message.bytes);
    Ok(judge(source, hop_limit, &packet[..length]))
}

/// RFC 4861, section 6.1.1; the kernel checked the checksum.
fn judge(source: Option<Ipv6Addr>, hop_limit: Option<i32>, packet: &[u8]) -> Heard {
    let is_whole = packet.len() >= SOLICITATION_BYTES_MIN && packet[..2] == [SOLICITATION, 0];
    match source {
        Some(source) if is_whole && hop_limit == Some(HOP_LIMIT.into()) && !source.is_multicast() => {
            Heard::Solicitation(source)
        }
        _ => Heard::Noise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertisement_gives_nothing() {
        let packet = advertisement([2, 0, 0, 0, 0, 1]);
        assert_eq!(packet[0], 134);
        assert!(packet[1..16].iter().all(|byte| *byte == 0), "no lifetime, no flags");
        assert_eq!(packet[16..], [1, 1, 2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn only_a_neighbours_solicitation_is_one() {
        let (near, whole) = ("fe80::1".parse::<Ipv6Addr>().unwrap(), [133, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(judge(Some(near), Some(255), &whole), Heard::Solicitation(near));
        for (source, hop_limit, packet) in [
            (None, Some(255), &whole[..]),
            (Some(EVERYBODY), Some(255), &whole),
            (Some(near), Some(254), &whole),
            (Some(near), None, &whole),
            (Some(near), Some(255), &whole[..7]),
            (Some(near), Some(255), &[134, 0, 0, 0, 0, 0, 0, 0]),
            (Some(near), Some(255), &[133, 1, 0, 0, 0, 0, 0, 0]),
            (Some(near), Some(255), &[]),
        ] {
            assert_eq!(judge(source, hop_limit, packet), Heard::Noise);
        }
    }
}
