//! Storms, allowances, takeovers in flight, the hour between two, and an agent that is cut off.

use crate::machine::BmcKind;
use crate::sample::{SECOND, calm, calm_with, config, held_with};
use understudy_core::model::id::NodeId;
use understudy_plan::effect::NoteKind;
use understudy_plan::event::{Command, Reach};

#[test]
fn a_rack_that_is_unplugged_from_the_agent_is_left_alone() {
    let mut world = calm(5, &["dns-1", "db-1"], &[]);
    for machine in world.machines.values_mut() {
        machine.is_plugged = false;
    }
    world.pass(300 * SECOND);
    assert_eq!(world.power_offs, 0);
    assert_eq!(world.place("db-1").unwrap().2, "held");
    world.was_told(NoteKind::CutOff, "majority");
    for machine in world.machines.values_mut() {
        machine.is_plugged = true;
    }
    world.pass(60 * SECOND);
    assert!(world.is_served("db-1") && world.is_served("dns-1") && world.power_offs == 0);
    world.is_whole();
}

/// Half of a rack is gone from this agent's side of a switch, and its last words came one heartbeat apart. Catches a core that
/// counts the second node only when that one is suspect as well: by then the power of the first is off.
#[test]
fn half_a_rack_that_falls_silent_one_heartbeat_apart_is_left_alone() {
    let mut world = calm(4, &["db-1"], &[]);
    let old = world.holder("db-1");
    let other = world.machines.keys().find(|id| **id != old).unwrap().clone();
    world.machine(&old).is_plugged = false;
    world.pass(SECOND / 2);
    world.machine(&other).is_plugged = false;
    world.pass(120 * SECOND);
    assert_eq!((world.power_offs, world.place("db-1").unwrap()), (0, (old.clone(), 1, "held")));
    world.was_told(NoteKind::CutOff, "majority");
    world.machine(&other).is_plugged = true;
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    assert!(!world.machines[&old].is_on);
    world.is_whole();
}

#[test]
fn without_ledger_or_gateway_nothing_is_done_until_they_are_back() {
    for reach in [Reach { ledger: false, gateway: true }, Reach { ledger: true, gateway: false }] {
        let mut world = calm(4, &["db-1"], &[]);
        let old = world.holder("db-1");
        world.reach(reach);
        world.machine(&old).is_frozen = true;
        world.pass(200 * SECOND);
        assert_eq!((world.power_offs, world.place("db-1").unwrap()), (0, (old, 1, "held")));
        world.reach(Reach { ledger: true, gateway: true });
        assert!(world.pass_until(30 * SECOND, |world| world.is_served("db-1")));
        world.is_whole();
    }
}

/// Catches a core without the storm rule: seven of sixteen are lost, which is no majority, and yet no seven nodes have died.
#[test]
fn many_silent_nodes_at_once_are_a_storm_and_nothing_moves_before_it_is_calm() {
    let mut world = calm(16, &["db-1"], &[]);
    let old = world.holder("db-1");
    let others: Vec<NodeId> = world.machines.keys().filter(|id| **id != old).take(6).cloned().collect();
    for id in others.iter().chain([&old]) {
        world.machine(id).is_frozen = true;
    }
    world.pass(55 * SECOND);
    assert_eq!((world.power_offs, world.place("db-1").unwrap().2), (0, "held"));
    world.was_told(NoteKind::Storm, "7 of 16 nodes");
    assert!(world.pass_until(30 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    world.was_told(NoteKind::StormOver, "calm");
    world.is_whole();
}

#[test]
fn two_silent_nodes_are_no_storm_and_are_taken_over_one_after_the_other() {
    let mut world = calm(6, &["db-1", "db-2"], &[]);
    let (first, second) = (world.holder("db-1"), world.holder("db-2"));
    world.machine(&first).cut();
    world.machine(&second).is_frozen = true;
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("db-1") && world.is_served("db-2")));
    world.is_whole();
}

