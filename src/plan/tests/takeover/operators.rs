//! What operators may say, and what they are told.

use crate::machine::{BmcKind, Mood};
use crate::sample::{SECOND, calm, held_with};
use crate::world::World;
use understudy_core::model::id::NodeId;
use understudy_plan::durable::Strength;
use understudy_plan::effect::{NoteKind, Reply};
use understudy_plan::event::Command;
use understudy_plan::key::Scope;
use understudy_plan::rehearse;

fn replace(node: &NodeId, reason: &str, strength: Strength) -> Command {
    Command::Replace { node: node.clone(), reason: reason.into(), strength }
}

#[track_caller]
fn reply(world: &mut World, command: Command) -> Reply {
    let id = world.command(command);
    world.pass(SECOND);
    world.replies.get(&id).cloned().unwrap()
}

#[track_caller]
fn declined(world: &mut World, command: Command, why: &str) {
    let reply = reply(world, command);
    assert!(matches!(&reply, Reply::Declined(text) if text.contains(why)), "{reply:?}");
}

#[track_caller]
fn done(world: &mut World, command: Command) {
    let reply = reply(world, command);
    assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
}

#[test]
fn an_operators_word_frees_a_strict_identity_and_is_kept_as_evidence() {
    let (mut world, old) = held_with("db-1", 4, BmcKind::Dead);
    declined(&mut world, Command::ConfirmDead { node: old.clone() }, "it is not dead");
    world.machine(&old).cut();
    world.pass(60 * SECOND);
    assert_eq!(world.place("db-1").unwrap().2, "fencing");
    done(&mut world, Command::ConfirmDead { node: old });
    assert!(world.pass_until(10 * SECOND, |world| world.is_served("db-1")));
    world.was_told(NoteKind::Fenced, "ada vouches");
    world.is_whole();
}

/// Catches a core that believes after `trust-bmc` what the BMC said before: its node lives, and would be one of two holders.
#[test]
fn what_a_liar_said_before_it_is_trusted_again_proves_nothing() {
    let (mut world, old) = held_with("dns-1", 4, BmcKind::SaysOff);
    world.pass(30 * SECOND);
    world.machine(&old).is_plugged = false;
    world.pass(60 * SECOND);
    assert_eq!(world.place("dns-1").unwrap(), (old.clone(), 1, "fencing"));
    world.machine(&old).bmc = BmcKind::Honest;
    done(&mut world, Command::TrustBmc { node: old.clone() });
    assert!(world.pass_until(60 * SECOND, |world| world.is_served("dns-1")), "{:#?}", world.texts());
    assert!(!world.machines[&old].is_on);
    world.is_whole();
}

/// Catches a core in which the last lie, as old as it is, makes a liar of a BMC that has just been mended.
#[test]
fn a_mended_bmc_that_is_trusted_again_stays_trusted() {
    let (mut world, old) = held_with("db-1", 3, BmcKind::SaysOff);
    world.pass(30 * SECOND);
    world.machine(&old).bmc = BmcKind::Honest;
    done(&mut world, Command::TrustBmc { node: old.clone() });
    world.pass(30 * SECOND);
    declined(&mut world, Command::TrustBmc { node: old }, "is trusted");
    world.is_whole();
}

#[test]
fn a_pause_holds_everything_and_a_resume_lets_it_go_on() {
    for scope in [Scope::Site, Scope::Rack("r1".parse().unwrap()), Scope::Identity("db-1".parse().unwrap())] {
        let mut world = calm(4, &["db-1"], &[]);
        let old = world.holder("db-1");
        declined(&mut world, Command::Resume { scope: scope.clone() }, "is not paused");
        done(&mut world, Command::Pause { scope: scope.clone(), reason: "moving cables".into() });
        world.machine(&old).is_frozen = true;
        world.pass(60 * SECOND);
        assert_eq!((world.power_offs, world.place("db-1").unwrap().2), (0, "held"));
        world.was_told(NoteKind::Waiting, "moving cables");
        done(&mut world, Command::Resume { scope });
        assert!(world.pass_until(10 * SECOND, |world| world.is_served("db-1")));
        world.is_whole();
    }
}

