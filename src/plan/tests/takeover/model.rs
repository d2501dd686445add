//! A model checker around the same `step`: three nodes, one strict and one soft identity, one spare, and every order of a fault, a
//! thaw, a crash of the agent, a lost answer, an old order and a restart of the node.

use crate::machine::BmcKind;
use crate::sample::{SECOND, calm_with, config};
use crate::world::{Fate, TICK, World};
use stateright::{Checker, Model, Property};
use std::hash::{Hash, Hasher};
use understudy_core::model::id::NodeId;

/// Seconds that are looked at from the fault on.
const SECONDS_MAX: u8 = 8;
/// How many things may go wrong beside the fault; with all five the check takes minutes.
const DISTURBANCES_MAX: u8 = 2;

#[derive(Clone, Debug, PartialEq)]
struct Moment {
    world: World,
    /// The node that fails: the holder of the strict identity.
    victim: NodeId,
    left: Left,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Left {
    seconds: u8,
    faults: u8,
    thaws: u8,
    crashes: u8,
    fates: u8,
    redeliveries: u8,
    starts: u8,
    /// Of the five above together.
    disturbances: u8,
}

impl Hash for Moment {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{self:?}").hash(state);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Act {
    Second,
    Ledger(Fate),
    LateWrite,
    Cut,
    Freeze,
    Unplug,
    Thaw,
    Crash,
    Redeliver,
    Start,
}

struct Rack {
    bmcs: Vec<BmcKind>,
    /// The strict identity.
    name: &'static str,
}

impl Rack {
    fn start(&self, kind: BmcKind) -> Moment {
        let mut site = config(3, &[self.name, "dns-1"]);
        let timings = &mut site.timings;
        (timings.settle, timings.fence_max, timings.release_max) = (SECOND, 3 * SECOND, 2 * SECOND);
        site.racks.insert(
            "r1".parse().unwrap(),
            understudy_plan::config::RackPolicy {
                last_spare: understudy_plan::config::LastSpare::ForAll,
                ..Default::default()
            },
        );
        let victim = calm_with(site.clone(), &[]).holder(self.name);
        let kinds: Vec<BmcKind> =
            site.nodes.keys().map(|id| if *id == victim { kind } else { BmcKind::Honest }).collect();
        let mut world = calm_with(site, &kinds);
        world.keeps_notes = false;
        (world.notes, world.pages) = (Vec::new(), Vec::new());
        let left = Left {
            seconds: SECONDS_MAX,
            faults: 1,
            thaws: 1,
            crashes: 1,
            fates: 1,
            redeliveries: 1,
            starts: 1,
            disturbances: DISTURBANCES_MAX,
        };
        Moment { world, victim, left }
    }
}

impl Model for Rack {
    type State = Moment;
    type Action = Act;

    fn init_states(&self) -> Vec<Moment> {
        self.bmcs.iter().map(|kind| self.start(*kind)).collect()
    }

    fn actions(&self, at: &Moment, acts: &mut Vec<Act>) {
        let (world, left, victim) = (&at.world, &at.left, &at.world.machines[&at.victim]);
        if left.faults > 0 {
            acts.extend([Act::Freeze, Act::Unplug, Act::Cut]);
            return;
        }
        let mut may = |allowed: u8, condition: bool, all: &[Act]| {
            if allowed > 0 && condition {
                acts.extend(all);
            }
        };
        let is_asked = world.store.is_some() || world.reread.is_some();
        may(1, is_asked, &[Act::Ledger(Fate::Stored)]);
        let more = |of: u8| of.min(left.disturbances);
        may(
            more(left.fates),
            world.store.is_some(),
            &[Act::Ledger(Fate::AnswerLost), Act::Ledger(Fate::Late)],
        );
        may(1, world.limbo.is_some(), &[Act::LateWrite]);
        may(left.seconds, !is_asked, &[Act::Second]);
        may(more(left.thaws), victim.is_frozen || !victim.is_plugged, &[Act::Thaw]);
        may(more(left.crashes), true, &[Act::Crash]);
        may(more(left.redeliveries), victim.can_talk(), &[Act::Redeliver]);
        may(more(left.starts), !victim.is_on, &[Act::Start]);
    }

