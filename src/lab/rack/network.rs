//! The network inside the lab's namespace: the site's interface, and a packet socket at its other end.
//!
//! Nothing here touches the computer's own network; it must be called inside a network namespace of our own.

use super::plan::{SITE_ADDRESS, SITE_INTERFACE};
use nix::errno::Errno;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};

/// The end of the veth pair that the switch reads and writes.
const SWITCH_INTERFACE: &str = "switch0";
const LOOPBACK: &str = "lo";
/// The same in every lab, as machines that go on from another one still send to it; no machine has the number 0.
const SITE_MAC: &str = "52:54:00:77:00:00";
/// From linux/ethtool.h: set transmit checksums, receive checksums, scatter-gather, and the offloads of
/// segmentation and of its reverse.
const OFFLOADS: [u32; 6] = [0x17, 0x15, 0x19, 0x1f, 0x24, 0x2c];
/// From linux/if_packet.h.
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;

/// The lab's network cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("cannot set up the lab's network")]
    Command(#[from] ProcessError),
    #[error("cannot set up the lab's network")]
    Setting(#[from] FsError),
    #[error("cannot turn off the offloads of {SITE_INTERFACE} and {SWITCH_INTERFACE}")]
    Offload(#[source] io::Error),
    #[error("cannot open a packet socket on {SWITCH_INTERFACE}")]
    PacketSocket(#[source] Errno),
}

/// Makes the interfaces and returns the switch's packet socket.
pub fn set_up() -> Result<OwnedFd, NetworkError> {
    ip(&["link", "set", LOOPBACK, "up"])?;
    let pair = ["type", "veth", "peer", "name", SWITCH_INTERFACE];
    ip(&[["link", "add", SITE_INTERFACE, "address", SITE_MAC].as_slice(), &pair].concat())?;
    // The switch's end is a wire, not a host: it has no addresses and answers nothing.
    fs::write(
        Path::new("/proc/sys/net/ipv6/conf").join(SWITCH_INTERFACE).join("disable_ipv6").as_path(),
        b"1",
    )?;
    ip(&["link", "set", SWITCH_INTERFACE, "arp", "off"])?;
    // One link-local address, at once: duplicate address detection would take seconds.
    ip(&["link", "set", SITE_INTERFACE, "addrgenmode", "none"])?;
    for interface in [SITE_INTERFACE, SWITCH_INTERFACE] {
        turn_offloads_off(interface).map_err(NetworkError::Offload)?;
        ip(&["link", "set", interface, "up"])?;
    }
    ip(&["address", "add", &format!("{SITE_ADDRESS}/24"), "dev", SITE_INTERFACE])?;
    ip(&["address", "add", "fe80::1/64", "dev", SITE_INTERFACE, "nodad"])?;
    packet_socket().map_err(NetworkError::PacketSocket)
}

/// Gives a BMC its address, or takes it away: then nothing answers there, as if it had no power.
pub fn set_bmc_address(address: Ipv4Addr, is_there: bool) -> Result<(), NetworkError> {
    let verb = if is_there { "replace" } else { "delete" };
    ip(&["address", verb, &format!("{address}/32"), "dev", LOOPBACK])
}

fn ip(arguments: &[&str]) -> Result<(), NetworkError> {
    Process::new("ip").args(arguments).run()?;
    Ok(())
}

/// The kernel leaves checksums and segments to a card; qemu's machines would get frames without them.
fn turn_offloads_off(interface: &str) -> io::Result<()> {
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    let control = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    for command in OFFLOADS {
        let mut value = Value { command, data: 0 };
        // SAFETY: an ifreq of zeros is valid: an empty name and a null pointer.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: SIOCETHTOOL reads and writes the ifreq and the struct ethtool_value that it points to; both
        // live until after the call.
        let result = unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
        Errno::result(result)?;
    }
    Ok(())
}

/// Raw frames in and out of the switch's end; our own are not echoed.
fn packet_socket() -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    // Without a protocol it hears nothing, not even from other interfaces, until it is bound.
    let packet = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
    let on: libc::c_int = 1;
    // SAFETY: the option's value is an int that lives until after the call.
    let result = unsafe {
        libc::setsockopt(
            packet.as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    Errno::result(result)?;
    // SAFETY: a sockaddr_ll of zeros is valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = if_nametoindex(SWITCH_INTERFACE)?.cast_signed();
    // SAFETY: the address lives until after the call, and its true size is given.
    let result = unsafe {
        libc::bind(packet.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as libc::socklen_t)
    };
    Errno::result(result)?;
    Ok(packet)
}
