//! One holder at a time: what is fenced, what moves, what stays, and what people are told.

use crate::machine::{BmcKind, Mood};
use crate::sample::{SECOND, calm, held_with};
use understudy_plan::NodeState;
use understudy_plan::effect::NoteKind;

#[test]
fn a_node_whose_power_is_cut_is_replaced_by_the_spare() {
    let mut world = calm(3, &["dns-1"], &[]);
    let old = world.holder("dns-1");
    let cut = world.now;
    world.machine(&old).cut();
    assert!(world.pass_until(10 * SECOND, |world| world.is_served("dns-1") && world.holder("dns-1") != old));
    let took = world.now - cut;
    assert!(
        took <= 3 * SECOND + SECOND / 2,
        "{took:?} of it this side of a fence that takes no time: {:#?}",
        world.texts()
    );
    assert_eq!(world.place("dns-1").unwrap().1, 2);
    assert_eq!(world.power_offs, 0, "it was off already");
    world.was_told(NoteKind::TakeoverBegun, "does not reach it");
    world.was_told(NoteKind::Fenced, "reads back off");
    world.was_told(NoteKind::Serving, "s in all");
    world.is_whole();
}

/// Catches a core that moves an identity before the fence is proven (mutant: `proof` answers at once).
#[test]
fn a_frozen_node_is_powered_off_before_its_identity_moves_and_never_serves_again() {
    for name in ["dns-1", "db-1"] {
        let mut world = calm(3, &[name], &[]);
        let old = world.holder(name);
        world.machine(&old).is_frozen = true;
        assert!(world.pass_until(10 * SECOND, |world| world.is_served(name) && world.holder(name) != old));
        assert_eq!((world.power_offs, world.machines[&old].is_on), (1, false));
        world.is_whole();
    }
}

#[test]
fn a_frozen_node_that_thaws_in_the_middle_lets_go_or_dies_but_never_serves_beside_another() {
    for quarters in 1..16 {
        let mut world = calm(3, &["db-1"], &[]);
        let old = world.holder("db-1");
        world.machine(&old).is_frozen = true;
        world.pass(crate::world::TICK * quarters);
        world.machine(&old).is_frozen = false;
        world.pass(60 * SECOND);
        assert!(world.is_served("db-1"), "{quarters}: {:#?}", world.texts());
        world.is_whole();
    }
}

#[test]
fn an_unplugged_node_with_a_living_bmc_is_fenced_and_replaced() {
    let mut world = calm(3, &["db-1"], &[]);
    let old = world.holder("db-1");
    world.machine(&old).is_plugged = false;
    assert!(world.pass_until(10 * SECOND, |world| world.is_served("db-1") && world.holder("db-1") != old));
    assert!(!world.machines[&old].is_on);
    world.is_whole();
}

/// Each kind of BMC that proves nothing. Catches: "accepted" taken as proof (`AcceptsOnly`), a skipped UUID check
/// (`Foreign`), a liar that is believed (`SaysOff`).
#[test]
fn without_proof_a_strict_identity_stays_and_a_person_is_asked() {
    let kinds = [
        (BmcKind::Dead, "no route to host"),
        (BmcKind::AcceptsOnly, "accepted 3 orders"),
        (BmcKind::Foreign, "another machine's"),
        (BmcKind::SaysOff, "caught at a lie"),
    ];
    for (kind, why) in kinds {
        for name in ["db-1", "dns-1"] {
            let (mut world, old) = held_with(name, 4, kind);
            world.machine(&old).is_frozen = true;
            world.pass(120 * SECOND);
            assert_eq!(world.place(name).unwrap(), (old.clone(), 1, "fencing"), "{kind:?}");
            world.was_told(NoteKind::FenceUnconfirmed, why);
            let page = world.pages.last().unwrap();
            assert!(
                page.text.contains(&format!("understudy replace --confirm-dead {old} --reason TEXT {name}")),
                "{}",
                page.text
            );
            assert_eq!(NodeState::of(&world.state, &old, world.moment()), NodeState::FenceUnconfirmed);
            // When it thaws it is told to let go, and that is proof.
            world.machine(&old).is_frozen = false;
            assert!(
                world.pass_until(40 * SECOND, |world| world.is_served(name) && world.holder(name) != old)
            );
            world.is_whole();
        }
    }
}

