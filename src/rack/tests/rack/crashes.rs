//! The agent is killed before and behind every stored step, and its answers get lost: each takeover ends well all the same.

use crate::events;
use crate::faults::Strike;
use crate::world::{Agent, World, is_held, name};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use understudy_lab::machine::Order;
use understudy_plan::effect::NoteKind;

/// The first assignment and one takeover, with a fault at the nth stored step. Whether there was such a step.
async fn one_takeover(strike: Strike, nth: i64) -> bool {
    let world = World::new(4, &["dns-1"]).await;
    let (agent, struck) = world.start_faulty(strike, nth).await;
    let mut was_killed = false;
    let agent = until_held_or_killed(&world, agent, strike, (&struck, &mut was_killed), 1).await;
    let first = agent.held("dns-1", 1).await;
    world.server(&first).order(Order::Cut).await;
    let agent = until_held_or_killed(&world, agent, strike, (&struck, &mut was_killed), 2).await;
    let second = agent.held("dns-1", 2).await;
    assert_ne!(first, second);
    world.network.witness.expect_all_well();
    assert_eq!(world.network.witness.epochs(&name("dns-1")), [1, 2], "{strike:?} {nth}");
    tell_everything_once(&agent, strike, nth).await;
    let view = agent.view();
    assert_eq!((view.takeovers.len(), view.allowance.left), (1, 1), "{strike:?} {nth}: {view:#?}");
    agent.kill(&world).await;
    struck.is_cancelled()
}

/// An agent whose ledger stopped answering is killed, and another one started on the same file.
async fn until_held_or_killed(
    world: &World,
    agent: Agent,
    strike: Strike,
    (struck, was_killed): (&CancellationToken, &mut bool),
    epoch: u64,
) -> Agent {
    let began = std::time::Instant::now();
    let is_killed = matches!(strike, Strike::Before | Strike::After) && !*was_killed;
    loop {
        if is_held(&agent.view(), "dns-1", epoch) {
            return agent;
        }
        if is_killed && struck.is_cancelled() {
            *was_killed = true;
            agent.kill(world).await;
            return world.start().await;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{strike:?}: {:#?}", agent.view());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What is stored with a step is told once, however often the agent died.
async fn tell_everything_once(agent: &Agent, strike: Strike, nth: i64) {
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
