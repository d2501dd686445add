//! Identities on machines with real firmware: from a declared cluster to a spare that answers in a dead server's place.

use crate::command::text;
use crate::fixture::{fixture, tree};
use crate::rack::{LIMIT, Rack};
use serde_json::Value;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(500);

/// Two DNS servers and two spares. One server loses its power, comes back and is a spare; the other one freezes, and
/// thaws when its identity is elsewhere. Catches the mutants that move an identity before its holder is fenced, and that
/// let a node which comes back go on with what it held.
#[test]
fn a_spare_answers_for_a_server_without_power_and_for_a_frozen_one() {
    let fixture = fixture();
    let settings = tree().join("tests/demo/site.toml");
    let more = ["--nodes", "4", "--firmware", "bios", "--site-settings", text(&settings)];
    let rack = Rack::up("takeover", &fixture.image, &fixture.public_key, &more);
    let (first, one) = wait_for_holder(&rack, "dns-1", 0);
    let (second, two) = wait_for_holder(&rack, "dns-2", 0);
    assert_ne!(first, second);

    rack.lab(&["cut", &first]).expect_success();
    let (heir, _) = wait_for_holder(&rack, "dns-1", one);
    assert!(heir != first && heir != second, "{heir} was a spare");
    assert_fenced_before_it_moved(&rack, "dns-1");
    assert_eq!(identity(&rack, "dns-2")["epoch"], two, "nobody touched the other one");
    rack.lab(&["power", &first, "on"]).expect_success();
    rack.wait_for_state(&first, "spare");
    let addresses = rack.ssh(&first, &["ip", "-brief", "address"]).expect_success().stdout;
    assert!(!addresses.contains("10.77.0.21"), "what it held is over: {addresses}");

    rack.lab(&["freeze", &second]).expect_success();
    let (heir, _) = wait_for_holder(&rack, "dns-2", two);
    assert_ne!(heir, second);
    assert_fenced_before_it_moved(&rack, "dns-2");
    let status = rack.status();
    let machines = status["nodes"].as_array().unwrap();
    let frozen = machines.iter().find(|machine| machine["node"] == second.as_str()).unwrap();
    assert_eq!(frozen["power"], "off", "there is nothing left to thaw: {frozen}");
}

fn identity(rack: &Rack, name: &str) -> Value {
    let ended = rack.site(&["identities", "--json"]).expect_success();
    let identities: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    identities.into_iter().find(|identity| identity["name"] == name).unwrap()
}

/// Waits until the identity is held at an epoch behind this one and answers under its address; the serial of its
/// holder, and its epoch.
#[track_caller]
fn wait_for_holder(rack: &Rack, name: &str, behind: u64) -> (String, u64) {
    let began = Instant::now();
    loop {
        let identity = identity(rack, name);
        let epoch = identity["epoch"].as_u64().filter(|epoch| *epoch > behind);
        if let Some(epoch) = epoch.filter(|_| identity["state"] == "held") {
            let server = format!("@{}", identity["address"].as_str().unwrap());
            let asked = ["dig", "+short", "+tries=3", "+timeout=2", &server, "hello.demo", "TXT"];
            let answer = rack.inside(&asked).expect_success().stdout;
            assert!(answer.contains("there is a spare"), "{answer}");
            return (identity["serial"].as_str().unwrap().to_owned(), epoch);
        }
        assert!(began.elapsed() < LIMIT, "{identity:#}\n{}", rack.site(&["events"]).stdout);
        std::thread::sleep(LOOK);
    }
}

#[track_caller]
fn assert_fenced_before_it_moved(rack: &Rack, name: &str) {
    let ended = rack.site(&["events", "--json"]).expect_success();
    let events = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let kinds: Vec<String> = events
        .filter(|event| event["identity"] == name)
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    let place = |kind: &str| kinds.iter().rposition(|each| each == kind);
    assert!(place("fenced").is_some() && place("fenced") < place("assigned"), "{kinds:?}");
    let proofs = rack.events("fenced").concat();
    assert!(proofs.contains("reads back off"), "{proofs}");
}
