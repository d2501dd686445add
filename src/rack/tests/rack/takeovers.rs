//! One node is lost, in every way in which a node can be.

use crate::world::{Agent, World, name, nothing_more_happens};
use std::sync::atomic::Ordering;
use understudy_core::model::epoch::Epoch;
use understudy_core::protocol::bundle::VolumeOrder;
use understudy_core::protocol::heartbeat::Order as NodeOrder;
use understudy_lab::bmc::mode::Mode;
use understudy_lab::machine::{Order, Power};
use understudy_plan::durable::Strength;
use understudy_plan::effect::NoteKind;
use understudy_plan::event::Command;
use understudy_rack::{Carry, Refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_node_is_fenced_and_a_spare_has_its_identity_at_the_next_epoch() {
    let world = World::new(4, &["dns-1"]).await;
    let agent = world.start().await;
    let first = agent.held("dns-1", 1).await;
    assert!(agent.handle.may_have(&first, &name("dns-1"), Epoch::new(1)));
    world.server(&first).order(Order::Cut).await;
    let second = agent.held("dns-1", 2).await;
    assert_ne!(first, second);
    assert!(!agent.handle.may_have(&first, &name("dns-1"), Epoch::new(1)));
    let view = agent.until("closed", |view| view.takeovers[0].outcome.as_deref() == Some("serving")).await;
    let takeover = &view.takeovers[0];
    assert_eq!((&takeover.from, takeover.to.as_ref()), (&first, Some(&second)));
    assert!(takeover.detected_s.is_some() && takeover.fenced_s.is_some() && takeover.serving_s.is_some());
    assert_eq!(view.allowance.left, 1);
    for kind in [NoteKind::Assigned, NoteKind::TakeoverBegun, NoteKind::Fenced, NoteKind::Serving] {
        agent.tells(kind).await;
    }
    let metrics = agent.handle.metrics();
    assert!(metrics.contains("understudy_rack_takeovers_total{outcome=\"serving\"} 1"), "{metrics}");
    world.network.witness.expect_all_well();

    // It comes back: in a new boot it is a spare, and never what it was.
    let since = world.network.witness.count();
    world.server(&first).order(Order::On).await;
    agent
        .until("a spare again", |view| {
            view.nodes.iter().any(|node| node.id == first && node.state == "spare")
        })
        .await;
    assert_eq!(world.network.witness.orders(&first, since), []);
    world.network.witness.expect_all_well();
}

/// Mutants: `Snapshot::granted` says nothing of a volume; the entry of the volume is not read again after a crash.
#[tokio::test(flavor = "multi_thread")]
async fn a_holder_with_data_is_waited_for_and_has_it_again_at_the_next_epoch() {
    let mut world = World::new(4, &["store-1"]).await;
    world.config.identities.values_mut().for_each(|known| known.has_volume = true);
    let agent = world.start().await;
    let first = agent.held("store-1", 1).await;
    let order = |agent: &Agent, epoch| {
        agent.handle.granted(&first, &name("store-1"), Epoch::new(epoch)).and_then(|granted| granted.volume)
    };
    let born = Some(VolumeOrder { born: Epoch::new(1) });
    assert_eq!(order(&agent, 1), born);
    let volume = agent.identity("store-1").volume.unwrap();
    assert_eq!((volume.copies, volume.served), ([first.clone()].into(), true));

    let since = world.network.witness.count();
    world.server(&first).order(Order::Cut).await;
    agent
        .until("waiting for its node", |view| {
            let told = view.identities[0].attention.as_deref();
            told.is_some_and(|told| {
                told.contains(&format!("its volume is on node {first} alone, which is silent"))
            })
        })
        .await;
    let command = Command::Replace { node: first.clone(), reason: "x".into(), strength: Strength::Forced };
    let refused = agent.command(command).await.unwrap_err();
    assert!(matches!(&refused, Refused::Declined(why) if why.contains("its volume is on node")), "{refused}");
    agent.kill(&world).await;
    let agent = world.start().await;
    nothing_more_happens().await;
    let identity = agent.identity("store-1");
    assert_eq!((identity.node.as_ref(), identity.epoch), (Some(&first), Epoch::new(1)));
    assert_eq!(world.network.witness.orders(&first, since), [], "nobody could have it: it is not fenced");

    world.server(&first).order(Order::On).await;
    assert_eq!(agent.held("store-1", 2).await, first);
    assert_eq!((order(&agent, 1), order(&agent, 2)), (None, born));
    world.network.witness.expect_all_well();
}

/// Mutant: `Effect::PowerOff` is left undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_node_loses_its_power_before_its_identity_moves() {
    let world = World::new(4, &["dns-1"]).await;
    let agent = world.start().await;
    let first = agent.held("dns-1", 1).await;
    world.server(&first).order(Order::Freeze).await;
    let second = agent.held("dns-1", 2).await;
    assert_ne!(first, second);
    assert_eq!(world.server(&first).status().power, Power::Off);
    world.network.witness.expect_all_well();
}

