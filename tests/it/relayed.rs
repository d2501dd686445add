//! A network that only a relay reaches, from `site.toml` to a machine behind ISC's relay.

use crate::command::{run, text, tool};
use crate::inside::{inside, is_inside};
use crate::network::{Given, cable, ip, on, udhcpc};
use crate::peers::unpacked;
use crate::site::Site;
use std::process::Stdio;
use std::time::{Duration, Instant};
use understudy_core::base::fs;

const NETWORKS: &str = "[[networks]]\ninterface = \"rack0\"\naddress = \"10.77.0.1/24\"\ndhcp = \"own\"\n\
                        pool = \"10.77.0.100-10.77.0.109\"\n\
                        [[relayed]]\ninterface = \"rack0\"\nnetwork = \"10.88.0.0/24\"\n\
                        pool = \"10.88.0.100-10.88.0.109\"\ngateway = \"10.88.0.1\"\nlease_s = 600\n";

#[test]
fn a_machine_behind_a_relay_gets_an_address_and_reaches_the_site() {
    if !is_inside() {
        unpacked("isc-dhcp-relay");
    }
    inside("relayed::a_machine_behind_a_relay_gets_an_address_and_reaches_the_site", || {
        let place = tempfile::tempdir().unwrap();
        cable("relay", "52:54:00:00:00:bb", "rack0", None);
        ip("address add 10.77.0.1/24 dev rack0");
        ip("netns exec relay ip address add 10.77.0.2/24 dev eth0");
        cable("client", "52:54:00:00:00:11", "far0", Some("relay"));
        ip("netns exec relay ip address add 10.88.0.1/24 dev far0");
        run(on("relay", "sh").args(["-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])).expect_success();
        ip("route add 10.88.0.0/24 via 10.77.0.2");
        let site = Site::with_networks("10.77.0.1", NETWORKS);
        let _running = site.serve();

        let program = unpacked("isc-dhcp-relay").join("usr/sbin/dhcrelay");
        let silent = |command: &mut std::process::Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        };
        let options = ["-4", "-d", "-a", "-m", "discard", "-id", "far0", "-iu", "eth0", "10.77.0.1"];
        let _relay = on("relay", program).args(options).with(silent).spawn().unwrap();
        let begun = Instant::now();
        while !run(on("relay", "ss").args(["-lun"])).stdout.contains(":67") {
            assert!(begun.elapsed() < Duration::from_secs(20), "dhcrelay does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }

        let given = udhcpc("client", place.path()).expect("an answer through the relay");
        assert_eq!(given, Given::new("10.88.0.100", 600, "10.77.0.1"));
        // What it boots from is at the address that answered, by way of its gateway.
        ip("netns exec client ip address add 10.88.0.100/24 dev eth0");
        ip("netns exec client ip route add default via 10.88.0.1");
        let definition = fs::read_text(&site.path("site.toml")).unwrap();
        let port = definition.lines().find_map(|line| line.strip_prefix("port = ")).unwrap();
        let url = format!("http://10.77.0.1:{port}/boot/525400000011/ipxe");
        let script = run(on("client", "curl").args(["-sS", "--fail", &url])).expect_success().stdout;
        assert!(script.contains("/images/mail-0.1.0/vmlinuz"), "{script}");
        assert!(tool("ip", ["route"]).contains("10.88.0.0/24 via 10.77.0.2"));
    });
}

#[test]
fn mistakes_about_relayed_networks_are_told_with_line_and_key() {
    for (from, to, line, expected) in [
        ("10.88.0.0/24", "10.88.0.7/24", 3, "`network` 10.88.0.7 is not the first address"),
        (
            "interface = \"lo\"\nnetwork",
            "interface = \"eth7\"\nnetwork",
            2,
            "`interface` eth7 is no interface",
        ),
        ("gateway = \"10.88.0.1\"", "gateway = \"10.99.0.1\"", 5, "`gateway` 10.99.0.1"),
        ("gateway = \"10.88.0.1\"", "", 1, "`gateway`"),
    ] {
        let relayed = NETWORKS.split_once("[[relayed]]").unwrap().1.replace("rack0", "lo");
        let networks = "[[networks]]\ninterface = \"lo\"\naddress = \"10.77.0.1/24\"\ndhcp = \"proxy\"\n";
        assert!(relayed.contains(from), "{relayed}");
        let site = Site::with_networks(
            "10.77.0.1",
            &format!("{networks}[[relayed]]{}", relayed.replacen(from, to, 1)),
        );
        let text_of = fs::read_text(&site.path("site.toml")).unwrap();
        let first = text_of.lines().position(|line| line == "[[relayed]]").unwrap() + 1;
        let refused = site.verb("nodes", &[]);
        refused.expect_failure(
            2,
            &[&format!("{}:{}: ", text(&site.path("site.toml")), first + line - 1), expected],
        );
    }
}
