//! The acts of an identity on real kernels and against real programs: addresses, announcements, the image's packet
//! filter, the DNS role as Debian's unbound, probes of peers. Each test runs in namespaces of its own.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod dns_role;
#[path = "../../../../tests/peers.rs"]
mod peers;
mod segment;

use segment::{IDENTITY, NODE, Segment, inside, run};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use understudy_core::base::process::Process;
use understudy_core::protocol::bundle::AddressWithPrefix;
use understudy_core::protocol::heartbeat::Probe;
use understudy_node::agent::probe;
use understudy_node::identity::acts::{AddressError, address, announce, firewall};

/// Announcements of both families.
const FILTER: &str = "arp or (icmp6 and ip6[40] == 136)";
const IDENTITY_V6: &str = "2001:db8::21";

fn with_prefix(text: &str, prefix: u8) -> AddressWithPrefix {
    AddressWithPrefix { address: text.parse().unwrap(), prefix }
}

/// Catches the mutants that add the address twice, leave it, or take away one that is not ours.
#[test]
fn an_identity_address_comes_and_goes_and_no_other_does() {
    inside("an_identity_address_comes_and_goes_and_no_other_does", || {
        let segment = Segment::new();
        run("ip", &["address", "add", "10.77.0.200/24", "dev", "eth0"]);
        for wanted in [with_prefix(IDENTITY, 24), with_prefix(IDENTITY_V6, 64)] {
            for _ in 0..2 {
                address::take(wanted).unwrap();
            }
            assert!(address::interface_of(wanted.address).is_ok());
        }
        let shown = run("ip", &["address", "show", "dev", "eth0"]);
        assert_eq!(shown.matches(IDENTITY).count(), 1, "{shown}");
        assert!(shown.contains("10.77.0.21/32") && shown.contains("2001:db8::21/128"), "{shown}");
        assert!(!shown.contains("tentative"), "{shown}");
        assert!(segment.peer_reaches(IDENTITY) && segment.peer_reaches(IDENTITY_V6));

        for _ in 0..2 {
            address::drop_all().unwrap();
        }
        let shown = run("ip", &["address", "show", "dev", "eth0"]);
        assert!(!shown.contains(IDENTITY) && !shown.contains(IDENTITY_V6), "{shown}");
        assert!(shown.contains("10.77.0.200/24") && shown.contains("10.77.0.105/24"), "{shown}");
        assert!(!segment.peer_reaches(IDENTITY));
        assert!(matches!(
            address::take(with_prefix("10.78.0.21", 24)),
            Err(AddressError::NoInterface { .. })
        ));
        assert!(matches!(address::take(with_prefix("10.77.0.200", 24)), Err(AddressError::Taken(_))));
        let gone = address::interface_of(IDENTITY.parse().unwrap());
        assert!(matches!(gone, Err(AddressError::Gone(_))));
    });
}

/// Catches the mutants whose announcement no neighbour believes: a checksum, a flag, an address or a hop limit is wrong.
#[test]
fn a_neighbour_that_knew_another_holder_learns_of_the_new_one() {
    inside("a_neighbour_that_knew_another_holder_learns_of_the_new_one", || {
        let segment = Segment::new();
        let dump = segment.peer("tcpdump").args(["-n", "-l", "-Z", "root", "-c", "2", "-i", "p0", FILTER]);
        let pipes = |command: &mut std::process::Command| {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        };
        let mut dump = dump.with(pipes).spawn().unwrap();
        let mut ready = [0; 200];
        // "listening on p0": from here on it sees everything.
        let mut said = String::new();
        while !said.contains("listening") {
            let count = dump.child.stderr.as_mut().unwrap().read(&mut ready).unwrap();
            assert!(count > 0, "{said}");
            said += &String::from_utf8_lossy(&ready[..count]);
        }
        for (wanted, prefix) in [(IDENTITY, 24), (IDENTITY_V6, 64)] {
            let old =
                ["neighbour", "replace", wanted, "lladdr", "02:00:00:00:00:99", "dev", "p0", "nud", "stale"];
            segment.peer_run("ip", &old);
            let wanted = with_prefix(wanted, prefix);
            address::take(wanted).unwrap();
            let interface = address::interface_of(wanted.address).unwrap();
            announce::announce(interface, wanted.address).unwrap();
        }
        let mut seen = String::new();
        dump.child.stdout.take().unwrap().read_to_string(&mut seen).unwrap();
        assert!(
            seen.contains("Request who-has 10.77.0.21 tell 10.77.0.21")
                || seen.contains("Announcement 10.77.0.21"),
            "{seen}"
        );
        assert!(seen.contains("neighbor advertisement, tgt is 2001:db8::21"), "{seen}");
        for wanted in [IDENTITY, IDENTITY_V6] {
            let known = segment.peer_run("ip", &["neighbour", "show", wanted, "dev", "p0"]);
            assert!(known.contains("02:00:00:00:01:05"), "{known}");
        }
    });
}