/// Mutant: `Snapshot::release` gives nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_holder_that_thaws_is_told_to_let_go_and_never_to_hold() {
    let world = World::new(4, &["dns-1"]).await;
    let agent = world.start().await;
    let first = agent.held("dns-1", 1).await;
    world.server(&first).set_bmc(Mode::Dead);
    world.server(&first).order(Order::Freeze).await;
    agent.tells(NoteKind::FenceUnconfirmed).await;
    // A person walks there, and errs.
    let word = Command::ConfirmDead { node: first.clone() };
    let rehearsed = agent.handle.command("anna", word.clone(), Carry::Rehearse).await.unwrap();
    assert!(rehearsed.lines[0].contains("counts as dead"), "{rehearsed:?}");
    agent.command(word).await.unwrap();
    agent.held("dns-1", 2).await;
    // The agent that knew the order is gone, too: the first word of the old holder has to be enough.
    agent.kill(&world).await;
    let agent = world.start().await;
    agent.held("dns-1", 2).await;
    let since = world.network.witness.count();
    world.server(&first).order(Order::Thaw).await;
    let began = std::time::Instant::now();
    while world.network.witness.orders(&first, since).is_empty() {
        assert!(began.elapsed().as_secs() < 20);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    nothing_more_happens().await;
    let release = NodeOrder::Release { identity: name("dns-1"), epoch: Epoch::new(1) };
    assert_eq!(world.network.witness.first_answer(&first, since), Some(release.clone()));
    assert!(world.network.witness.orders(&first, since).iter().all(|order| *order == release));
}

