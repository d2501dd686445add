//! The sockets of one interface. Each is bound to it, so nothing comes from or goes to another one.
//!
//! UDP sockets receive, and answer clients that have an address; a packet socket, which receives nothing, sends
//! frames to clients that have none.

use super::event::Event;
use super::exchange::{CLIENT_PORT, Destination, Port, Reply, SERVER_PORT};
use super::frame::{EVERYBODY, Ends, udp_frame};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use tokio::net::UdpSocket;

/// A boot storm waits here; the kernel may grant less.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;

/// Why an interface cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("cannot list network interfaces")]
    List(#[source] Errno),
    #[error("there is no Ethernet interface {0}")]
    NoInterface(Arc<str>),
    #[error("interface {interface} does not have the address {address}")]
    NoAddress { interface: Arc<str>, address: Ipv4Addr },
    #[error("cannot listen on port {port} of {interface}")]
    Listen {
        interface: Arc<str>,
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("cannot open a packet socket for {interface}")]
    Packets {
        interface: Arc<str>,
        #[source]
        source: io::Error,
    },
}

/// Everything through which one interface is served.
#[derive(Debug)]
pub struct Sockets {
    pub interface: Arc<str>,
    address: Ipv4Addr,
    index: i32,
    hardware: [u8; 6],
    dhcp: UdpSocket,
    proxy: UdpSocket,
    frames: Socket,
}

impl Sockets {
    /// Opens them; inside a tokio runtime.
    pub fn open(interface: &Arc<str>, address: Ipv4Addr) -> Result<Self, SocketError> {
        let (index, hardware) = find(interface, address)?;
        let listen = |port: Port| {
            let port = port.number();
            let failed = |source| SocketError::Listen { interface: interface.clone(), port, source };
            udp(interface, port).map_err(failed)
        };
        let frames = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None);
        Ok(Self {
            interface: interface.clone(),
            address,
            index,
            hardware,
            dhcp: listen(Port::Dhcp)?,
            proxy: listen(Port::Proxy)?,
            frames: frames.map_err(|source| SocketError::Packets { interface: interface.clone(), source })?,
        })
    }

    /// The socket of one of our ports.
    pub fn listener(&self, port: Port) -> &UdpSocket {
        match port {
            Port::Dhcp => &self.dhcp,
            Port::Proxy => &self.proxy,
        }
    }

    /// Sends an answer, without waiting: a full queue is an error, and the client asks again.
    pub fn send(&self, reply: &Reply) -> io::Result<()> {
        let client = |address| SocketAddrV4::new(address, CLIENT_PORT);
        match reply.destination {
            Destination::Broadcast => self.send_frame(reply, EVERYBODY, client(Ipv4Addr::BROADCAST)),
            Destination::Frame { mac, address } => self.send_frame(reply, mac.bytes(), client(address)),
            Destination::Relay(relay) => self.send_datagram(reply, SocketAddrV4::new(relay, SERVER_PORT)),
            Destination::Unicast(to) => self.send_datagram(reply, to),
        }
    }

    fn send_datagram(&self, reply: &Reply, to: SocketAddrV4) -> io::Result<()> {
        // The address that was asked is the one that answers, whatever else the interface has.
        let from = libc::in_pktinfo {
            ipi_ifindex: self.index,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from(self.address).to_be() },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let socket = self.listener(reply.port).as_raw_fd();
        let (payload, control) = ([IoSlice::new(&reply.bytes)], [ControlMessage::Ipv4PacketInfo(&from)]);
        sendmsg(socket, &payload, &control, MsgFlags::MSG_DONTWAIT, Some(&SockaddrIn::from(to)))?;
        Ok(())
    }

    fn send_frame(&self, reply: &Reply, hardware: [u8; 6], to: SocketAddrV4) -> io::Result<()> {
        let from = SocketAddrV4::new(self.address, reply.port.number());
        let frame = udp_frame(Ends { from: self.hardware, to: hardware }, Ends { from, to }, &reply.bytes);
        let mut address = [0; 8];
        address[..6].copy_from_slice(&hardware);
        let link = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: (libc::ETH_P_IP as u16).to_be(),
            sll_ifindex: self.index,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 6,
            sll_addr: address,
        };
        let link_bytes = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: both pointers are valid for the lengths that go with them, for the time of the call.
        let sent = unsafe {
            libc::sendto(
                self.frames.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                libc::MSG_DONTWAIT,
                (&raw const link).cast(),
                link_bytes,
            )
        };
        Errno::result(sent)?;
        Ok(())
    }

    /// Something that happened to these sockets.
    pub fn event(&self, kind: super::event::EventKind) -> Event {
        Event { interface: self.interface.clone(), client: None, machine: None, kind }
    }
}

/// Index and Ethernet address of an interface that has the address.
fn find(interface: &Arc<str>, address: Ipv4Addr) -> Result<(i32, [u8; 6]), SocketError> {
    let all = getifaddrs().map_err(SocketError::List)?;
    let ours: Vec<_> = all.filter(|entry| *entry.interface_name == **interface).collect();
    let link = ours.iter().find_map(|entry| {
        let link = *entry.address.as_ref()?.as_link_addr()?;
        Some((i32::try_from(link.ifindex()).ok()?, link.addr()?))
    });
    let link = link.ok_or_else(|| SocketError::NoInterface(interface.clone()))?;
    let has_it = ours.iter().any(|entry| {
        let known = entry.address.as_ref().and_then(|address| address.as_sockaddr_in());
        known.is_some_and(|known| known.ip() == address)
    });
    if has_it { Ok(link) } else { Err(SocketError::NoAddress { interface: interface.clone(), address }) }
}

fn udp(interface: &str, port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    // Before the port, so that other interfaces may have a server of their own.
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.set_broadcast(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
    UdpSocket::from_std(socket.into())
}