#[test]
fn a_pause_in_the_middle_of_a_fence_holds_the_power_button() {
    let mut world = calm(4, &["db-1"], &[]);
    let old = world.holder("db-1");
    world.machine(&old).is_frozen = true;
    assert!(
        world.pass_until(10 * SECOND, |world| world.place("db-1").is_some_and(|place| place.2 == "fencing"))
    );
    let before = world.power_offs;
    world.command(Command::Pause { scope: Scope::Site, reason: "wait".into() });
    world.offs.clear();
    world.pass(60 * SECOND);
    assert!(world.power_offs <= before + 1 && world.machines[&old].is_on);
    world.command(Command::Resume { scope: Scope::Site });
    assert!(world.pass_until(60 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    world.is_whole();
}

#[test]
fn a_drained_node_gives_up_what_it_holds_and_is_no_spare() {
    let mut world = calm(3, &["db-1"], &[]);
    let old = world.holder("db-1");
    done(&mut world, Command::Drain { node: old.clone() });
    assert!(world.pass_until(10 * SECOND, |world| world.is_served("db-1") && world.holder("db-1") != old));
    assert_eq!(world.power_offs, 0);
    done(&mut world, Command::Undrain { node: old.clone() });
    declined(&mut world, Command::Undrain { node: old }, "is not drained");
    world.is_whole();
}

#[test]
fn a_node_that_an_operator_wants_empty_is_powered_off_only_by_force() {
    let mut world = calm(3, &["db-1"], &[]);
    let old = world.holder("db-1");
    world.machine(&old).mood = Mood::Stubborn;
    done(&mut world, replace(&old, "it is slow", Strength::Asked));
    world.pass(60 * SECOND);
    assert_eq!(world.power_offs, 0);
    world.was_told(NoteKind::TakeoverBegun, "ada said so: it is slow");
    world.was_told(NoteKind::Waiting, "--force");
    done(&mut world, replace(&old, "it burns", Strength::Forced));
    assert!(world.pass_until(40 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    assert!(!world.machines[&old].is_on);
    world.is_whole();
}

#[test]
fn force_goes_past_a_pause_and_never_past_a_missing_proof() {
    let (mut world, old) = held_with("db-1", 4, BmcKind::AcceptsOnly);
    done(&mut world, Command::Pause { scope: Scope::Site, reason: "wait".into() });
    declined(&mut world, replace(&old, "it is slow", Strength::Asked), "paused");
    world.machine(&old).is_frozen = true;
    world.pass(3 * SECOND);
    done(&mut world, replace(&old, "now", Strength::Forced));
    world.pass(60 * SECOND);
    assert_eq!(world.place("db-1").unwrap(), (old, 1, "fencing"));
    assert!(world.power_offs > 0);
    world.is_whole();
}

#[test]
fn a_free_identity_is_assigned_by_hand_and_a_held_one_is_not() {
    let mut world = calm(3, &["db-1"], &[]);
    let (holder, identity) = (world.holder("db-1"), "db-1".parse().unwrap());
    let spare = world.machines.keys().find(|id| **id != holder).unwrap().clone();
    declined(&mut world, Command::Assign { identity, node: spare.clone() }, "understudy replace");
    let identity = "web-9".parse().unwrap();
    declined(&mut world, Command::Assign { identity, node: spare }, "not declared");
    declined(&mut world, Command::Drain { node: NodeId::of_public_key(b"?") }, "not known");
}

#[test]
fn a_rehearsal_says_what_would_happen_and_changes_nothing() {
    let world = calm(3, &["db-1"], &[]);
    let node = world.holder("db-1");
    let lines =
        rehearse(&world.state, "ada", replace(&node, "it is slow", Strength::Asked), world.moment()).unwrap();
    assert!(lines.iter().any(|line| line.contains("asked to let go")), "{lines:?}");
    let refusal = rehearse(&world.state, "ada", Command::ConfirmDead { node }, world.moment()).unwrap_err();
    assert!(refusal.contains("not dead"), "{refusal}");
}

/// Old records go, and nothing is counted anew without them. Catches the mutants that keep everything for ever, and that
/// prune the newest fence of a node as well: its numbers would repeat.
#[test]
fn records_of_long_ago_are_not_kept_for_ever() {
    const TIMES: usize = 60;
    let mut world = calm(3, &["db-1"], &[]);
    for _ in 0..TIMES {
        let old = world.holder("db-1");
        done(&mut world, replace(&old, "its turn", Strength::Asked));
        assert!(
            world.pass_until(30 * SECOND, |world| world.is_served("db-1") && world.holder("db-1") != old)
        );
    }
    let durable = world.ledger.read();
    assert_eq!(durable.epoch(&"db-1".parse().unwrap()).number(), 1 + TIMES as u64);
    let takeovers: Vec<u64> = durable.takeovers().map(|(_, epoch, _)| epoch.number()).collect();
    // The takeover that just ended, and those that its transaction left.
    assert_eq!(takeovers, (TIMES as u64 - 33..=TIMES as u64).collect::<Vec<_>>());
    let newest = world.machines.keys().filter_map(|id| durable.newest_fence(id));
    assert_eq!(newest.map(|(fence, _)| fence.number as usize).sum::<usize>(), TIMES);
    for id in world.machines.keys() {
        let fences = durable.fences().filter(|(fence, _)| fence.node == *id).count();
        assert!(fences <= 9, "{fences}");
    }
    world.is_whole();
}