/// A BMC that is mended in one way and fails in the next: whoever looks at it is told what is true by now, and not with every
/// question what is true already.
#[test]
fn why_a_fence_is_unconfirmed_is_told_again_when_it_is_for_another_reason() {
    let (mut world, old) = held_with("db-1", 4, BmcKind::Dead);
    world.machine(&old).is_plugged = false;
    world.pass(200 * SECOND);
    for (kind, why) in [(BmcKind::AcceptsOnly, "accepted 3 orders"), (BmcKind::Dead, "cannot be used")] {
        world.machine(&old).bmc = kind;
        world.pass(200 * SECOND);
        let attention = world.state.attention(&"db-1".parse().unwrap()).unwrap();
        assert!(attention.contains(why), "{attention}");
    }
    let told = world.pages.iter().filter(|page| page.kind == NoteKind::FenceUnconfirmed).count();
    assert_eq!((told, world.place("db-1").unwrap()), (3, (old.clone(), 1, "fencing")));
    world.machine(&old).cut();
    world.machine(&old).bmc = BmcKind::Honest;
    assert!(world.pass_until(40 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    world.is_whole();
}

#[test]
fn a_soft_identity_behind_a_virtual_address_gets_a_stand_in_and_its_address_only_after_the_proof() {
    let (mut world, old) = held_with("web-1", 4, BmcKind::Dead);
    world.machine(&old).is_plugged = false;
    assert!(world.pass_until(60 * SECOND, |world| world.is_served("web-1") && world.holder("web-1") != old));
    let new = world.holder("web-1");
    assert!(!world.machines[&new].acts.as_ref().unwrap().2, "the address stays where it may still be");
    world.pass(60 * SECOND);
    world.is_whole();
    world.machine(&old).cut();
    world.machine(&old).bmc = BmcKind::Honest;
    assert!(world.pass_until(60 * SECOND, |world| world.machines[&new].acts.as_ref().unwrap().2));
    world.was_told(NoteKind::AddressMoved, "may move");
    world.is_whole();
}

/// Catches a core that believes a BMC over heartbeats.
#[test]
fn a_bmc_that_says_off_while_its_node_speaks_moves_nothing_and_is_told() {
    let (mut world, old) = held_with("db-1", 3, BmcKind::SaysOff);
    world.pass(120 * SECOND);
    assert_eq!(world.place("db-1").unwrap(), (old, 1, "held"));
    world.was_told(NoteKind::BmcDistrusted, "power is off while the node speaks");
    world.is_whole();
}

/// Catches a core to which a word from before the fence is as good as one since then.
#[test]
fn what_a_bmc_said_before_the_fence_began_proves_nothing() {
    let (mut world, old) = held_with("db-1", 4, BmcKind::Honest);
    world.machine(&old).is_frozen = true;
    world.machine(&old).bmc = BmcKind::SaysOff;
    while !world.asks.iter().any(|(node, _)| *node == old) {
        world.serve();
        world.tick();
    }
    world.serve_bmcs();
    world.machine(&old).bmc = BmcKind::Dead;
    world.pass(120 * SECOND);
    assert_eq!(world.holder("db-1"), old, "{:#?}", world.texts());
    world.was_told(NoteKind::FenceUnconfirmed, "no route to host");
    world.is_whole();
}

#[test]
fn a_node_that_peers_still_reach_is_left_alone_and_told_after_a_while() {
    let mut world = calm(4, &["db-1"], &[]);
    let old = world.holder("db-1");
    // Only its way to this agent is broken: peers see it, its heartbeats do not come.
    for _ in 0..200 {
        world.tick_without_beats_of(&old);
        world.serve();
    }
    assert_eq!(world.place("db-1").unwrap(), (old, 1, "held"));
    assert_eq!(world.power_offs, 0);
    assert_eq!(world.times_told(NoteKind::Suspect, "reaches it, so nothing is moved"), 1);
    world.is_whole();
}

/// Catches the mutant that forgets an echo that came back with the next one that is lost: all peers lose theirs at once
/// where the node or the network stands still for a moment.
#[test]
fn echoes_that_are_lost_for_a_moment_say_nothing_about_a_silent_node() {
    let mut world = calm(5, &["db-1"], &[]);
    let old = world.holder("db-1");
    for tick in 0..400 {
        world.are_echoes_lost = tick % 16 >= 11;
        world.tick_without_beats_of(&old);
        world.serve();
    }
    assert_eq!(world.place("db-1").unwrap(), (old.clone(), 1, "held"));
    assert_eq!((world.power_offs, world.times_told(NoteKind::Suspect, "reaches it")), (0, 1));
    // And it dies while it is silent.
    world.are_echoes_lost = false;
    world.machine(&old).cut();
    world.pass(20 * SECOND);
    assert!(world.is_served("db-1") && world.place("db-1").unwrap().1 == 2, "{:#?}", world.texts());
    world.is_whole();
}

#[test]
fn one_witness_is_not_enough() {
    // The BMC is dead, and of the two peers one never looks.
    let (mut world, old) = held_with("db-1", 3, BmcKind::Dead);
    let peer = world.machines.keys().find(|id| **id != old).unwrap().clone();
    world.machine(&old).cut();
    for _ in 0..240 {
        world.probes.remove(&peer);
        world.tick();
        world.serve();
    }
    world.was_told(NoteKind::Suspect, "only one other says the same");
    assert_eq!(world.place("db-1").unwrap(), (old, 1, "held"));
    world.is_whole();
}

#[test]
fn a_node_that_started_again_never_resumes_what_it_held() {
    let mut world = calm(3, &["db-1"], &[]);
    let old = world.holder("db-1");
    let now = world.now;
    world.machine(&old).start(now);
    world.pass(30 * SECOND);
    assert!(world.is_served("db-1") && world.place("db-1").unwrap().1 == 2, "{:#?}", world.texts());
    world.is_whole();
}

#[test]
fn a_fenced_node_is_quarantined_until_it_proved_a_new_boot() {
    let mut world = calm(3, &["db-1"], &[]);
    let old = world.holder("db-1");
    world.machine(&old).is_frozen = true;
    world.pass(20 * SECOND);
    assert_eq!(NodeState::of(&world.state, &old, world.moment()), NodeState::Fenced);
    let now = world.now;
    world.machine(&old).start(now);
    world.pass(20 * SECOND);
    assert_eq!(NodeState::of(&world.state, &old, world.moment()), NodeState::Spare);
    world.was_told(NoteKind::Returned, "new boot");
    assert!(world.machines[&old].acts.is_none());
    world.is_whole();
}

#[test]
fn a_role_that_the_node_cannot_heal_is_given_up_by_it_and_moves() {
    for mood in [Mood::Unhealthy, Mood::Fails] {
        let mut world = calm(3, &["db-1"], &[]);
        let old = world.holder("db-1");
        world.machine(&old).mood = mood;
        assert!(
            world.pass_until(60 * SECOND, |world| world.is_served("db-1") && world.holder("db-1") != old)
        );
        assert_eq!(world.power_offs, 0);
        world.was_told(NoteKind::Fenced, "the node said that it has let go");
        world.is_whole();
    }
}

#[test]
fn a_short_illness_moves_nothing() {
    let mut world = calm(3, &["db-1"], &[]);
    let old = world.holder("db-1");
    for _ in 0..5 {
        world.machine(&old).mood = Mood::Unhealthy;
        world.pass(20 * SECOND);
        world.machine(&old).mood = Mood::Serves;
        world.pass(2 * SECOND);
    }
    assert_eq!(world.place("db-1").unwrap(), (old, 1, "held"));
}

#[test]
fn a_spare_that_dies_in_the_middle_is_replaced_by_the_next() {
    let mut world = calm(5, &["db-1"], &[]);
    let old = world.holder("db-1");
    world.machine(&old).cut();
    assert!(
        world.pass_until(10 * SECOND, |world| world.place("db-1").is_some_and(|place| place.2 == "granting"))
    );
    let second = world.holder("db-1");
    world.machine(&second).cut();
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    assert_eq!(world.place("db-1").unwrap().1, 3);
    world.is_whole();
}

#[test]
fn a_spare_that_cannot_activate_lets_go_and_the_next_one_is_tried() {
    let mut world = calm(5, &["db-1"], &[]);
    let old = world.holder("db-1");
    for (id, machine) in &mut world.machines {
        machine.mood = if *id == old { Mood::Serves } else { Mood::Fails };
    }
    world.machine(&old).cut();
    world.pass(60 * SECOND);
    // Three nodes are used up; then a person is asked.
    assert_eq!(world.place("db-1").unwrap().1, 4, "{:#?}", world.texts());
    world.was_told(NoteKind::Waiting, "did not come to serve it");
    world.is_whole();
}