/// Mutant: in `ask_power`, a `look` that failed counts as off.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_on_the_word_of_a_bmc_that_cannot_be_believed() {
    for (mode, why) in [
        (Mode::AcceptsButStaysOn, "goes on saying that the power is on"),
        (Mode::SaysOff, "caught at a lie"),
        (Mode::Hangs, "did not answer in time"),
        (Mode::Dead, "did not answer in time"),
        (Mode::ForeignUuid, "another machine's"),
    ] {
        let world = World::new(4, &["dns-1"]).await;
        let agent = world.start().await;
        let first = agent.held("dns-1", 1).await;
        world.server(&first).set_bmc(mode);
        if mode == Mode::SaysOff {
            // It is caught while its node still speaks.
            agent.tells(NoteKind::BmcDistrusted).await;
        }
        world.server(&first).order(Order::Unplug).await;
        let text = agent.tells(NoteKind::FenceUnconfirmed).await;
        assert!(text.contains(why), "{mode}: {text}");
        nothing_more_happens().await;
        let identity = agent.identity("dns-1");
        assert_eq!((identity.state.as_str(), identity.node.as_ref()), ("fencing", Some(&first)), "{mode}");
        let attention = identity.attention.unwrap();
        assert!(attention.contains("--confirm-dead"), "{mode}: {attention}");
        assert_eq!(world.network.witness.epochs(&name("dns-1")), [1], "{mode}");
        assert_eq!(world.server(&first).status().power, Power::On, "{mode}");
        world.network.witness.expect_all_well();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_that_dies_while_it_takes_over_is_replaced_as_well() {
    let world = World::new(5, &["dns-1"]).await;
    let agent = world.start().await;
    let first = agent.held("dns-1", 1).await;
    world.network.is_slow.store(true, Ordering::SeqCst);
    world.server(&first).order(Order::Cut).await;
    let is_granted = |epoch: u64| {
        move |view: &understudy_rack::view::RackView| {
            view.identities[0].state == "granting" && view.identities[0].epoch.number() == epoch
        }
    };
    agent.until("granted", is_granted(2)).await;
    let spare = world.holder(&agent, "dns-1");
    world.server(&spare).order(Order::Cut).await;
    world.network.is_slow.store(false, Ordering::SeqCst);
    let third = agent.held("dns-1", 3).await;
    assert!(third != first && third != spare);
    let view = agent.until("closed", |view| view.takeovers.iter().all(|one| one.outcome.is_some())).await;
    let outcomes: Vec<_> = view.takeovers.iter().filter_map(|one| one.outcome.as_deref()).collect();
    assert_eq!(outcomes, ["serving", "spare-lost"]);
    world.network.witness.expect_all_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_spare_it_is_said_loudly_and_done_when_one_arrives() {
    let world = World::new(4, &["dns-1", "dns-2", "dns-3"]).await;
    let agent = world.start().await;
    for identity in ["dns-1", "dns-2", "dns-3"] {
        agent.held(identity, 1).await;
    }
    let first = world.holder(&agent, "dns-1");
    let holders = agent.handle.holders();
    let spare = world.ids.iter().find(|id| !holders.contains(id)).unwrap();
    let drained = agent.command(Command::Drain { node: spare.clone() }).await.unwrap();
    assert!(drained.lines[0].contains("drained"), "{drained:?}");
    world.server(&first).order(Order::Cut).await;
    let view = agent.until("said", |view| view.identities[0].attention.is_some()).await;
    assert!(view.identities[0].attention.as_deref().unwrap().contains("no spare"), "{view:#?}");
    assert_eq!(agent.identity("dns-1").epoch.number(), 1);
    agent.command(Command::Undrain { node: spare.clone() }).await.unwrap();
    assert_eq!(agent.held("dns-1", 2).await, *spare);
    world.network.witness.expect_all_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_failure_waits_for_the_first_takeover_and_is_done_then() {
    let world = World::new(6, &["dns-1", "dns-2"]).await;
    let agent = world.start().await;
    let (first, second) = (agent.held("dns-1", 1).await, agent.held("dns-2", 1).await);
    world.server(&first).order(Order::Cut).await;
    world.server(&second).order(Order::Cut).await;
    agent.held("dns-1", 2).await;
    agent.held("dns-2", 2).await;
    let view = agent.until("closed", |view| view.takeovers.iter().all(|one| one.outcome.is_some())).await;
    let [newest, oldest] = &view.takeovers[..] else { panic!("{view:#?}") };
    // One at a time: the second began when the first had ended.
    let ended = oldest.fenced_s.unwrap() + oldest.assigned_s.unwrap() + oldest.serving_s.unwrap();
    assert!(newest.begun.duration_since(oldest.begun).as_secs_f64() >= ended, "{view:#?}");
    // The allowance is used up.
    assert_eq!(view.allowance.left, 0);
    world.network.witness.expect_all_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_make_no_sense_are_declined_and_say_why() {
    let world = World::new(3, &["dns-1"]).await;
    let agent = world.start().await;
    let first = agent.held("dns-1", 1).await;
    let dead = agent.command(Command::ConfirmDead { node: first.clone() }).await;
    assert!(matches!(&dead, Err(Refused::Declined(why)) if why.contains("it is not dead")), "{dead:?}");
    let replace =
        Command::Replace { node: first.clone(), reason: "it is slow".into(), strength: Strength::Asked };
    let replaced = agent.command(replace).await.unwrap();
    assert!(replaced.lines[0].contains("leaves node"), "{replaced:?}");
    // It let go by itself: no power was cut, and nothing of the allowance is spent.
    let second = agent.held("dns-1", 2).await;
    assert_ne!(first, second);
    assert_eq!((agent.view().allowance.left, world.server(&first).status().power), (2, Power::On));
    world.network.witness.expect_all_well();
}
