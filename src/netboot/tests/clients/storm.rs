//! Many machines at once, by Kea's perfdhcp.

use crate::rack::{Host, Server, config, inside, own};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use understudy_netboot::dhcp::{
    Client, DhcpMetrics, EventKind, Lease, LeaseStore, LeaseStoreError, MemoryLeases, Mode,
};

/// A slow disk, which counts what it was asked for, and who was answered too early.
#[derive(Default)]
struct SlowLeases {
    saves: AtomicU64,
    saved: AtomicU64,
    early: AtomicU64,
    answered: OnceLock<Arc<DhcpMetrics>>,
}

impl LeaseStore for SlowLeases {
    fn load(&self) -> Result<Vec<Lease>, LeaseStoreError> {
        Ok(Vec::new())
    }

    fn save(&self, leases: &[Lease]) -> Result<(), LeaseStoreError> {
        std::thread::sleep(Duration::from_millis(30));
        let answered =
            self.answered.get().map_or(0, |metrics| metrics.acknowledgements.load(Ordering::Relaxed));
        let early = answered.saturating_sub(self.saved.load(Ordering::Relaxed));
        self.early.fetch_max(early, Ordering::Relaxed);
        self.saves.fetch_add(1, Ordering::Relaxed);
        self.saved.fetch_add(leases.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Catches the mutant that saves each lease by itself, and the one that answers while it saves.
#[test]
fn many_answers_share_a_save_and_none_leaves_before_it() {
    inside("storm::many_answers_share_a_save_and_none_leaves_before_it", || {
        let store = Arc::new(SlowLeases::default());
        let server = Server::start_with(config(Mode::Own(own("10.77.1.0-10.77.9.255"))), store.clone());
        store.answered.set(server.metrics.clone()).unwrap();
        let host = Host::new("load", "52:54:00:00:00:cc");
        host.address("10.77.0.2/16");
        let arguments = ["-4", "--scenario", "avalanche", "-R", "300", "-l", "eth0", "10.77.0.1"];
        let output = host.process("perfdhcp").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let (saves, saved) = (store.saves.load(Ordering::Relaxed), store.saved.load(Ordering::Relaxed));
        assert!(saved >= 300 && saves * 4 <= saved, "{saves} saves for {saved} leases");
        assert_eq!(store.early.load(Ordering::Relaxed), 0);
    });
}

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