/// Catches a core that forgets the allowance.
#[test]
fn an_allowance_that_is_used_up_stops_fences_until_its_window_has_passed() {
    let mut site = config(8, &["db-1", "db-2", "db-3", "db-4"]);
    let policy = site.policy(&"r1".parse().unwrap());
    site.racks.insert("r1".parse().unwrap(), understudy_plan::config::RackPolicy { fences_max: 2, ..policy });
    let mut world = calm_with(site, &[]);
    for name in ["db-1", "db-2", "db-3"] {
        let node = world.holder(name);
        world.machine(&node).is_frozen = true;
        world.pass(70 * SECOND);
    }
    assert_eq!(world.power_offs, 2);
    assert_eq!(world.place("db-3").unwrap().2, "held");
    world.was_told(NoteKind::Waiting, "used up its allowance of 2 fences");
    world.jump(3600 * SECOND);
    world.pass(20 * SECOND);
    assert!(world.is_served("db-3"), "{:#?}", world.texts());
    world.is_whole();
}

#[test]
fn a_second_takeover_within_the_hour_needs_an_acknowledgement() {
    let mut world = calm(5, &["db-1"], &[]);
    for _ in 0..2 {
        let node = world.holder("db-1");
        world.machine(&node).is_frozen = true;
        world.pass(90 * SECOND);
    }
    assert_eq!(world.place("db-1").unwrap().1, 2);
    world.was_told(NoteKind::Waiting, "understudy acknowledge db-1");
    world.command(Command::Acknowledge { identity: "db-1".parse().unwrap() });
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    assert_eq!(world.place("db-1").unwrap().1, 3);
    world.is_whole();
}

#[test]
fn an_unconfirmed_fence_does_not_keep_others_from_being_taken_over() {
    let (mut world, stuck) = held_with("db-1", 5, BmcKind::Dead);
    world.config.identities.insert("dns-1".parse().unwrap(), crate::sample::declaration("dns-1"));
    let config = Box::new(world.config.clone());
    world.take(understudy_plan::Event::Configured(config));
    world.pass(10 * SECOND);
    world.machine(&stuck).is_frozen = true;
    world.pass(70 * SECOND);
    let other = world.holder("dns-1");
    world.machine(&other).is_frozen = true;
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("dns-1")), "{:#?}", world.texts());
    assert_eq!(world.place("db-1").unwrap().2, "fencing");
    world.is_whole();
}

/// A stalled agent wakes up and has heard nobody for a minute: that says nothing about the nodes.
#[test]
fn time_in_which_the_agent_itself_was_stalled_is_nobodys_silence() {
    let mut world = calm(5, &["db-1"], &[]);
    world.now += 60 * SECOND;
    world.pass(10 * SECOND);
    assert_eq!((world.power_offs, world.place("db-1").unwrap().1), (0, 1));
    world.was_told(NoteKind::Stalled, "did not run");
    world.is_whole();
}

/// Three of six have not spoken since this agent started, and the other three are no majority. Catches a core in which a stall
/// makes the boots of the silent ones look new, so that they are not counted, and a drained node that froze is powered off.
#[test]
fn nodes_that_have_not_spoken_since_a_stalled_start_are_counted() {
    let mut world = calm(6, &["db-1", "dns-1"], &[]);
    let drained = world.holder("db-1");
    let others: Vec<NodeId> = world.machines.keys().filter(|id| **id != drained).take(2).cloned().collect();
    world.crash();
    world.now += 2 * SECOND;
    for id in &others {
        world.machine(id).is_frozen = true;
    }
    world.command(Command::Drain { node: drained.clone() });
    world.machine(&drained).is_frozen = true;
    world.pass(20 * SECOND);
    assert_eq!(world.power_offs, 0, "{:#?}", world.texts());
    assert!(world.machines[&drained].is_on);
    world.is_whole();
}

#[test]
fn a_wall_clock_that_jumps_moves_nothing() {
    let mut world = calm(4, &["db-1"], &[]);
    world.jump(3600 * SECOND);
    world.pass(60 * SECOND);
    assert_eq!((world.power_offs, world.place("db-1").unwrap().1), (0, 1));
}