/// Catches the mutants that open nothing, close nothing, or add to what was open before.
#[test]
fn the_images_filter_lets_in_what_the_role_needs_while_it_is_active() {
    inside("the_images_filter_lets_in_what_the_role_needs_while_it_is_active", || {
        let segment = Segment::new();
        let rules = segment::tree().join("images/mail/overlay/etc/nftables.conf");
        run("nft", &["-f", rules.to_str().unwrap()]);
        let node = |port: u16| SocketAddr::new(NODE.parse().unwrap(), port);
        let (_tcp, udp) = (TcpListener::bind(node(53)).unwrap(), UdpSocket::bind(node(53)).unwrap());
        let _other = TcpListener::bind(node(25)).unwrap();
        udp.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let reaches = |port| {
            segment.on_peer(|| TcpStream::connect_timeout(&node(port), Duration::from_millis(300)).is_ok())
        };
        let udp_reaches = || {
            segment.on_peer(|| UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"?", node(53)).unwrap());
            udp.recv_from(&mut [0; 8]).is_ok()
        };
        let ports = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<BTreeSet<_>>();
        assert!(!reaches(53) && !reaches(25) && !udp_reaches(), "closed without a role");
        firewall::let_in(&ports(&["udp/53", "tcp/53"])).unwrap();
        assert!(reaches(53) && udp_reaches() && !reaches(25));
        firewall::let_in(&ports(&["tcp/25"])).unwrap();
        assert!(reaches(25) && !reaches(53) && !udp_reaches(), "another role");
        firewall::let_in(&BTreeSet::new()).unwrap();
        assert!(!reaches(53) && !reaches(25) && !udp_reaches());
        assert!(segment.peer_reaches(NODE), "peers may always ask whether it lives");
    });
}

/// Catches the mutants that say what they did not see, or that wait for an absent peer as for all of them.
#[test]
fn a_peer_that_lives_is_told_from_one_that_does_not() {
    inside("a_peer_that_lives_is_told_from_one_that_does_not", || {
        let _segment = Segment::new();
        let addresses = ["10.77.0.1", "10.77.0.99", "2001:db8::1", "192.0.2.1"];
        let probes: Vec<Probe> = addresses
            .iter()
            .enumerate()
            .map(|(number, address)| Probe {
                node: format!("{number:016x}").parse().unwrap(),
                address: address.parse().unwrap(),
            })
            .collect();
        let began = Instant::now();
        let mut seen = probe::look(&probes, 7);
        assert!(began.elapsed() < Duration::from_secs(5));
        seen.sort_by_key(|seen| seen.node.clone());
        let reachable: Vec<bool> = seen.iter().map(|seen| seen.is_reachable).collect();
        assert_eq!(reachable, [true, false, true, false], "{seen:?}");
    });
}

/// A line into a file, for servers that want one.
fn write(path: &Path, text: &str) {
    let mut file = understudy_core::base::fs::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn quiet(process: Process) -> Process {
    process.with(|command| {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    })
}
