//! Many machines at once, by Kea's perfdhcp.

use crate::rack::{Host, Server, config, inside, own};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use understudy_netboot::dhcp::{Client, EventKind, LeaseStore, MemoryLeases, Mode};

#[test]
fn n14_a_boot_storm_is_answered_and_nobody_shares_an_address() {
    inside("storm::n14_a_boot_storm_is_answered_and_nobody_shares_an_address", || {
        let mut server = Server::start(config(Mode::Own(own("10.77.1.0-10.77.9.255"))));
        let host = Host::new("load", "52:54:00:00:00:cc");
        host.address("10.77.0.2/16");
        let arguments = ["-4", "--scenario", "avalanche", "-R", "1000", "-l", "eth0", "10.77.0.1"];
        let output = host.process("perfdhcp").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        let acknowledged: Vec<Ipv4Addr> = server
            .events()
            .into_iter()
            .filter_map(|kind| match kind {
                EventKind::Acknowledged { address, .. } => Some(address),
                _ => None,
            })
            .collect();
        let distinct: std::collections::BTreeSet<_> = acknowledged.iter().collect();
        assert_eq!(distinct.len(), 1000, "{said}");
        assert_eq!(server.metrics.refusals.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_steady_stream_of_clients_is_answered_without_loss() {
    inside("storm::a_steady_stream_of_clients_is_answered_without_loss", || {
        let store = std::sync::Arc::new(MemoryLeases::default());
        let server = Server::start_with(config(Mode::Own(own("10.77.1.0-10.77.9.255"))), store.clone());
        let host = Host::new("load", "52:54:00:00:00:cc");
        host.address("10.77.0.2/16");
        let arguments =
            ["-4", "-r", "100", "-p", "3", "-R", "100", "-W", "2000000", "-l", "eth0", "10.77.0.1"];
        let output = host.process("perfdhcp").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.matches("drops: 0").count() == 2, "{said}");
        assert_eq!(server.metrics.refusals.load(Ordering::Relaxed), 0);
        let leases: BTreeMap<Client, Ipv4Addr> =
            store.load().unwrap().into_iter().map(|lease| (lease.client, lease.address)).collect();
        assert_eq!(leases.len(), 100, "each client keeps its one address");
    });
}
