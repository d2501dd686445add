//! What TFTP refuses, and that it goes on serving others.

use crate::probes::Probe;
use crate::servers::{Tftp, pattern, soon};
use std::net::UdpSocket;
use std::sync::atomic::Ordering::Relaxed;
use understudy_netboot::tftp::packet::{ErrorPacket, Packet};
use understudy_netboot::tftp::{TRANSFERS_MAX, TRANSFERS_PER_CLIENT_MAX};

/// The code of the error that a datagram gets.
fn error_of(server: &Tftp, datagram: &[u8]) -> u16 {
    let probe = Probe::new(server.address);
    probe.socket.send_to(datagram, server.address).unwrap();
    let (answer, _) = probe.hear();
    match Packet::parse(&answer).unwrap() {
        Packet::Error(ErrorPacket { code, message }) => {
            assert!(!message.is_empty());
            code
        }
        other => panic!("{other:?}"),
    }
}

fn read_request(name: &[u8]) -> Vec<u8> {
    [b"\0\x01", name, b"\0octet\0"].concat()
}

#[test]
fn n20_paths_nuls_and_huge_names_get_an_error() {
    let server = Tftp::start(&[("snponly.efi", &[7; 10])]);
    for (name, code) in [
        (&b"../../../../etc/passwd"[..], 2),
        (b"/etc/passwd", 2),
        (b"/snponly.efi", 2),
        (b"./snponly.efi", 2),
        (b"..\\..\\windows", 2),
        (b"", 1),
        (b"SNPONLY.EFI", 1),
        (b"snponly.efi ", 1),
        (b"%2e%2e%2fetc%2fpasswd", 1),
        (&[b'a'; 400], 1),
        // A NUL ends the name, so what follows is the mode, and half an option.
        (b"snponly.efi\0/etc/passwd", 4),
        (&[b'a'; 600], 4),
        (&[0xff; 8], 4),
    ] {
        assert_eq!(error_of(&server, &read_request(name)), code, "{}", name.escape_ascii());
    }
}

#[test]
fn writes_and_other_modes_get_an_error() {
    let server = Tftp::start(&[("a", &[7; 10])]);
    assert_eq!(error_of(&server, b"\0\x02a\0octet\0"), 2);
    assert_eq!(error_of(&server, b"\0\x01a\0netascii\0"), 0);
    assert_eq!(error_of(&server, b"\0\x01a\0mail\0"), 0);
    let probe = Probe::new(server.address);
    probe.socket.send_to(b"\0\x01a\0OcTeT\0", server.address).unwrap();
    assert_eq!(probe.hear().0[..4], [0, 3, 0, 1]);
}

#[test]
fn n20_a_thousand_half_open_transfers_do_not_stop_a_good_one() {
    let content = pattern(300_000);
    let server = Tftp::start(&[("a", &content), ("b", &content)]);
    // From one address, and from a thousand: each has its limit.
    let mut half_open = Vec::new();
    for number in 0..1000u32 {
        let [_, _, high, low] = number.to_be_bytes();
        let address = if number % 2 == 0 { [127, 0, 0, 1] } else { [127, 1, high, low] };
        let socket = UdpSocket::bind((std::net::Ipv4Addr::from(address), 0)).unwrap();
        socket.send_to(&read_request(b"b"), server.address).unwrap();
        half_open.push(socket);
        let seen = || server.metrics.transfers_started.load(Relaxed);
        soon("a transfer", || seen() == u64::from(number) + 1);
    }
    let open = server.metrics.transfers_open.load(Relaxed) as usize;
    assert!(open <= TRANSFERS_MAX, "{open}");
    assert!(open <= 500 + TRANSFERS_PER_CLIENT_MAX + 1, "{open}");

    let probe = Probe::new(server.address);
    assert!(probe.fetch("a") == content);
    soon("the end", || server.metrics.transfers_complete.load(Relaxed) == 1);
}

#[test]
fn noise_is_not_answered() {
    let server = Tftp::start(&[("a", &[7; 10])]);
    let probe = Probe::new(server.address);
    for noise in [&b""[..], b"\0", b"\0\x05\0\x08\0", b"\0\x04\0\x01", b"\0\x03\0\x01data", b"\xff\xff\xff"] {
        probe.socket.send_to(noise, server.address).unwrap();
    }
    soon("six datagrams", || server.metrics.datagrams_ignored.load(Relaxed) == 6);
    // The first word that comes back is to the request that follows.
    probe.ask("a", &[]);
    assert_eq!(probe.hear().0[..4], [0, 3, 0, 1]);
}
