//! Who gets what.

use crate::sample::{SECOND, calm, calm_with, config};
use crate::world::World;
use understudy_plan::Event;
use understudy_plan::config::{LastSpare, Needs, RackPolicy, SpareSource};
use understudy_plan::effect::NoteKind;

#[test]
fn the_choice_is_the_same_each_time() {
    let places: Vec<_> = (0..2).map(|_| calm(5, &["db-1", "dns-1", "dns-2"], &[])).collect();
    for name in ["db-1", "dns-1", "dns-2"] {
        assert_eq!(places[0].place(name), places[1].place(name));
    }
}

#[test]
fn without_a_spare_nothing_is_fenced_and_it_goes_on_when_one_appears() {
    let mut world = calm(3, &["db-1", "db-2", "db-3"], &[]);
    let old = world.holder("db-1");
    world.machine(&old).is_frozen = true;
    world.pass(30 * SECOND);
    // One witness more is no news.
    world.machine(&old).cut();
    world.pass(30 * SECOND);
    assert_eq!((world.power_offs, world.place("db-1").unwrap().2), (0, "held"));
    assert_eq!(world.times_told(NoteKind::Waiting, "has no spare"), 1, "{:#?}", world.texts());
    world.add_machine(7);
    assert!(world.pass_until(30 * SECOND, |world| world.is_served("db-1")), "{:#?}", world.texts());
    world.is_whole();
}

/// Catches a planner that gives the last spare to whoever comes first.
#[test]
fn the_last_spare_is_kept_for_strict_identities() {
    let mut world = calm(4, &["db-1", "dns-1", "dns-2"], &[]);
    let soft = world.holder("dns-1");
    world.machine(&soft).is_frozen = true;
    world.pass(60 * SECOND);
    world.was_told(NoteKind::Waiting, "kept for strict");
    let strict = world.holder("db-1");
    world.machine(&soft).is_frozen = false;
    world.pass(90 * SECOND);
    world.machine(&strict).is_frozen = true;
    assert!(world.pass_until(30 * SECOND, |world| world.is_served("db-1") && world.holder("db-1") != strict));
    world.is_whole();
}

#[test]
fn a_site_may_give_its_last_spare_to_anybody() {
    let mut site = config(4, &["db-1", "dns-1", "dns-2"]);
    let policy = RackPolicy { last_spare: LastSpare::ForAll, ..RackPolicy::default() };
    site.racks.insert("r1".parse().unwrap(), policy);
    let mut world = calm_with(site, &[]);
    let soft = world.holder("dns-1");
    world.machine(&soft).is_frozen = true;
    assert!(world.pass_until(30 * SECOND, |world| world.is_served("dns-1") && world.holder("dns-1") != soft));
    world.is_whole();
}

#[test]
fn a_node_that_is_too_small_gets_nothing() {
    let mut site = config(3, &["db-1"]);
    let big = site.nodes.keys().next_back().unwrap().clone();
    for (id, facts) in &mut site.nodes {
        facts.has.memory_bytes = if *id == big { 1 << 40 } else { 1 << 20 };
    }
    site.identities
        .values_mut()
        .for_each(|known| known.needs = Needs { memory_bytes: 1 << 30, ..Needs::default() });
    let world = calm_with(site, &[]);
    assert_eq!(world.holder("db-1"), big);
}

#[test]
fn a_spare_of_another_rack_is_taken_only_where_the_site_says_so() {
    for spares in [SpareSource::OwnRack, SpareSource::AnyRack] {
        let mut site = config(6, &["db-1"]);
        let own: Vec<_> = site.nodes.keys().take(3).cloned().collect();
        for (id, facts) in &mut site.nodes {
            facts.rack = if own.contains(id) { "r1" } else { "r2" }.parse().unwrap();
        }
        site.identities.values_mut().for_each(|known| known.spares = spares);
        let mut world = calm_with(site, &[]);
        let holder = world.holder("db-1");
        assert!(own.contains(&holder), "its own rack comes first");
        for id in own.iter().filter(|id| **id != holder) {
            world.command(understudy_plan::event::Command::Drain { node: id.clone() });
        }
        world.pass(5 * SECOND);
        world.machine(&holder).is_frozen = true;
        world.pass(60 * SECOND);
        assert_eq!(world.holder("db-1") != holder, spares == SpareSource::AnyRack, "{:#?}", world.texts());
        world.is_whole();
    }
}

#[test]
fn an_identity_that_is_not_declared_any_more_is_let_go_and_its_epoch_is_kept() {
    let mut world = calm(3, &["db-1"], &[]);
    let declared = world.config.clone();
    world.config.identities.clear();
    let config = Box::new(world.config.clone());
    world.take(Event::Configured(config));
    world.pass(10 * SECOND);
    assert_eq!(world.place("db-1"), None);
    assert!(world.machines.values().all(|machine| machine.acts.is_none()));
    world.config = declared.clone();
    world.take(Event::Configured(Box::new(declared)));
    world.pass(10 * SECOND);
    assert_eq!(world.place("db-1").unwrap().1, 2);
    world.is_whole();
}

#[test]
fn identities_wait_for_nodes_strict_ones_first() {
    let mut world = World::new(config(1, &["db-1", "aa-1"]), &[]);
    world.pass(30 * SECOND);
    assert!(world.is_served("db-1") && world.place("aa-1").is_none());
    world.was_told(NoteKind::Waiting, "aa-1");
}
