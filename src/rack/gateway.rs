//! "Am I the one who is cut off": whether the gateway of the rack's network answers an ICMP echo (RFC 792).
//!
//! Nothing else is sent anywhere. An agent that may not open such a socket counts as cut off, and says why.

use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// RFC 792: echo request and reply.
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
const HEADER_BYTES: usize = 8;
/// What tells our echoes from those of others: the process cannot choose the identifier of a datagram socket.
const MARK: [u8; 8] = *b"understd";

/// What proves that the agent's own network works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// Nothing beyond the nodes themselves: the agent is the gateway, or the network has none.
    None,
    /// This address answers echoes.
    Icmp(Ipv4Addr),
}

impl Gateway {
    /// Whether it answers in time. Blocks.
    pub fn answers(self, longest: Duration) -> io::Result<bool> {
        match self {
            Self::None => Ok(true),
            Self::Icmp(address) => echo(address, longest),
        }
    }
}

/// One echo. A datagram socket needs no privilege where ping(8) does not; a raw one is for the rest.
fn echo(address: Ipv4Addr, longest: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + longest;
    let (socket, is_raw) = open()?;
    let to = SocketAddr::from((address, 0));
    match socket.connect(&to.into()).and_then(|()| socket.send(&request())) {
        Ok(_) => {}
        // No route, or the network says so: that is an answer.
        Err(error) if is_away(&error) => return Ok(false),
        Err(error) => return Err(error),
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 256];
        match (&socket).read(&mut buffer) {
            Ok(count) if is_reply(&buffer[..count], is_raw) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_late(&error) || is_away(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn open() -> io::Result<(Socket, bool)> {
    match Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4)) {
        Ok(socket) => Ok((socket, false)),
        Err(_) => Ok((Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?, true)),
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn is_away(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::ConnectionRefused
    )
}

fn request() -> Vec<u8> {
    let mut bytes = vec![ECHO_REQUEST, 0, 0, 0, 0x55, 0x44, 0, 1];
    bytes.extend(MARK);
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum & 0xffff).expect("sixteen bits were kept")
}

fn is_reply(bytes: &[u8], is_raw: bool) -> bool {
    // A raw socket shows the IP header, whose length is in its first byte (RFC 791, section 3.1).
    let skip = if is_raw { bytes.first().map_or(0, |byte| usize::from(byte & 0x0f) * 4) } else { 0 };
    let Some(message) = bytes.get(skip..) else { return false };
    message.first() == Some(&ECHO_REPLY) && message.get(HEADER_BYTES..).is_some_and(|data| data == MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_is_there_answers() {
        match Gateway::Icmp(Ipv4Addr::LOCALHOST).answers(Duration::from_secs(2)) {
            Ok(answers) => assert!(answers),
            // An ordinary user may have neither kind of socket; that is told, never taken for an answer.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
        assert!(Gateway::None.answers(Duration::ZERO).unwrap());
    }

    /// Mutant: an echo that cannot be sent counts as answered.
    #[test]
    fn without_a_network_nobody_answers() {
        let alone = std::thread::spawn(|| {
            // In a network namespace of its own the thread has no interface that is up.
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)?;
            let answered = Gateway::Icmp(Ipv4Addr::LOCALHOST).answers(Duration::from_millis(200));
            Ok::<_, nix::errno::Errno>(answered)
        });
        match alone.join().unwrap() {
            Ok(answered) => assert!(!answered.unwrap()),
            Err(errno) => assert_eq!(errno, nix::errno::Errno::EPERM),
        }
    }

    #[test]
    fn only_a_reply_with_our_mark_counts() {
        let mut reply = request();
        assert!(!is_reply(&reply, false));
        reply[0] = ECHO_REPLY;
        assert!(is_reply(&reply, false));
        let header = [[0x45].as_slice(), &[0; 19]].concat();
        assert!(is_reply(&[header, reply.clone()].concat(), true));
        reply.pop();
        assert!(!is_reply(&reply, false) && !is_reply(&[], true));
    }
}
