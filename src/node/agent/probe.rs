//! Looks for peers that the site has not heard for a while: one ICMP echo to each, answered in time or not.

use super::board::{Board, News};
use crate::network::internet_checksum;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage,
    recvfrom, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use understudy_core::protocol::heartbeat::{Probe, Seen};

/// For all echoes of one round together; a rack's network answers within a thousandth of it.
const PATIENCE: Duration = Duration::from_millis(200);
/// Between two rounds.
const EVERY: Duration = Duration::from_millis(250);
/// While there is nobody to look for; a new word wakes us.
const IDLE: Duration = Duration::from_secs(60);
/// How many peers one round looks for; a site asks about one or two.
const PEERS_MAX: usize = 32;
/// Types of RFC 792 and RFC 4443.
const ECHO_V4: (u8, u8) = (8, 0);
const ECHO_V6: (u8, u8) = (128, 129);

/// For as long as the agent lives.
pub fn run(board: &Board) -> ! {
    let mut round = 0_u16;
    loop {
        let (mut probes, version) = board.probes();
        probes.truncate(PEERS_MAX);
        if probes.is_empty() {
            board.see(Vec::new());
            board.wait(News::Inward, version, IDLE);
            continue;
        }
        round = round.wrapping_add(1);
        board.see(look(&probes, round));
        std::thread::sleep(EVERY.saturating_sub(PATIENCE));
    }
}

/// One round: all are asked at once. Without a socket nothing is known, and nothing is claimed.
pub fn look(probes: &[Probe], round: u16) -> Vec<Seen> {
    let (v4, v6): (Vec<&Probe>, Vec<&Probe>) = probes.iter().partition(|probe| probe.address.is_ipv4());
    let mut seen = Vec::new();
    for (probes, family) in [(v4, AddressFamily::Inet), (v6, AddressFamily::Inet6)] {
        if !probes.is_empty() {
            seen.extend(look_in(family, &probes, round).unwrap_or_default());
        }
    }
    seen
}

fn look_in(family: AddressFamily, probes: &[&Probe], round: u16) -> nix::Result<Vec<Seen>> {
    let is_v4 = family == AddressFamily::Inet;
    let protocol = if is_v4 { SockProtocol::Icmp } else { SockProtocol::IcmpV6 };
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    let began = Instant::now();
    for (number, probe) in probes.iter().enumerate() {
        let echo = echo(if is_v4 { ECHO_V4.0 } else { ECHO_V6.0 }, is_v4, round, number as u16);
        // An address without a route is one that does not answer.
        let _ = send(&socket, &echo, probe.address);
    }
    let mut answered = vec![None; probes.len()];
    while answered.contains(&None) {
        let Some(left) = PATIENCE.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else { break };
        let limit = TimeVal::microseconds(i64::from(left.subsec_micros().max(1)));
        setsockopt(&socket, sockopt::ReceiveTimeout, &limit)?;
        let Some((from, number)) = receive(&socket, is_v4, round)? else { continue };
        let asked = probes.get(usize::from(number)).is_some_and(|probe| probe.address == from);
        if asked {
            answered[usize::from(number)].get_or_insert(Instant::now());
        }
    }
    let tell = |(probe, at): (&&Probe, &Option<Instant>)| {
        let age = at.unwrap_or(began).elapsed().as_millis();
        let age_ms = u64::try_from(age).unwrap_or(u64::MAX);
        Seen { node: probe.node.clone(), is_reachable: at.is_some(), age_ms }
    };
    Ok(probes.iter().zip(&answered).map(tell).collect())
}

/// An echo request whose identifier is this round's and whose sequence number is the peer's.
fn echo(kind: u8, with_checksum: bool, round: u16, number: u16) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(round.to_be_bytes());
    message.extend(number.to_be_bytes());
    // The kernel fills in ICMPv6's own (RFC 3542, section 3.1).
    if with_checksum {
        let checksum = internet_checksum(&message);
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    message
}

fn send(socket: &OwnedFd, message: &[u8], to: IpAddr) -> nix::Result<()> {
    let flags = MsgFlags::empty();
    match to {
        IpAddr::V4(to) => {
            sendto(socket.as_raw_fd(), message, &SockaddrIn::from(SocketAddrV4::new(to, 0)), flags).map(drop)
        }
        IpAddr::V6(to) => {
            sendto(socket.as_raw_fd(), message, &SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, 0)), flags)
                .map(drop)
        }
    }
}

/// The next answer of this round; `None` for anything else, and for nothing in time.
fn receive(socket: &OwnedFd, is_v4: bool, round: u16) -> nix::Result<Option<(IpAddr, u16)>> {
    let mut buffer = [0; 1500];
    let (count, from) = match recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut buffer) {
        Ok(received) => received,
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(from) = from.and_then(|from| {
        let v4 = from.as_sockaddr_in().map(|from| IpAddr::V4(from.ip()));
        v4.or_else(|| from.as_sockaddr_in6().map(|from| IpAddr::V6(from.ip())))
    }) else {
        return Ok(None);
    };
    Ok(read_answer(&buffer[..count], is_v4, round).map(|number| (from, number)))
}

/// The peer's number in an answer of this round. A raw IPv4 socket sees the header too (raw(7)).
fn read_answer(packet: &[u8], is_v4: bool, round: u16) -> Option<u16> {
    let header_bytes = if is_v4 { usize::from(packet.first()? & 0x0f) * 4 } else { 0 };
    let [kind, _, _, _, round_high, round_low, number @ ..] =
        packet.get(header_bytes..)?.first_chunk::<8>()?;
    let answer = if is_v4 { ECHO_V4.1 } else { ECHO_V6.1 };
    let is_ours = *kind == answer && u16::from_be_bytes([*round_high, *round_low]) == round;
    is_ours.then_some(u16::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches the mutant that takes its own question, which a raw socket on the loopback sees too, for an answer.
    #[test]
    fn only_an_answer_of_this_round_counts() {
        let header = [&[0x45][..], &[0; 19]].concat();
        let answer = |kind, round| [&header[..], &echo(kind, true, round, 3)].concat();
        assert_eq!(read_answer(&answer(0, 7), true, 7), Some(3));
        assert_eq!(read_answer(&answer(8, 7), true, 7), None, "a question");
        assert_eq!(read_answer(&answer(0, 6), true, 7), None, "of another round");
        assert_eq!(read_answer(&echo(129, false, 7, 3), false, 7), Some(3));
        for length in 0..header.len() + 8 {
            assert_eq!(read_answer(&answer(0, 7)[..length], true, 7), None);
        }
        assert_eq!(internet_checksum(&echo(8, true, 7, 3)), 0);
    }
}
