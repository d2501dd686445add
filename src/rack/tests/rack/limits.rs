//! What the agent must not do, however sure it is: storms, a rack that is silent as a whole, a ledger that is away, a
//! second agent.

use crate::faults::{Faulty, Strike};
use crate::world::{World, name, nothing_more_happens};
use std::sync::Arc;
use std::time::{Duration, Instant};
use understudy_core::model::epoch::Epoch;
use understudy_core::protocol::heartbeat::{Heartbeat, Order as NodeOrder};
use understudy_lab::machine::{Order, Power};
use understudy_plan::effect::NoteKind;
use understudy_plan::event::Command;
use understudy_rack::Refused;

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_that_fall_silent_together_are_a_storm_and_nothing_is_fenced() {
    let world = World::new(7, &["dns-1", "dns-2", "dns-3"]).await;
    let agent = world.start().await;
    let mut holders = Vec::new();
    for identity in ["dns-1", "dns-2", "dns-3"] {
        holders.push(agent.held(identity, 1).await);
    }
    // Cables, so that their power says whether anybody was fenced.
    for holder in &holders {
        world.server(holder).order(Order::Unplug).await;
    }
    agent.tells(NoteKind::Storm).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for holder in &holders {
        assert_eq!(world.server(holder).status().power, Power::On);
    }
    assert_eq!(agent.view().allowance.left, 2);
    // Power back does not mean a stampede.
    for holder in &holders {
        world.server(holder).order(Order::Plug).await;
    }
    agent.tells(NoteKind::StormOver).await;
    for identity in ["dns-1", "dns-2", "dns-3"] {
        agent.held(identity, 1).await;
    }
    world.network.witness.expect_all_well();
}

/// Mutant: an agent without a majority of its nodes goes on (`cut_off::reason` of the plan).
#[tokio::test(flavor = "multi_thread")]
async fn when_the_whole_rack_is_silent_the_agent_is_the_one_that_is_cut_off() {
    let world = World::new(4, &["dns-1"]).await;
    let agent = world.start().await;
    agent.held("dns-1", 1).await;
    for server in &world.machines.all {
        server.order(Order::Unplug).await;
    }
    agent.tells(NoteKind::CutOff).await;
    nothing_more_happens().await;
    assert!(world.machines.all.iter().all(|server| server.status().power == Power::On));
    assert_eq!((agent.view().allowance.left, agent.view().takeovers.len()), (2, 0));
    for server in &world.machines.all {
        server.order(Order::Plug).await;
    }
    agent.tells(NoteKind::Reconnected).await;
    agent.held("dns-1", 1).await;
    world.network.witness.expect_all_well();
}

/// Mutant: `Rack::stands` calls a ledger usable that did not answer.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_ledger_heartbeats_are_answered_at_once_and_nothing_is_changed() {
    let world = World::new(4, &["dns-1"]).await;
    let ledger = world.open();
    let faulty = Faulty::new(Arc::clone(&ledger), Strike::LosesAnswer, i64::MAX);
    let agent = world.start_on(ledger, faulty.clone()).await;
    let first = agent.held("dns-1", 1).await;
    faulty.set_dead(true);
    agent.until("halted", |view| !view.halted.is_empty()).await;
    let beat = Heartbeat { boot_id: "b".to_owned(), uptime_ms: 1, held: None, seen: Vec::new() };
    let began = Instant::now();
    let remote = std::net::IpAddr::from([127, 0, 0, 1]);
    for _ in 0..1000 {
        assert_eq!(agent.handle.heartbeat(&first, beat.clone(), remote).order, NodeOrder::Keep);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(!agent.handle.may_have(&first, &name("dns-1"), Epoch::new(1)));
    world.server(&first).order(Order::Freeze).await;
    let drained = agent.command(Command::Drain { node: first.clone() }).await;
    assert!(matches!(drained, Err(Refused::Declined(_) | Refused::Unknown)), "{drained:?}");
    nothing_more_happens().await;
    assert_eq!(world.server(&first).status().power, Power::On);
    // It is back, and so is everything that was due.
    faulty.set_dead(false);
    agent.held("dns-1", 2).await;
    assert_eq!(world.server(&first).status().power, Power::Off);
    world.network.witness.expect_all_well();
}

/// Mutant: `store::transaction` does not compare the leader's key.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_another_one_followed_does_nothing_any_more() {
    let world = World::new(4, &["dns-1"]).await;
    let ledger = world.open();
    let old = world.start_on(Arc::clone(&ledger), Arc::clone(&ledger)).await;
    let first = old.held("dns-1", 1).await;
    // Both run; nodes speak to the new one.
    let new = world.start_on(Arc::clone(&ledger), Arc::clone(&ledger)).await;
    let drained = old.command(Command::Drain { node: first.clone() }).await;
    assert!(matches!(drained, Err(Refused::Declined(_))), "{drained:?}");
    old.until("deposed", |view| view.halted.iter().any(|why| why.contains("another agent leads"))).await;
    new.held("dns-1", 1).await;
    world.server(&first).order(Order::Cut).await;
    new.held("dns-1", 2).await;
    assert_eq!(world.network.witness.epochs(&name("dns-1")), [1, 2]);
    world.network.witness.expect_all_well();
}
