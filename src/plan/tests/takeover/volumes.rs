//! Identities with data: they stay where it is, and come back to it.

use crate::machine::{BmcKind, Mood};
use crate::sample::{SECOND, calm, held_with};
use crate::world::World;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_plan::durable::{Strength, Volume};
use understudy_plan::effect::{NoteKind, Reply};
use understudy_plan::event::Command;
use understudy_plan::{Event, NodeState};

fn name() -> Name {
    "store-1".parse().unwrap()
}

fn volume(world: &World) -> Volume {
    world.ledger.read().volume(&name()).unwrap().clone()
}

fn start(world: &mut World, node: &NodeId) {
    let now = world.now;
    world.machine(node).start(now);
}

#[track_caller]
fn declined(world: &mut World, command: Command, why: &str) {
    let id = world.command(command);
    world.pass(SECOND);
    let reply = world.replies.get(&id).cloned().unwrap();
    assert!(matches!(&reply, Reply::Declined(text) if text.contains(why)), "{reply:?}");
}

#[test]
fn a_volume_is_born_with_its_first_holder_and_counts_once_that_one_serves() {
    let mut world = World::new(crate::sample::config(3, &["store-1", "db-1"]), &[]);
    let mut was_granting = false;
    while !world.is_served("store-1") {
        world.tick();
        world.serve_bmcs();
        world.serve_ledger();
        if world.place("store-1").is_some_and(|place| place.2 == "granting") {
            was_granting = true;
            assert!(!volume(&world).served);
        }
    }
    let holder = world.holder("store-1");
    let served = Volume { born: Epoch::new(1), copies: [holder.clone()].into(), served: true };
    assert!(was_granting && volume(&world) == served, "{:?}", volume(&world));
    assert_eq!(world.machines[&holder].volumes[&name()], Epoch::new(1));
    assert_eq!(world.ledger.read().volumes().count(), 1, "others have none");
    world.is_whole();
}

/// Whoever has used up the rack's allowance hears of the volume all the same, as that is what the identity waits for.
#[test]
fn a_holder_that_is_waited_for_is_told_of_before_the_allowance() {
    let mut world = calm(5, &["store-1", "dns-1", "dns-2"], &[]);
    let store = world.holder("store-1");
    for name in ["dns-1", "dns-2"] {
        let old = world.holder(name);
        world.machine(&old).cut();
        let is_elsewhere = |world: &World| world.is_served(name) && world.holder(name) != old;
        assert!(world.pass_until(60 * SECOND, is_elsewhere), "{:#?}", world.texts());
    }
    world.machine(&store).cut();
    world.pass(60 * SECOND);
    world.was_told(NoteKind::Waiting, &format!("its volume is on node {store} alone, which is silent"));
    assert_eq!(world.times_told(NoteKind::Waiting, "allowance"), 0, "{:#?}", world.texts());
}

/// A spare helps no identity whose data is elsewhere. Catches the mutant `keeps-a-spare-for-nobody`, which leaves a soft one down for it.
#[test]
fn the_last_spare_is_not_kept_for_those_who_could_not_use_it() {
    let mut world = calm(3, &["store-1", "dns-1"], &[]);
    let (store, old) = (world.holder("store-1"), world.holder("dns-1"));
    world.machine(&old).is_frozen = true;
    let is_elsewhere = |world: &World| world.is_served("dns-1") && world.holder("dns-1") != old;
    assert!(world.pass_until(30 * SECOND, is_elsewhere), "{:#?}", world.texts());
    assert_eq!(world.holder("store-1"), store);
    world.is_whole();
}

/// Catches the mutants `any-spare-will-do` and `volume-is-forgotten`, and a core that fences a node for a silence from which
/// nobody could gain.
#[test]
fn a_holder_with_the_only_copy_is_waited_for_and_serves_again_after_its_power_was_cut() {
    let mut world = calm(4, &["store-1"], &[]);
    let old = world.holder("store-1");
    world.machine(&old).cut();
    world.pass(120 * SECOND);
    assert_eq!(world.place("store-1").unwrap(), (old.clone(), 1, "held"), "{:#?}", world.texts());
    world.was_told(NoteKind::Waiting, &format!("its volume is on node {old} alone, which is silent"));
    assert_eq!((world.power_offs, world.ledger.read().fences().count()), (0, 0));
    start(&mut world, &old);
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("store-1")), "{:#?}", world.texts());
    assert_eq!(world.place("store-1").unwrap(), (old.clone(), 2, "held"));
    assert_eq!(volume(&world), Volume { born: Epoch::new(1), copies: [old.clone()].into(), served: true });
    assert_eq!(NodeState::of(&world.state, &old, world.moment()), NodeState::Assigned);
    assert_eq!(world.state.attention(&name()), None);
    assert_eq!(world.power_offs, 0);
    world.is_whole();
}

