//! TFTP as firmware speaks it, packet by packet.

use crate::servers::{Tftp, pattern, soon};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use understudy_netboot::tftp::packet::{Packet, Request, TransferOption};

/// Half of a transfer: a socket, and the port that the server took for it.
pub struct Probe {
    pub socket: UdpSocket,
    server: SocketAddr,
}

impl Probe {
    pub fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { socket, server }
    }

    pub fn ask(&self, file: &str, options: &[(&str, &str)]) {
        let option =
            |(name, value): &(&str, &str)| TransferOption { name: (*name).into(), value: (*value).into() };
        let options = options.iter().map(option).collect();
        let request = Request { file: file.into(), mode: "octet".into(), options };
        self.socket.send_to(&Packet::Read(request).to_bytes(), self.server).unwrap();
    }

    /// The next packet as bytes, and where it came from.
    pub fn hear(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 65_536];
        let (bytes, from) = self.socket.recv_from(&mut buffer).unwrap();
        (buffer[..bytes].to_vec(), from)
    }

    pub fn say(&self, packet: &Packet<'_>, to: SocketAddr) {
        self.socket.send_to(&packet.to_bytes(), to).unwrap();
    }

    /// Takes a whole file in lock-step.
    pub fn fetch(&self, file: &str) -> Vec<u8> {
        self.ask(file, &[("blksize", "1024")]);
        let (options, from) = self.hear();
        assert!(options.starts_with(&[0, 6]), "{options:?}");
        self.say(&Packet::Acknowledgement(0), from);
        let mut content = Vec::new();
        loop {
            let (packet, _) = self.hear();
            let Packet::Data { block, body } = Packet::parse(&packet).unwrap() else { panic!("{packet:?}") };
            content.extend_from_slice(body);
            self.say(&Packet::Acknowledgement(block), from);
            if body.len() < 1024 {
                return content;
            }
        }
    }
}

/// What OVMF does before each download. Catches the mutant that takes an error for a lost packet: it sends the
/// options again, to nobody.
#[test]
fn n17_a_probe_of_uefi_firmware_is_no_failure_and_costs_no_retransmits() {
    let content = pattern(100_000);
    let server = Tftp::start(&[("snponly.efi", &content)]);
    let probe = Probe::new(server.address);
    probe.ask("snponly.efi", &[("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")]);
    let (options, from) = probe.hear();
    assert_eq!(options, b"\0\x06tsize\x00100000\0blksize\x001468\0windowsize\x004\0");
    let refusal = Packet::parse(b"\0\x05\0\x08User aborted the transfer\0").unwrap();
    probe.say(&refusal, from);
    soon("the end of the probe", || server.metrics.transfers_ended_by_client.load(Relaxed) == 1);

    probe.ask("snponly.efi", &[("blksize", "1468"), ("windowsize", "4")]);
    let (options, from) = probe.hear();
    assert_eq!(options, b"\0\x06blksize\x001468\0windowsize\x004\0", "not the size again");
    probe.say(&Packet::Acknowledgement(0), from);
    let mut content_seen = Vec::new();
    for number in 1..=69u16 {
        let (packet, _) = probe.hear();
        let Packet::Data { block, body } = Packet::parse(&packet).unwrap() else { panic!("{packet:?}") };
        assert_eq!(block, number);
        content_seen.extend_from_slice(body);
        if number % 4 == 0 || number == 69 {
            probe.say(&Packet::Acknowledgement(number), from);
        }
    }
    assert!(content_seen == content);
    soon("the end", || server.metrics.transfers_complete.load(Relaxed) == 1);
    assert_eq!(server.metrics.packets_resent.load(Relaxed), 0);
    assert_eq!(server.metrics.transfers_given_up.load(Relaxed), 0);
    assert_eq!(server.metrics.transfers_open.load(Relaxed), 0);
}

#[test]
fn n18_an_answer_has_what_was_asked_and_not_one_byte_more() {
    let server = Tftp::start(&[("a", &[7; 100])]);
    for (asked, answer) in [
        (&[("blksize", "9000")][..], &b"\0\x06blksize\x009000\0"[..]),
        (&[("BlkSize", "1024"), ("x", "y")], b"\0\x06BlkSize\x001024\0"),
        (&[("timeout", "3"), ("tsize", "0")], b"\0\x06timeout\x003\0tsize\x00100\0"),
        // Nothing that we know: data at once, as to a client of 1992.
        (&[("multicast", "")], &[&b"\0\x03\0\x01"[..], &[7; 100]].concat()),
        (&[], &[&b"\0\x03\0\x01"[..], &[7; 100]].concat()),
    ] {
        let probe = Probe::new(server.address);
        probe.ask("a", asked);
        assert_eq!(probe.hear().0, answer, "{asked:?}");
    }
}

/// A request that came twice has one transfer, an acknowledgement that came twice one packet.
#[test]
fn n19_doubled_packets_double_nothing() {
    let server = Tftp::start(&[("a", &[7; 2000])]);
    let probe = Probe::new(server.address);
    probe.ask("a", &[]);
    probe.ask("a", &[]);
    let (first, from) = probe.hear();
    assert_eq!(first.len(), 516);
    for block in [0, 1, 1, 0, 1] {
        probe.say(&Packet::Acknowledgement(block), from);
    }
    let (second, _) = probe.hear();
    assert_eq!(second[..4], [0, 3, 0, 2]);
    probe.say(&Packet::Acknowledgement(2), from);
    assert_eq!(probe.hear().0[..4], [0, 3, 0, 3], "and not block 2 once more");
    probe.say(&Packet::Acknowledgement(3), from);
    let (last, _) = probe.hear();
    assert_eq!((&last[..4], last.len()), (&[0, 3, 0, 4][..], 4 + 2000 - 3 * 512));
    probe.say(&Packet::Acknowledgement(4), from);
    soon("the end", || server.metrics.transfers_complete.load(Relaxed) == 1);
    assert_eq!(server.metrics.transfers_started.load(Relaxed), 1);
    assert_eq!(server.metrics.packets_resent.load(Relaxed), 0);
}

/// Number 15 of the list, for TFTP: the answer leaves from the address that was asked, on a port of its own.
#[test]
fn n15_the_answer_leaves_from_the_address_that_was_asked() {
    let server = Tftp::start_at("0.0.0.0:0", &[("a", &[7; 10])]);
    for address in ["127.0.0.1", "127.0.0.2", "127.9.9.9"] {
        let asked = SocketAddr::new(address.parse().unwrap(), server.address.port());
        let probe = Probe::new(asked);
        for file in ["a", "missing"] {
            probe.ask(file, &[]);
            let (_, from) = probe.hear();
            assert_eq!(from.ip(), asked.ip(), "{file}");
            assert_ne!(from.port(), asked.port(), "{file}");
        }
    }
}
