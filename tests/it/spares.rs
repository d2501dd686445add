//! From a declared cluster to spares that answer in dead servers' places, also when another failure comes on the way. Scenes of
//! one rack.

use crate::dns_rack::{DnsRack, Held, TWO_SERVERS};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// Two holders die within a second; one comes back and is a spare. Then a holder dies and, in the middle of taking over, its
/// spare; then a holder freezes. Catches the mutants that move an identity before its holder is fenced, and that let a node
/// which comes back go on with what it held.
#[test]
fn spares_answer_for_servers_that_die_together_on_the_way_and_frozen() {
    let rack = DnsRack::up("spares", &format!("[rack]\nallowance = 20\n{TWO_SERVERS}"));
    let (first, second) = (rack.wait_for_holder("dns-1", 0), rack.wait_for_holder("dns-2", 0));
    let (heir, other) =
        two_holders_that_die_together_are_replaced_one_after_the_other(&rack, &first, &second);

    rack.lab(&["power", &first.serial, "on"]).expect_success();
    rack.wait_for_state(&first.serial, "spare");
    rack.assert_has_not(&first.serial, "10.77.0.21");
    let gone = [&second, &heir, &other].map(|held| held.serial.as_str());
    let spares: Vec<String> =
        rack.serials().into_iter().filter(|serial| !gone.contains(&serial.as_str())).collect();
    a_spare_that_dies_while_it_takes_over_is_followed_by_another(&rack, &heir, &spares);
    assert_eq!(rack.identity("dns-2")["epoch"], other.epoch, "nobody touched the other one");
    rack.lab(&["power", &second.serial, "on"]).expect_success();
    rack.wait_for_state(&second.serial, "spare");
    a_frozen_holder_is_off_before_a_spare_answers_for_it(&rack, &other);
}

/// Two nodes are no storm, and one takeover is in flight at a time. Catches the mutant without a limit of takeovers in
/// flight.
fn two_holders_that_die_together_are_replaced_one_after_the_other(
    rack: &DnsRack,
    first: &Held,
    second: &Held,
) -> (Held, Held) {
    rack.lab(&["cut", &first.serial]).expect_success();
    std::thread::sleep(Duration::from_millis(500));
    rack.lab(&["cut", &second.serial]).expect_success();
    let heirs = (rack.wait_for_holder("dns-1", first.epoch), rack.wait_for_holder("dns-2", second.epoch));
    assert_ne!(heirs.0.serial, heirs.1.serial);
    for (name, before, heir) in [("dns-1", first, &heirs.0), ("dns-2", second, &heirs.1)] {
        assert!(heir.serial != first.serial && heir.serial != second.serial, "{heir:?} was a spare");
        assert_eq!(heir.epoch, before.epoch + 1);
        assert_eq!(rack.power(&before.serial), "off");
        rack.assert_fenced_before_it_moved(name);
    }
    let mut spans: Vec<(Timestamp, Timestamp)> = takeovers(rack).iter().map(span).collect();
    spans.sort();
    assert!(spans.len() == 2 && spans[0].1 <= spans[1].0, "one at a time: {spans:?}");
    assert!(rack.events("waiting").concat().contains("is in flight in rack"));
    heirs
}

/// The spare that is chosen first never comes to serve, as it loses its power on the way. It is fenced like any
/// holder before the next one gets the identity. Catches the mutants that use an epoch again, and that give to another
/// spare what a silent one was given without a fence.
fn a_spare_that_dies_while_it_takes_over_is_followed_by_another(
    rack: &DnsRack,
    holder: &Held,
    spares: &[String],
) {
    let id = |serial: &String| rack.node(serial).unwrap()["id"].as_str().unwrap().to_owned();
    let mut spares = spares.to_vec();
    // As the planner chooses.
    spares.sort_by_key(id);
    let [chosen, next] = spares.as_slice() else { panic!("{spares:?} are not two") };
    rack.wait_for_state(chosen, "spare");
    // Long enough to die in.
    rack.break_service(chosen, "/bin/sleep 60");
    rack.site(&["acknowledge", "dns-1"]).expect_success();
    rack.lab(&["cut", &holder.serial]).expect_success();
    rack.wait_for_identity("dns-1", "given to the spare", |identity| {
        identity["state"] == "granting" && identity["serial"] == chosen.as_str()
    });
    rack.lab(&["cut", chosen]).expect_success();

    let heir = rack.wait_for_holder("dns-1", holder.epoch + 1);
    assert_eq!((&heir.serial, heir.epoch), (next, holder.epoch + 2));
    for dead in [&holder.serial, chosen] {
        assert_eq!(rack.power(dead), "off");
    }
    let of_identity = takeovers(rack).into_iter().filter(|takeover| takeover["identity"] == "dns-1");
    let outcomes: Vec<Value> = of_identity.map(|takeover| takeover["outcome"].clone()).collect();
    assert_eq!(outcomes[..2], ["serving", "spare-lost"], "the newest first: {outcomes:?}");
    let kinds = rack.kinds_of("dns-1");
    let steps: Vec<&str> = kinds.iter().map(String::as_str).filter(|kind| *kind != "waiting").collect();
    let twice = ["takeover-begun", "fenced", "assigned", "takeover-begun", "fenced", "assigned", "serving"];
    assert!(steps.ends_with(&twice), "{steps:?}");
}

/// It would go on as if nothing had been when it thaws.
fn a_frozen_holder_is_off_before_a_spare_answers_for_it(rack: &DnsRack, holder: &Held) {
    rack.site(&["acknowledge", "dns-2"]).expect_success();
    rack.lab(&["freeze", &holder.serial]).expect_success();
    let heir = rack.wait_for_holder("dns-2", holder.epoch);
    assert_ne!(heir.serial, holder.serial);
    rack.assert_fenced_before_it_moved("dns-2");
    assert_eq!(rack.power(&holder.serial), "off", "there is nothing left to thaw");
}

/// All takeovers, the newest first.
fn takeovers(rack: &DnsRack) -> Vec<Value> {
    serde_json::from_str(&rack.site(&["takeovers", "--json"]).expect_success().stdout).unwrap()
}

/// From when to when a takeover was in flight.
fn span(takeover: &Value) -> (Timestamp, Timestamp) {
    let begun: Timestamp = takeover["begun"].as_str().unwrap().parse().unwrap();
    let steps = ["fenced_s", "assigned_s", "serving_s"].map(|step| takeover[step].as_f64().unwrap());
    (begun, begun + Duration::from_secs_f64(steps.iter().sum()))
}
