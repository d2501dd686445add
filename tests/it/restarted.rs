//! A controller that dies at the worst moments of a takeover, and starts again: each one ends as if nothing had been.

use crate::dns_rack::{DnsRack, Held, TWO_SERVERS};
use crate::rack::{LIMIT, wait_for_end};
use nix::sys::signal::{Signal, kill};
use std::time::Instant;

/// Two holders and three spares; the machine that is cut first comes back, and is the spare of the last takeover. Catches mutants
/// that act before what they do is stored, use an epoch twice, or forget what they have begun (`acts-before-it-is-stored`,
/// `epoch-is-used-again`).
#[test]
fn a_controller_that_is_killed_at_any_step_of_a_takeover_goes_on_to_the_same_end() {
    let mut rack = DnsRack::up("restarted", &format!("[rack]\nallowance = 20\n{TWO_SERVERS}"));
    let first = rack.wait_for_holder("dns-1", 0);
    let second = rack.wait_for_holder("dns-2", 0);
    assert_eq!(rack.spares_beside(&[&first, &second]).len(), 3);

    let third = killed_while_it_fences(&mut rack, &first);
    power_is_back(&rack, &first);
    let fourth = killed_between_fence_and_assignment(&mut rack, &second);
    let fifth = killed_before_the_heir_serves(&mut rack, &third);
    rack.wait_for_state(&first.serial, "spare");
    let sixth = killed_when_all_is_done(&mut rack, &fourth);
    assert_eq!(who_has(&rack, "10.77.0.21"), [fifth.serial]);
    assert_eq!(who_has(&rack, "10.77.0.22"), [sixth.serial]);
}

/// Its BMC does not answer, so that the fence is begun and cannot end before the site is gone.
fn killed_while_it_fences(rack: &mut DnsRack, held: &Held) -> Held {
    rack.lab(&["bmc", &held.serial, "hangs"]).expect_success();
    let before = rack.newest_event();
    rack.lab(&["cut", &held.serial]).expect_success();
    killed_after(rack, "dns-1", "takeover-begun", before);
    rack.lab(&["bmc", &held.serial, "honest"]).expect_success();
    rack.start_site();
    ended_well(rack, "dns-1", held)
}

/// A pause keeps the identity from being assigned while the fence ends.
fn killed_between_fence_and_assignment(rack: &mut DnsRack, held: &Held) -> Held {
    rack.lab(&["bmc", &held.serial, "hangs"]).expect_success();
    let before = rack.newest_event();
    rack.lab(&["cut", &held.serial]).expect_success();
    rack.wait_until_told("takeover-begun", "dns-2", before);
    rack.site(&["pause", "--identity", "dns-2", "--reason", "to look at it"]).expect_success();
    rack.lab(&["bmc", &held.serial, "honest"]).expect_success();
    killed_after(rack, "dns-2", "fenced", before);
    rack.start_site();
    let waits = rack.wait_for_attention("dns-2", "to look at it");
    let kinds = kinds_behind(rack, "dns-2", before);
    assert!(!kinds.contains(&"assigned".to_owned()), "{waits}: {kinds:?}");
    rack.site(&["resume", "--identity", "dns-2"]).expect_success();
    ended_well(rack, "dns-2", held)
}

/// The spare has the word, or is about to hear it, and needs a moment to serve.
fn killed_before_the_heir_serves(rack: &mut DnsRack, held: &Held) -> Held {
    rack.site(&["acknowledge", "dns-1"]).expect_success();
    let before = rack.newest_event();
    rack.lab(&["cut", &held.serial]).expect_success();
    killed_after(rack, "dns-1", "assigned", before);
    rack.start_site();
    let heir = ended_well(rack, "dns-1", held);
    let started = rack.wait_until_told("site-started", "", before);
    assert!(started < rack.wait_until_told("serving", "dns-1", before), "it was killed too late");
    heir
}

/// There is nothing left to do, and nothing is done a second time.
fn killed_when_all_is_done(rack: &mut DnsRack, held: &Held) -> Held {
    rack.site(&["acknowledge", "dns-2"]).expect_success();
    let before = rack.newest_event();
    rack.lab(&["cut", &held.serial]).expect_success();
    killed_after(rack, "dns-2", "serving", before);
    rack.start_site();
    ended_well(rack, "dns-2", held)
}

/// Kills the site as soon as it tells of this step.
#[track_caller]
fn killed_after(rack: &DnsRack, name: &str, kind: &str, before: u64) {
    let (site, began) = (rack.site_now(), Instant::now());
    while !kinds_behind(rack, name, before).iter().any(|told| told == kind) {
        assert!(began.elapsed() < LIMIT, "no {kind}: {:#?}", rack.events_behind(before));
    }
    kill(site, Signal::SIGKILL).unwrap();
    wait_for_end(site);
}

fn kinds_behind(rack: &DnsRack, name: &str, before: u64) -> Vec<String> {
    let mut events = rack.events_behind(before);
    events.retain(|event| event["identity"] == name);
    events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

/// One heir, at the next epoch, fenced for once and assigned once.
#[track_caller]
fn ended_well(rack: &DnsRack, name: &str, held: &Held) -> Held {
    let heir = rack.wait_for_holder(name, held.epoch);
    assert_eq!(heir.epoch, held.epoch + 1);
    assert_ne!(heir.serial, held.serial);
    rack.assert_fenced_before_it_moved(name);
    let steps = [
        ("takeover-begun", held.epoch),
        ("fenced", held.epoch),
        ("assigned", heir.epoch),
        ("serving", heir.epoch),
    ];
    let events = rack.events_behind(0);
    for (kind, epoch) in steps {
        let is_it = |event: &&serde_json::Value| {
            event["identity"] == name && event["kind"] == kind && event["epoch"] == epoch
        };
        assert_eq!(events.iter().filter(is_it).count(), 1, "{kind} at {epoch}: {events:#?}");
    }
    heir
}

fn power_is_back(rack: &DnsRack, held: &Held) {
    rack.lab(&["power", &held.serial, "on"]).expect_success();
}

/// The machines that have this address, among those with power.
fn who_has(rack: &DnsRack, address: &str) -> Vec<String> {
    let serials = (1..=5).map(|number| format!("LAB-{number}")).filter(|serial| rack.has_power(serial));
    let has = |serial: &String| {
        rack.ssh(serial, &["ip", "-brief", "address"]).expect_success().stdout.contains(address)
    };
    serials.filter(has).collect()
}
