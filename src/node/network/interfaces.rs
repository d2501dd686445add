//! Interfaces by sysfs and the kernel's socket ioctls (netdevice(7)).

use super::NetworkError;
use nix::errno::Errno;
use nix::libc;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::model::mac::MacAddress;

const INTERFACES: &str = "/sys/class/net";
/// ARPHRD_ETHER (kernel: include/uapi/linux/if_arp.h).
const ETHERNET: &str = "1";

/// A wired interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wired {
    pub name: String,
    pub index: i32,
    pub mac: MacAddress,
}

/// Ethernet interfaces with hardware behind them, by name. Bridges, bonds and loopback have none.
pub fn wired() -> Vec<Wired> {
    let paths = fs::list(Path::new(INTERFACES)).unwrap_or_default();
    paths.iter().filter(|path| path.join("device").exists()).filter_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Option<Wired> {
    let field = |name: &str| Some(fs::read_text(&path.join(name)).ok()?.trim().to_owned());
    if field("type")? != ETHERNET {
        return None;
    }
    let name = path.file_name()?.to_str()?.to_owned();
    Some(Wired { name, index: field("ifindex")?.parse().ok()?, mac: field("address")?.parse().ok()? })
}

/// Whether a cable with somebody at its other end is plugged in. An interface that is down says nothing.
pub fn has_link(name: &str) -> bool {
    fs::read_text(&Path::new(INTERFACES).join(name).join("carrier")).is_ok_and(|text| text.trim() == "1")
}

/// The link's speed, where the driver knows it.
pub fn megabits_per_second(name: &str) -> Option<u32> {
    fs::read_text(&Path::new(INTERFACES).join(name).join("speed")).ok()?.trim().parse().ok()
}

/// Switches the interface on.
pub fn set_up(name: &str) -> Result<(), NetworkError> {
    let mut request = request(name);
    let flags = libc::IFF_UP | libc::IFF_RUNNING;
    request.ifr_ifru.ifru_flags =
        libc::c_short::try_from(flags).expect("both flags are in the lower 15 bits");
    call(libc::SIOCSIFFLAGS, &mut request).map_err(|source| NetworkError::Interface {
        action: "switch on",
        interface: name.to_owned(),
        source,
    })
}

/// Gives the interface its address.
pub fn set_address(name: &str, address: Ipv4Addr, netmask: Ipv4Addr) -> nix::Result<()> {
    for (action, value) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, netmask)] {
        let mut request = request(name);
        request.ifr_ifru.ifru_addr = socket_address(value);
        call(action, &mut request)?;
    }
    Ok(())
}

/// Sends what is for other networks to `gateway`.
pub fn set_gateway(name: &str, gateway: Ipv4Addr) -> nix::Result<()> {
    let mut device = name.as_bytes().to_vec();
    device.push(0);
    // SAFETY: a struct of numbers and pointers, for which zero is a value.
    let mut route: libc::rtentry = unsafe { std::mem::zeroed() };
    route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
    route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
    route.rt_gateway = socket_address(gateway);
    route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
    route.rt_dev = device.as_mut_ptr().cast();
    let socket = socket()?;
    // SAFETY: the route and the name that it points to live until the call returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCADDRT, &raw const route) };
    match Errno::result(result) {
        Err(Errno::EEXIST) => Ok(()),
        result => result.map(drop),
    }
}

fn request(name: &str) -> libc::ifreq {
    // SAFETY: a struct of bytes and numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The kernel's own names are shorter than the field, whose last byte stays zero.
    for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    for (to, from) in data[2..6].iter_mut().zip(address.octets()) {
        *to = from.cast_signed();
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data }
}

fn socket() -> nix::Result<std::net::UdpSocket> {
    std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

fn call(action: libc::c_ulong, request: &mut libc::ifreq) -> nix::Result<()> {
    let socket = socket()?;
    // SAFETY: the kernel reads and writes one `struct ifreq`, which lives until the call returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), action as libc::Ioctl, &raw mut *request) };
    Errno::result(result).map(drop)
}