    fn next_state(&self, at: &Moment, act: Act) -> Option<Moment> {
        let mut next = at.clone();
        let (world, left) = (&mut next.world, &mut next.left);
        let is_disturbance = match act {
            Act::Ledger(fate) => fate != Fate::Stored,
            Act::Thaw | Act::Crash | Act::Redeliver | Act::Start => true,
            Act::Second | Act::LateWrite | Act::Cut | Act::Freeze | Act::Unplug => false,
        };
        left.disturbances -= u8::from(is_disturbance);
        match act {
            Act::Second => {
                left.seconds -= 1;
                world.serve_bmcs();
                for _ in 0..(SECOND.as_millis() / TICK.as_millis()) {
                    world.tick();
                }
                world.serve_bmcs();
            }
            Act::Ledger(fate) => {
                left.fates -= u8::from(fate != Fate::Stored);
                world.fate = fate;
                world.serve_ledger();
            }
            Act::LateWrite => world.apply_late(),
            Act::Cut | Act::Freeze | Act::Unplug => {
                left.faults -= 1;
                let machine = world.machine(&at.victim);
                match act {
                    Act::Cut => machine.cut(),
                    Act::Freeze => machine.is_frozen = true,
                    _ => machine.is_plugged = false,
                }
            }
            Act::Thaw => {
                left.thaws -= 1;
                let machine = world.machine(&at.victim);
                (machine.is_frozen, machine.is_plugged) = (false, true);
                crate::watchers::holders(world);
            }
            Act::Crash => {
                left.crashes -= 1;
                world.crash();
            }
            Act::Redeliver => {
                left.redeliveries -= 1;
                world.redeliver(&at.victim);
            }
            Act::Start => {
                left.starts -= 1;
                let now = world.now;
                world.machine(&at.victim).start(now);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what must never be is never", |_, at: &Moment| at.world.broken.is_none()),
            Property::sometimes("the spare serves", |rack: &Self, at: &Moment| {
                at.world.is_served(rack.name) && at.world.holder(rack.name) != at.victim
            }),
            Property::sometimes("the same node serves again", |rack: &Self, at: &Moment| {
                let is_same_node = |(node, epoch, _)| node == at.victim && epoch == 2;
                at.world.is_served(rack.name) && at.world.place(rack.name).is_some_and(is_same_node)
            }),
            Property::sometimes("a fence is powered off", |_, at: &Moment| at.world.power_offs > 0),
        ]
    }
}

fn check(bmcs: &[BmcKind], name: &'static str) -> usize {
    let checker = Rack { bmcs: bmcs.to_vec(), name }.checker().threads(2).spawn_bfs().join();
    if let Some(path) = checker.discovery("what must never be is never") {
        let last = path.last_state().world.broken.clone();
        panic!("{last:?} after {:?}", path.into_actions());
    }
    checker.unique_state_count()
}

#[test]
fn no_order_of_events_breaks_an_invariant_with_an_honest_bmc() {
    let rack = Rack { bmcs: vec![BmcKind::Honest], name: "db-1" }.checker().threads(2).spawn_bfs().join();
    if let Some(path) = rack.discovery("what must never be is never") {
        let last = path.last_state().world.broken.clone();
        panic!("{last:?} after {:?}", path.into_actions());
    }
    rack.assert_any_discovery("the spare serves");
    rack.assert_any_discovery("a fence is powered off");
    assert!(rack.unique_state_count() > 100, "{}", rack.unique_state_count());
}

#[test]
fn no_order_of_events_breaks_an_invariant_with_a_bmc_that_fails() {
    let states = check(&[BmcKind::AcceptsOnly, BmcKind::SaysOff, BmcKind::Foreign, BmcKind::Dead], "db-1");
    assert!(states > 100, "{states}");
}

/// Catches, among others, the mutants `any-spare-will-do` and `volume-is-forgotten`.
#[test]
fn no_order_of_events_gives_data_to_a_node_that_does_not_have_it() {
    let rack = Rack { bmcs: vec![BmcKind::Honest], name: "store-1" }.checker().threads(2).spawn_bfs().join();
    if let Some(path) = rack.discovery("what must never be is never") {
        let last = path.last_state().world.broken.clone();
        panic!("{last:?} after {:?}", path.into_actions());
    }
    rack.assert_any_discovery("the same node serves again");
    assert!(rack.discovery("the spare serves").is_none(), "another node has the data");
}
