//! Identities on machines with real firmware: from a declared cluster to a spare that answers in a dead server's place.

use crate::dns_rack::{DnsRack, TWO_SERVERS};

/// Two DNS servers and three spares. One server loses its power, comes back and is a spare; the other one freezes, and
/// thaws when its identity is elsewhere. Catches the mutants that move an identity before its holder is fenced, and that
/// let a node which comes back go on with what it held.
#[test]
fn a_spare_answers_for_a_server_without_power_and_for_a_frozen_one() {
    let rack = DnsRack::up("takeover", TWO_SERVERS);
    let first = rack.wait_for_holder("dns-1", 0);
    let second = rack.wait_for_holder("dns-2", 0);
    assert_ne!(first.serial, second.serial);

    rack.lab(&["cut", &first.serial]).expect_success();
    let heir = rack.wait_for_holder("dns-1", first.epoch);
    assert!(heir.serial != first.serial && heir.serial != second.serial, "{heir:?} was a spare");
    rack.assert_fenced_before_it_moved("dns-1");
    assert_eq!(rack.identity("dns-2")["epoch"], second.epoch, "nobody touched the other one");
    rack.lab(&["power", &first.serial, "on"]).expect_success();
    rack.wait_for_state(&first.serial, "spare");
    let addresses = rack.ssh(&first.serial, &["ip", "-brief", "address"]).expect_success().stdout;
    assert!(!addresses.contains("10.77.0.21"), "what it held is over: {addresses}");

    rack.lab(&["freeze", &second.serial]).expect_success();
    let heir = rack.wait_for_holder("dns-2", second.epoch);
    assert_ne!(heir.serial, second.serial);
    rack.assert_fenced_before_it_moved("dns-2");
    let status = rack.status();
    let machines = status["nodes"].as_array().unwrap();
    let frozen = machines.iter().find(|machine| machine["node"] == second.serial.as_str()).unwrap();
    assert_eq!(frozen["power"], "off", "there is nothing left to thaw: {frozen}");
}
