//! The agent is killed before and behind every stored step, and its answers get lost: each takeover ends well all the same.

use crate::events;
use crate::faults::{Faulty, Strike};
use crate::world::{World, is_held, name};
use std::sync::Arc;
use understudy_lab::machine::Order;
use understudy_plan::effect::NoteKind;

/// The first assignment and one takeover, with a fault at the nth stored step. Whether there was such a step.
async fn one_takeover(strike: Strike, nth: i64) -> bool {
    let world = World::new(4, &["dns-1"]).await;
    let ledger = world.open();
    let faulty = Faulty::new(Arc::clone(&ledger), strike, nth);
    let agent = world.start_on(ledger, faulty.clone()).await;
    let is_killed = matches!(strike, Strike::Before | Strike::After);
    let mut agent = Some(agent);
    if is_killed {
        // Until it is served, or the fault strikes.
        let running = agent.take().unwrap();
        while !faulty.struck.is_cancelled() && !is_held(&running.view(), "dns-1", 1) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        if faulty.struck.is_cancelled() {
            running.kill(&world).await;
            agent = Some(world.start().await);
        } else {
            agent = Some(running);
        }
    }
    let running = agent.take().unwrap();
    let first = running.held("dns-1", 1).await;
    world.server(&first).order(Order::Cut).await;
    let running = if is_killed && !faulty.struck.is_cancelled() {
        world.run_until_struck(&faulty, running, |view| is_held(view, "dns-1", 2)).await;
        world.start().await
    } else {
        running
    };
    let second = running.held("dns-1", 2).await;
    assert_ne!(first, second);
    world.network.witness.expect_all_well();
    assert_eq!(world.network.witness.epochs(&name("dns-1")), [1, 2], "{strike:?} {nth}");
    tell_everything_once(&running, strike, nth).await;
    let view = running.view();
    assert_eq!((view.takeovers.len(), view.allowance.left), (1, 1), "{strike:?} {nth}: {view:#?}");
    running.kill(&world).await;
    faulty.struck.is_cancelled()
}

/// What is stored with a step is told once, however often the agent died.
async fn tell_everything_once(agent: &crate::world::Agent, strike: Strike, nth: i64) {
    for (kind, times) in
        [(NoteKind::Assigned, 2), (NoteKind::Serving, 2), (NoteKind::TakeoverBegun, 1), (NoteKind::Fenced, 1)]
    {
        let mut told = Vec::new();
        for _ in 0..100 {
            told = events::all(&*agent.ledger).await;
            if told.iter().filter(|note| note.kind == kind).count() == times {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let count = told.iter().filter(|note| note.kind == kind).count();
        assert_eq!(count, times, "{strike:?} {nth} {kind:?}: {told:#?}");
    }
}

async fn at_every_step(strike: Strike) {
    let mut nth = 1;
    while one_takeover(strike, nth).await {
        nth += 1;
    }
    // Two assignments, each granted and held; begun, proven.
    assert!(nth > 6, "only {} steps were struck", nth - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_stored_step_a_takeover_ends_with_one_holder_and_each_epoch_once() {
    at_every_step(Strike::Before).await;
}

/// Mutant: notes are not stored with their step (`store::transaction` leaves them out).
#[tokio::test(flavor = "multi_thread")]
async fn killed_behind_any_stored_step_a_takeover_ends_with_one_holder_and_each_epoch_once() {
    at_every_step(Strike::After).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_stored_and_whose_answer_is_lost_is_not_done_twice() {
    at_every_step(Strike::LosesAnswer).await;
}

/// Mutant: a lost answer counts as stored (`store::commit`).
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_never_stored_is_done_once_the_ledger_says_so() {
    at_every_step(Strike::LosesRequest).await;
}
