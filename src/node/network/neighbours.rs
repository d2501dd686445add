//! Who is at the other end of each cable, as switches announce it (LLDP).
//!
//! It only listens, and never waits: the kernel keeps what arrives until somebody looks, so neither a boot nor an
//! installation takes longer for it. lldpd of the running system hears the same frames on sockets of its own, and is
//! the one who speaks. Entry points: [`Neighbours::listen`], [`Neighbours::of`].

use super::interfaces::Wired;
use super::link;
use crate::console::say;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, bind, recv, socket};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;
use understudy_core::formats::lldp::{ETHERTYPE, GROUP, Heard, read};
use understudy_core::protocol::inventory::Neighbour;

/// Of an Ethernet frame; a larger one is cut, and a cut one is refused by its reader.
const FRAME_BYTES_MAX: usize = 1500;
/// Frames of one interface that are looked at in one turn: a flood must not keep us from our work.
const TURN_FRAMES_MAX: usize = 32;

/// Open ears, and what they heard last.
pub struct Neighbours {
    ears: Vec<Ear>,
    /// By the interface's index: udev changes names.
    heard: BTreeMap<i32, (Neighbour, Instant)>,
}

struct Ear {
    interface: i32,
    socket: OwnedFd,
}

impl Neighbours {
    /// Listens on these interfaces. One that cannot be listened on is told about and has no neighbour.
    pub fn listen(interfaces: &[Wired]) -> Self {
        let open = |interface: &Wired| match open(interface) {
            Ok(socket) => Some(Ear { interface: interface.index, socket }),
            Err(error) => {
                say(&format!("cannot listen for the neighbour of {}: {error}", interface.name));
                None
            }
        };
        Self { ears: interfaces.iter().filter_map(open).collect(), heard: BTreeMap::new() }
    }

    /// Takes in what has arrived, and forgets whoever has not spoken for as long as it said it would.
    pub fn hear(&mut self) {
        let now = Instant::now();
        for ear in &self.ears {
            let frames = std::iter::from_fn(|| receive(&ear.socket)).take(TURN_FRAMES_MAX);
            for heard in frames.filter_map(|frame| read(&frame)) {
                take_in(&mut self.heard, ear.interface, heard, now);
            }
        }
        self.heard.retain(|_, (_, until)| *until > now);
    }

    /// Who is at the other end of this interface's cable.
    pub fn of(&self, interface: &Wired) -> Option<&Neighbour> {
        self.heard.get(&interface.index).map(|(neighbour, _)| neighbour)
    }
}

fn take_in(all: &mut BTreeMap<i32, (Neighbour, Instant)>, interface: i32, heard: Heard, now: Instant) {
    match heard {
        Heard::Neighbour(neighbour, life) => drop(all.insert(interface, (neighbour, now + life))),
        Heard::Gone => drop(all.remove(&interface)),
    }
}

fn open(interface: &Wired) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    // Without a protocol it hears nothing, not even from other interfaces, until it is bound.
    let socket = socket(AddressFamily::Packet, SockType::Datagram, flags, None)?;
    let mut group = [0; 8];
    group[..GROUP.len()].copy_from_slice(&GROUP);
    let membership = libc::packet_mreq {
        mr_ifindex: interface.index,
        mr_type: libc::PACKET_MR_MULTICAST as libc::c_ushort,
        mr_alen: GROUP.len() as libc::c_ushort,
        mr_address: group,
    };
    // SAFETY: the option's value is a `packet_mreq` that lives until after the call, and its size is given.
    let joined = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const membership).cast(),
            size_of_val(&membership) as libc::socklen_t,
        )
    };
    Errno::result(joined)?;
    bind(socket.as_raw_fd(), &link::address(ETHERTYPE, interface.index, GROUP))?;
    Ok(socket)
}

/// One frame without its header, if one has arrived. An interface that went down is heard again when it is up.
fn receive(socket: &OwnedFd) -> Option<Vec<u8>> {
    let mut buffer = [0; FRAME_BYTES_MAX];
    loop {
        match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(count) => return Some(buffer[..count].to_vec()),
            Err(Errno::EINTR | Errno::ENETDOWN) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn neighbour(port: &str) -> Neighbour {
        let (system, chassis) = ("switch".to_owned(), "02:00:00:00:00:01".to_owned());
        Neighbour { system, chassis, port: port.to_owned(), port_description: None }
    }

    #[test]
    fn the_newest_word_counts_for_as_long_as_it_says() {
        let mut neighbours = Neighbours { ears: Vec::new(), heard: BTreeMap::new() };
        let now = Instant::now();
        let long = Duration::from_secs(120);
        take_in(&mut neighbours.heard, 2, Heard::Neighbour(neighbour("1"), long), now);
        take_in(&mut neighbours.heard, 2, Heard::Neighbour(neighbour("2"), long), now);
        take_in(&mut neighbours.heard, 3, Heard::Neighbour(neighbour("3"), Duration::ZERO), now);
        take_in(&mut neighbours.heard, 4, Heard::Neighbour(neighbour("4"), long), now);
        take_in(&mut neighbours.heard, 4, Heard::Gone, now);
        neighbours.hear();
        let mac = "52:54:00:00:00:01".parse().unwrap();
        let of = |index| neighbours.of(&Wired { name: "eth0".to_owned(), index, mac });
        assert_eq!(of(2), Some(&neighbour("2")));
        assert_eq!(of(3), None, "its time is over");
        assert_eq!(of(4), None, "it said good-bye");
    }
}