/// It says hello and is not healthy yet, for a minute. Catches a core that begins at once, finds no proof, and powers it off
/// (mutant `hurries-a-node-with-data`).
#[test]
fn a_holder_with_the_only_copy_has_the_time_that_its_start_takes() {
    let mut world = calm(4, &["store-1"], &[]);
    let holder = world.holder("store-1");
    start(&mut world, &holder);
    world.machine(&holder).is_plugged = false;
    let boot = world.machine(&holder).boot_id();
    world.take(Event::Booted { node: holder.clone(), boot });
    world.pass(60 * SECOND);
    assert_eq!((world.power_offs, world.ledger.read().fences().count()), (0, 0), "{:#?}", world.texts());
    world.was_told(NoteKind::Waiting, "has started again and is not ready yet");
    world.machine(&holder).is_plugged = true;
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("store-1")), "{:#?}", world.texts());
    assert_eq!(world.place("store-1").unwrap(), (holder, 2, "held"));
    world.is_whole();
}

/// A frozen one too: it is left alone, and goes on as it was.
#[test]
fn a_holder_with_the_only_copy_that_is_only_cut_off_goes_on_as_it_was() {
    let mut world = calm(4, &["store-1"], &[]);
    let old = world.holder("store-1");
    world.machine(&old).is_plugged = false;
    world.pass(120 * SECOND);
    world.machine(&old).is_plugged = true;
    world.pass(10 * SECOND);
    assert!(world.is_served("store-1") && world.power_offs == 0);
    assert_eq!(world.place("store-1").unwrap(), (old, 1, "held"));
    world.is_whole();
}

#[test]
fn a_volume_that_was_never_served_is_born_again_at_another_node() {
    let mut world = World::new(crate::sample::config(4, &["store-1"]), &[]);
    for machine in world.machines.values_mut() {
        machine.mood = Mood::Fails;
    }
    let is_granting = |world: &World| world.place("store-1").is_some_and(|place| place.2 == "granting");
    assert!(world.pass_until(30 * SECOND, is_granting), "{:#?}", world.texts());
    let first = world.holder("store-1");
    for machine in world.machines.values_mut() {
        machine.mood = Mood::Serves;
    }
    world.machine(&first).cut();
    assert!(world.pass_until(60 * SECOND, |world| world.is_served("store-1")), "{:#?}", world.texts());
    let second = world.holder("store-1");
    let born = world.ledger.read().epoch(&name());
    assert!(second != first && born > Epoch::new(1));
    assert_eq!(volume(&world), Volume { born, copies: [second].into(), served: true });
    world.is_whole();
}

/// Catches the mutant `force-moves-a-volume`, and a drain that takes an identity from its data.
#[test]
fn no_command_moves_an_identity_from_its_data() {
    let mut world = calm(4, &["store-1"], &[]);
    let holder = world.holder("store-1");
    for strength in [Strength::Asked, Strength::Forced] {
        let command = Command::Replace { node: holder.clone(), reason: "it is slow".into(), strength };
        declined(&mut world, command, "its volume is on node");
    }
    declined(&mut world, Command::Drain { node: holder.clone() }, "identity store-1 stays on node");
    world.pass(20 * SECOND);
    assert_eq!(world.place("store-1").unwrap(), (holder.clone(), 1, "held"));
    // Free, but of no use to a node that does not have it.
    world.machine(&holder).cut();
    world.pass(5 * SECOND);
    world.command(Command::ConfirmDead { node: holder.clone() });
    world.pass(20 * SECOND);
    assert_eq!(world.place("store-1"), None);
    world.was_told(NoteKind::Waiting, "identity store-1 has no node: its volume is on node");
    let other = world.machines.keys().find(|id| **id != holder).unwrap().clone();
    let command = Command::Assign { identity: name(), node: other };
    declined(&mut world, command, "has no copy of the volume");
    start(&mut world, &holder);
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("store-1")), "{:#?}", world.texts());
    assert_eq!(world.holder("store-1"), holder);
    world.is_whole();
}

