//! Random histories: machines, BMCs, networks, ledgers and operators do what they like, and the agent is killed in between.

use crate::machine::{BmcKind, Mood};
use crate::sample::{SECOND, config};
use crate::world::{Fate, TICK, World};
use proptest::prelude::*;
use understudy_core::model::id::NodeId;
use understudy_plan::durable::Strength;
use understudy_plan::event::{Command, Reach};
use understudy_plan::key::Scope;

#[derive(Clone, Debug)]
enum Act {
    Pass(u8),
    /// Time in which ledger and BMCs do not answer.
    Wait(u8),
    Cut(u8),
    Freeze(u8),
    Thaw(u8),
    Unplug(u8),
    Plug(u8),
    Start(u8),
    Mood(u8, Mood),
    Fate(Fate),
    Crash,
    LateWrite,
    Redeliver(u8),
    Repeat(u8),
    Reach(bool, bool),
    Stall(u8),
    Drain(u8),
    Undrain(u8),
    Replace(u8),
    ConfirmDead(u8),
    Acknowledge,
    Pause(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let n = 0..6u8;
    let fates = vec![Fate::AnswerLost, Fate::NeverArrives, Fate::Late, Fate::Contended];
    let moods = vec![Mood::Serves, Mood::Serves, Mood::Unhealthy, Mood::Fails, Mood::Stubborn];
    prop_oneof![
        12 => (1..40u8).prop_map(Act::Pass),
        3 => (1..12u8).prop_map(Act::Wait),
        2 => n.clone().prop_map(Act::Cut),
        4 => n.clone().prop_map(Act::Freeze),
        4 => n.clone().prop_map(Act::Thaw),
        2 => n.clone().prop_map(Act::Unplug),
        2 => n.clone().prop_map(Act::Plug),
        3 => n.clone().prop_map(Act::Start),
        2 => (n.clone(), prop::sample::select(moods)).prop_map(|(n, mood)| Act::Mood(n, mood)),
        4 => prop::sample::select(fates).prop_map(Act::Fate),
        4 => Just(Act::Crash),
        2 => Just(Act::LateWrite),
        3 => n.clone().prop_map(Act::Redeliver),
        2 => n.clone().prop_map(Act::Repeat),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(ledger, gateway)| Act::Reach(ledger, gateway)),
        1 => (1..60u8).prop_map(Act::Stall),
        1 => n.clone().prop_map(Act::Drain),
        1 => n.clone().prop_map(Act::Undrain),
        1 => n.clone().prop_map(Act::Replace),
        1 => n.prop_map(Act::ConfirmDead),
        2 => Just(Act::Acknowledge),
        1 => any::<bool>().prop_map(Act::Pause),
    ]
}

fn bmc() -> impl Strategy<Value = BmcKind> {
    let kinds = vec![BmcKind::AcceptsOnly, BmcKind::SaysOff, BmcKind::Foreign, BmcKind::Dead];
    prop_oneof![4 => Just(BmcKind::Honest), 3 => prop::sample::select(kinds)]
}

