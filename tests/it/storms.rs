//! Many nodes, or all of them, fall silent at one time: something else than nodes has died, and nothing is fenced for it.

use crate::dns_rack::{DnsRack, Held, TWO_SERVERS};
use std::time::Duration;

/// Longer than it takes to suspect, fence and replace a node whose BMC is well.
const LONG: Duration = Duration::from_secs(8);

/// Two holders and three spares, whose BMCs are well all the time: whatever is fenced here is fenced for good.
#[test]
fn nodes_that_fall_silent_together_are_not_fenced_for_it() {
    let rack = DnsRack::up("storms", &format!("[rack]\nallowance = 20\n{TWO_SERVERS}"));
    let first = rack.wait_for_holder("dns-1", 0);
    let second = rack.wait_for_holder("dns-2", 0);
    let spares = rack.spares_beside(&[&first, &second]);
    assert_eq!(spares.len(), 3);

    three_of_five_are_a_storm(&rack, &first, &spares);
    let first = after_a_storm_what_is_still_silent_is_replaced(&rack, &first);
    assert_eq!(rack.identity("dns-2")["epoch"], second.epoch);
    half_of_the_rack_is_no_majority(&rack, &second, &rack.spares_beside(&[&first, &second])[0]);
    the_whole_rack_is_cut_off_from_its_controller(&rack, &first, &second);
}

/// A holder and two spares lose their cables at once; the spares get them back. From then on the agent hears a majority, the
/// majority does not reach the holder, and the BMC would switch it off: only the storm rule still spares it. Catches the mutant
/// without that rule (`no-storm-rule`), which fences before the storm is over.
fn three_of_five_are_a_storm(rack: &DnsRack, held: &Held, spares: &[String]) {
    let before = rack.newest_event();
    let cut = [&spares[0][..], &spares[1], &held.serial];
    cables(rack, "unplug", &cut);
    rack.wait_until_told("storm", "3 of 5 nodes", before);
    rack.wait_until_told("cut-off", "does not hear a majority", before);
    cables(rack, "plug", &cut[..2]);
    rack.wait_until_told("reconnected", "is not cut off", before);
    let over = rack.wait_until_told("storm-over", "has been calm for 60 s", before);
    let mut moves = rack.moves_behind(before);
    moves.retain(|event| event["seq"].as_u64().unwrap() < over);
    assert!(moves.is_empty(), "in the storm: {moves:#?}");
    rack.wait_until_told("waiting", "is frozen by the storm rule", before);
}

/// A minute of calm later the holder is a silent node like any other: fenced, and replaced.
fn after_a_storm_what_is_still_silent_is_replaced(rack: &DnsRack, held: &Held) -> Held {
    let heir = rack.wait_for_holder("dns-1", held.epoch);
    assert_eq!(heir.epoch, held.epoch + 1);
    assert!(!rack.has_power(&held.serial), "{heir:?} beside {held:?}");
    rack.assert_fenced_before_it_moved("dns-1");
    heir
}

/// Two of the four that are left, one of them a holder, are on the other side of a broken switch. Two silent nodes are no storm,
/// and two others do not reach the holder: only an agent that doubts itself leaves it alone. Catches the mutant that takes half
/// of a rack for a majority of it (`half-is-a-majority`).
fn half_of_the_rack_is_no_majority(rack: &DnsRack, held: &Held, spare: &str) {
    let cut = [spare, &held.serial[..]];
    let before = rack.newest_event();
    cables(rack, "unplug", &cut);
    rack.wait_until_told("cut-off", "does not hear a majority", before);
    rack.assert_stays("dns-2", held, LONG);
    cables(rack, "plug", &cut);
    rack.wait_until_told("reconnected", "is not cut off", before);
    goes_on(rack, before, &[("dns-2", held)]);
}

/// The controller's own interface is down: it hears nobody, and still reaches every BMC. Not even an operator, who sees
/// the same as the agent and takes it for the truth, moves anything then: with `ignores-being-cut-off` the word would be
/// taken for a proof, and the identity would be held twice as soon as the network is back.
fn the_whole_rack_is_cut_off_from_its_controller(rack: &DnsRack, first: &Held, second: &Held) {
    let before = rack.newest_event();
    rack.inside(&["ip", "link", "set", "rack0", "down"]).expect_success();
    rack.wait_until_told("cut-off", "does not hear a majority", before);
    let replace = ["replace", "dns-1", "--reason", "it is silent"];
    for more in [&["--force"][..], &["--confirm-dead", &first.serial]] {
        rack.site(&[&replace, more].concat()).expect_failure(1, &["this agent is cut off from rack"]);
    }
    rack.assert_stays("dns-1", first, LONG);
    rack.assert_not_moved("dns-2", second);
    rack.inside(&["ip", "link", "set", "rack0", "up"]).expect_success();
    rack.wait_until_told("reconnected", "is not cut off", before);
    goes_on(rack, before, &[("dns-1", first), ("dns-2", second)]);
}

/// Nothing was fenced or moved since this event, and whoever held an identity serves it at the same epoch.
#[track_caller]
fn goes_on(rack: &DnsRack, before: u64, all: &[(&str, &Held)]) {
    for (name, held) in all {
        assert_eq!(rack.wait_for_holder(name, held.epoch - 1), **held);
    }
    let moves = rack.moves_behind(before);
    assert!(moves.is_empty(), "{moves:#?}");
}

/// One after the other, as quickly as the command goes: the holder's comes last.
fn cables(rack: &DnsRack, verb: &str, serials: &[&str]) {
    for serial in serials {
        rack.lab(&[verb, serial]).expect_success();
    }
}