/// A node comes back, and another identity waits for a node as well: it would be first by its name. Catches a planner to
/// which a node with data is a spare like any other (mutant `data-is-in-the-way`).
#[test]
fn a_node_that_comes_back_with_data_is_kept_for_it() {
    let mut world = calm(2, &["db-1", "store-1"], &[]);
    let (holder, other) = (world.holder("store-1"), world.holder("db-1"));
    world.add_machine(7);
    let third = world.machines.keys().find(|id| **id != holder && **id != other).unwrap().clone();
    world.machine(&third).cut();
    world.machine(&other).cut();
    start(&mut world, &holder);
    world.pass(60 * SECOND);
    start(&mut world, &third);
    world.command(Command::Acknowledge { identity: name() });
    world.pass(60 * SECOND);
    assert!(world.is_served("store-1"), "{:#?}", world.texts());
    assert_eq!((world.holder("store-1"), world.holder("db-1")), (holder.clone(), third));
    let identity = "db-1".parse().unwrap();
    declined(&mut world, Command::Assign { identity, node: holder }, "to move it");
    world.is_whole();
}

#[test]
fn a_node_with_data_is_given_to_nobody_else_by_hand() {
    let mut world = calm(4, &["db-1", "store-1"], &[]);
    let holder = world.holder("store-1");
    let scope = understudy_plan::key::Scope::Identity(name());
    world.command(Command::Pause { scope, reason: "look".into() });
    world.machine(&holder).cut();
    world.pass(5 * SECOND);
    world.command(Command::ConfirmDead { node: holder.clone() });
    start(&mut world, &holder);
    world.pass(20 * SECOND);
    assert_eq!(world.place("store-1"), None, "{:#?}", world.texts());
    let scope = understudy_plan::key::Scope::Identity("db-1".parse().unwrap());
    world.command(Command::Pause { scope, reason: "look".into() });
    let database = world.holder("db-1");
    world.machine(&database).cut();
    world.pass(5 * SECOND);
    world.command(Command::ConfirmDead { node: database });
    world.pass(5 * SECOND);
    let identity = "db-1".parse().unwrap();
    let command = Command::Assign { identity, node: holder };
    declined(&mut world, command, "is kept for identity store-1, whose volume it has");
    world.is_whole();
}

/// A holder that was given its data back and dies before it serves is only waited for. Catches a takeover that stays open for
/// it: no other could begin in the rack (mutant `waits-in-everybodys-way`).
#[test]
fn a_node_that_is_waited_for_keeps_no_other_takeover_from_beginning() {
    let mut world = calm(6, &["db-1", "store-1"], &[]);
    let holder = world.holder("store-1");
    world.machine(&holder).mood = Mood::Fails;
    start(&mut world, &holder);
    let is_granting = |world: &World| world.place("store-1").is_some_and(|place| place.2 == "granting");
    assert!(world.pass_until(20 * SECOND, is_granting), "{:#?}", world.texts());
    world.machine(&holder).cut();
    world.pass(30 * SECOND);
    let database = world.holder("db-1");
    world.machine(&database).cut();
    assert!(world.pass_until(90 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    world.machine(&holder).mood = Mood::Serves;
    start(&mut world, &holder);
    assert!(world.pass_until(30 * SECOND, |world| world.is_served("store-1")), "{:#?}", world.texts());
    assert_eq!(world.place("store-1").unwrap(), (holder, 3, "held"));
    world.is_whole();
}

/// Its units cannot be healed there: it is told to a person, and nothing is fenced or moved.
#[test]
fn a_holder_that_cannot_serve_its_data_keeps_it_until_it_has_started_again() {
    let (mut world, holder) = held_with("store-1", 4, BmcKind::Honest);
    world.machine(&holder).mood = Mood::Fails;
    world.pass(120 * SECOND);
    assert_eq!(world.place("store-1").unwrap(), (holder.clone(), 1, "held"));
    world.was_told(NoteKind::Waiting, "start that node again: it gets it back");
    world.machine(&holder).mood = Mood::Serves;
    start(&mut world, &holder);
    assert!(world.pass_until(30 * SECOND, |world| world.is_served("store-1")), "{:#?}", world.texts());
    assert_eq!(world.place("store-1").unwrap(), (holder, 2, "held"));
    world.is_whole();
}

#[test]
fn an_identity_that_is_declared_again_goes_back_to_its_data() {
    let mut world = calm(4, &["store-1"], &[]);
    let (declared, holder) = (world.config.clone(), world.holder("store-1"));
    world.config.identities.clear();
    world.take(Event::Configured(Box::new(world.config.clone())));
    world.pass(10 * SECOND);
    assert_eq!(world.place("store-1"), None);
    world.config = declared.clone();
    world.take(Event::Configured(Box::new(declared)));
    world.pass(10 * SECOND);
    assert_eq!(world.place("store-1").unwrap(), (holder, 2, "held"));
    world.is_whole();
}