fn perform(world: &mut World, act: &Act) {
    let ids: Vec<NodeId> = world.machines.keys().cloned().collect();
    let id = |n: u8| ids[n as usize % ids.len()].clone();
    let now = world.now;
    match *act {
        Act::Pass(quarters) => world.pass(TICK * quarters.into()),
        Act::Wait(quarters) => (0..quarters).for_each(|_| world.tick()),
        Act::Cut(n) => world.machine(&id(n)).cut(),
        Act::Freeze(n) => world.machine(&id(n)).is_frozen = world.machines[&id(n)].is_on,
        Act::Thaw(n) => world.machine(&id(n)).is_frozen = false,
        Act::Unplug(n) => world.machine(&id(n)).is_plugged = false,
        Act::Plug(n) => world.machine(&id(n)).is_plugged = true,
        Act::Start(n) => world.machine(&id(n)).start(now),
        Act::Mood(n, mood) => world.machine(&id(n)).mood = mood,
        Act::Fate(fate) => world.fate = fate,
        Act::Crash => world.crash(),
        Act::LateWrite => world.apply_late(),
        Act::Redeliver(n) => world.redeliver(&id(n)),
        Act::Repeat(n) => {
            if let Some(beat) = world.machines[&id(n)].last_beat.clone() {
                world.repeat(&id(n), beat);
            }
        }
        Act::Reach(ledger, gateway) => world.reach(Reach { ledger, gateway }),
        Act::Stall(seconds) => world.now += SECOND * seconds.into(),
        Act::Drain(n) => {
            world.command(Command::Drain { node: id(n) });
        }
        Act::Undrain(n) => {
            world.command(Command::Undrain { node: id(n) });
        }
        Act::Replace(n) => {
            world.command(Command::Replace { node: id(n), reason: "so".into(), strength: Strength::Asked });
        }
        Act::ConfirmDead(n) => {
            // An operator's word is proof, so it has to be true.
            if !world.machines[&id(n)].is_on {
                world.command(Command::ConfirmDead { node: id(n) });
            }
        }
        Act::Acknowledge => acknowledge(world),
        Act::Pause(true) => {
            world.command(Command::Pause { scope: Scope::Site, reason: "so".into() });
        }
        Act::Pause(false) => {
            world.command(Command::Resume { scope: Scope::Site });
        }
    }
    crate::watchers::holders(world);
}

fn acknowledge(world: &mut World) {
    let names: Vec<_> = world.config.identities.keys().cloned().collect();
    for identity in names {
        world.command(Command::Acknowledge { identity });
    }
}

/// Whatever was broken is mended, and people say what they can say.
fn mend(world: &mut World) {
    world.limbo = None;
    world.fate = Fate::Stored;
    world.reach(Reach { ledger: true, gateway: true });
    world.command(Command::Resume { scope: Scope::Site });
    let ids: Vec<NodeId> = world.machines.keys().cloned().collect();
    for id in ids {
        world.command(Command::Undrain { node: id.clone() });
        let now = world.now;
        let machine = world.machine(&id);
        (machine.is_plugged, machine.is_frozen, machine.mood) = (true, false, Mood::Serves);
        if !machine.is_on {
            machine.start(now);
        }
    }
    world.pass(10 * SECOND);
    // Nodes that were fenced are started again, one after the other, and identities that wait are acknowledged.
    for _ in 0..6 {
        world.pass(40 * SECOND);
        acknowledge(world);
        let ids: Vec<NodeId> = world.machines.keys().cloned().collect();
        let fenced = ids.iter().find(|id| world.state.durable().open_fence(id).is_some());
        if let Some(id) = fenced {
            let now = world.now;
            world.machine(id).start(now);
        }
    }
    world.jump(3700 * SECOND);
    world.pass(40 * SECOND);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    /// I1 to I6 and V, whatever happens. Catches an agent that ignores that it is cut off (mutant `ignores-being-cut-off`).
    #[test]
    fn what_must_never_be_is_never(
        kinds in prop::collection::vec(bmc(), 6),
        acts in prop::collection::vec(act(), 1..70),
    ) {
        let mut world = World::new(config(6, &["db-1", "dns-1", "store-1", "web-1"]), &kinds);
        world.pass(30 * SECOND);
        for act in &acts {
            perform(&mut world, act);
            prop_assert_eq!(&world.broken, &None, "after {:?} of {:?} with {:?}: {:#?}", act, acts, kinds, world.texts());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 100, ..ProptestConfig::default() })]

    /// I8: when everything works again, every identity comes to be served, by one node, whatever was before.
    #[test]
    fn when_everything_works_again_everything_is_served(acts in prop::collection::vec(act(), 1..40)) {
        let names = ["db-1", "dns-1", "store-1"];
        let mut world = World::new(config(6, &names), &[]);
        world.pass(30 * SECOND);
        acts.iter().for_each(|act| perform(&mut world, act));
        mend(&mut world);
        prop_assert_eq!(&world.broken, &None);
        for name in names {
            let attention = world.state.attention(&name.parse().unwrap());
            prop_assert!(world.is_served(name), "{} {:?} {:?}: {:#?} {:#?}", name, acts, attention, world.texts(), world.ledger);
        }
    }
}
