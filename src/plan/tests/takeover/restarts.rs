//! The agent killed after every step, a ledger whose answers are lost, and a ledger that went back in time.

use crate::sample::{SECOND, calm};
use crate::world::{Fate, TICK, World};
use understudy_plan::effect::NoteKind;
use understudy_plan::{Event, resume};

/// One takeover of a frozen node, disturbed at its n-th step; the number of steps that it has.
fn disturbed(name: &str, at: usize, disturb: impl Fn(&mut World)) -> usize {
    let mut world = calm(4, &[name], &[]);
    let old = world.holder(name);
    world.machine(&old).is_frozen = true;
    let mut steps = 0;
    for _ in 0..180 {
        world.tick();
        for serve in [World::serve_bmcs, World::serve_ledger, World::serve_ledger, World::serve_bmcs] {
            let before = (world.ledger.revision, world.power_offs, world.store.is_some());
            serve(&mut world);
            if before != (world.ledger.revision, world.power_offs, world.store.is_some()) {
                steps += 1;
                if steps == at {
                    disturb(&mut world);
                }
            }
        }
    }
    assert!(world.is_served(name) && world.holder(name) != old, "{name} {at}: {:#?}", world.texts());
    assert_eq!(world.place(name).unwrap().1, 2, "{name} {at}: {:#?}", world.texts());
    world.is_whole();
    steps
}

/// Catches an epoch that is used again after a crash, and any action that is not derived from what is stored.
#[test]
fn an_agent_that_is_killed_after_any_step_goes_on_to_the_same_end() {
    for name in ["db-1", "dns-1"] {
        let steps = disturbed(name, usize::MAX, |_| {});
        assert!(steps >= 5, "{steps}");
        for at in 1..=steps {
            disturbed(name, at, World::crash);
        }
    }
}

#[test]
fn an_agent_that_is_killed_between_a_transaction_and_its_answer_goes_on_to_the_same_end() {
    for at in 1..9 {
        disturbed("db-1", at, |world| {
            if let Some(intent) = world.store.take() {
                world.ledger.commit(&intent);
                let durable = world.ledger.read();
                for (name, identity) in durable.identities() {
                    if let Some(holder) = identity.holder() {
                        world.granted.insert((name.clone(), identity.epoch), holder.clone());
                    }
                }
            }
            world.crash();
        });
    }
}

#[test]
fn whatever_becomes_of_a_transaction_the_takeover_ends_well() {
    for fate in [Fate::AnswerLost, Fate::NeverArrives, Fate::Late, Fate::Contended] {
        for at in 1..9 {
            disturbed("db-1", at, |world| world.fate = fate);
        }
        disturbed("db-1", 1, |world| {
            world.fate = fate;
            world.apply_late();
        });
    }
}

/// Catches a core that answers holders from what it merely plans.
#[test]
fn a_step_in_which_nothing_happened_changes_nothing_and_can_be_repeated() {
    let world = calm(4, &["db-1", "dns-1"], &[]);
    let (state, _) = resume(world.state.clone(), world.moment());
    let (again, effects) = resume(state.clone(), world.moment());
    assert_eq!((state, effects), (again, Vec::new()));
}

/// Catches a core that acts on an old read (mutant: a lost compare does not make it read again).
#[test]
fn after_a_lost_compare_nothing_is_decided_before_everything_was_read_again() {
    let mut world = calm(4, &["db-1"], &[]);
    let old = world.holder("db-1");
    world.machine(&old).is_frozen = true;
    world.fate = Fate::Contended;
    for _ in 0..40 {
        world.tick();
        world.serve_bmcs();
        if let Some(intent) = world.store.clone() {
            world.store = None;
            assert!(world.ledger.revision > 0);
            let answer = understudy_plan::event::LedgerAnswer::Lost;
            world.take(Event::Ledger { ticket: intent.ticket, answer });
            break;
        }
    }
    assert!(world.reread.is_some());
    world.reread = None;
    for _ in 0..16 {
        world.tick();
        world.serve_bmcs();
        assert_eq!((world.store.as_ref(), world.power_offs), (None, 0));
    }
    // The read itself is asked for again.
    for _ in 0..8 {
        world.tick();
    }
    assert!(world.reread.is_some());
    assert!(world.pass_until(20 * SECOND, |world| world.is_served("db-1") && world.holder("db-1") != old));
    world.is_whole();
}

#[test]
fn a_ledger_that_went_back_in_time_is_noticed_and_nothing_is_done_any_more() {
    let mut world = calm(4, &["db-1"], &[]);
    let yesterday = world.ledger.clone();
    let old = world.holder("db-1");
    world.machine(&old).is_frozen = true;
    world.pass(20 * SECOND);
    assert!(world.is_served("db-1"));
    world.ledger = yesterday;
    world.crash();
    world.pass(20 * SECOND);
    world.was_told(NoteKind::LedgerWentBack, "went back in time");
    assert!(world.state.halted().is_some() && world.power_offs == 1);
}

#[test]
fn a_restart_while_all_is_well_does_nothing() {
    let mut world = calm(5, &["db-1", "dns-1"], &[]);
    let revision = world.ledger.revision;
    for _ in 0..5 {
        world.crash();
        world.pass(7 * SECOND + TICK);
    }
    assert_eq!((world.ledger.revision, world.power_offs), (revision, 0));
    world.is_whole();
}
