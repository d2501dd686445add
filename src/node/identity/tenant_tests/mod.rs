//! The tenant on a machine that is only a model, so that it can be cut off between any two acts, and every act can fail
//! or take its time. The acts themselves are tried on a real kernel and real servers in `tests/acts`.

mod histories;
mod model;

use super::activation::DEADLINE;
use model::Agent;
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::VolumeOrder;
use understudy_core::protocol::heartbeat::{Order, Phase};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn hold(epoch: u64) -> Order {
    Order::Hold { identity: name("dns-1"), epoch: Epoch::new(epoch) }
}

fn release(epoch: u64) -> Order {
    Order::Release { identity: name("dns-1"), epoch: Epoch::new(epoch) }
}

fn failed(phase: Option<Phase>) -> String {
    match phase {
        Some(Phase::Failed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_identity_is_activated_in_order_and_given_up_address_first() {
    let mut agent = Agent::new();
    agent.turns(&Order::Keep, 3);
    agent.world().acts.clear();
    assert_eq!(agent.turns(&hold(3), 10), Some(Phase::Serving));
    let expected = [
        "keep epochs",
        "keep tenure",
        "fetch",
        "keep tenure",
        "take volume",
        "render",
        "open ports",
        "take address",
        "announce",
        "start",
        "check",
        "keep tenure",
    ];
    assert_eq!(agent.world().acts[..expected.len()], expected);
    agent.world().acts.clear();
    assert_eq!(agent.turns(&release(3), 5), Some(Phase::Released));
    let acts = agent.world().acts.clone();
    let acts: Vec<_> = acts.into_iter().filter(|act| !act.starts_with("keep") && *act != "check").collect();
    assert_eq!(acts, ["drop addresses", "close ports", "stop roles", "drop volumes", "remove rendered"]);
    agent.world().assert_nothing_left();
    assert_eq!(agent.turns(&Order::Keep, 1), None);
}

/// Catches the mutants: epochs not kept, not read again, kept after the activation, compared with `<=` or not at all.
#[test]
fn an_older_epoch_is_refused_also_after_a_restart_of_agent_and_machine() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    agent.turns(&release(5), 6);
    for _ in 0..3 {
        let reason = failed(agent.turns(&hold(4), 5));
        assert!(reason.contains("epoch 4 is older than epoch 5"), "{reason}");
        assert!(failed(agent.turns(&hold(5), 5)).contains("epoch 5 was given up"));
        agent.world().assert_nothing_left();
        agent.restart();
        agent.reboot();
    }
    assert_eq!(agent.turns(&hold(6), 10), Some(Phase::Serving));
    // While it is held, too: what is held stays.
    assert_eq!(agent.turns(&hold(5), 10), Some(Phase::Serving));
    assert_eq!(agent.tenant.held().unwrap().epoch, Epoch::new(6));
}

/// Catches the mutants that say "released" while a volume is mounted, and that take it away under services that run.
#[test]
fn an_identity_with_a_volume_is_not_released_while_somebody_writes_to_it() {
    let mut agent = Agent::new();
    agent.world().volume = Some(VolumeOrder { born: Epoch::new(5) });
    assert_eq!(agent.turns(&hold(5), 12), Some(Phase::Serving));
    assert!(agent.world().is_volume_mounted);
    agent.world().failing.insert("stop roles", 3);
    assert!(matches!(agent.turns(&release(5), 3), Some(Phase::Unhealthy { .. })));
    assert!(agent.world().is_volume_mounted && agent.world().is_running);
    agent.world().failing.insert("drop volumes", 3);
    assert!(matches!(agent.turns(&release(5), 3), Some(Phase::Unhealthy { .. })));
    assert_eq!(agent.turns(&release(5), 9), Some(Phase::Released));
    agent.world().assert_nothing_left();
}

/// Catches the mutant that ignores the epoch of a release.
#[test]
fn a_release_of_an_older_epoch_is_ignored() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    assert_eq!(agent.turns(&release(4), 10), Some(Phase::Serving));
    assert!(agent.world().address.is_some());
    assert_eq!(agent.turns(&release(6), 10), Some(Phase::Released));
    assert_eq!(agent.tenant.held().unwrap().epoch, Epoch::new(6), "as it was asked");
}

/// Catches the mutant that uses any bundle that comes.
#[test]
fn a_bundle_of_another_identity_or_epoch_is_refused() {
    for other in
        [(name("dns-2"), Epoch::new(5)), (name("dns-1"), Epoch::new(4)), (name("dns-1"), Epoch::new(6))]
    {
        let mut agent = Agent::new();
        agent.world().other_bundle = Some(other);
        let reason = failed(agent.turns(&hold(5), 10));
        assert!(reason.contains("the bundle is of identity"), "{reason}");
        assert!(!agent.world().acts.contains(&"take address"));
    }
}

/// Catches the mutants that take a damaged file for "nothing held" without looking, or that trust an order without a memory.
#[test]
fn a_damaged_memory_serves_nothing_twice() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    agent.world().held = Some(Err(()));
    agent.restart();
    agent.turn(&Order::Keep);
    agent.world().assert_nothing_left();
    assert_eq!(agent.tenant.held(), None);
    assert_eq!(agent.turns(&hold(5), 10), Some(Phase::Serving), "the site knows that it holds nothing else");

    agent.world().are_epochs_damaged = true;
    agent.restart();
    assert_eq!(agent.turns(&hold(4), 10), Some(Phase::Serving), "what is served stays");
    assert_eq!(agent.turns(&hold(9), 10), Some(Phase::Serving));
    agent.reboot();
    agent.world().are_epochs_damaged = true;
    agent.restart();
    assert!(failed(agent.turns(&hold(9), 10)).contains("not readable"));
    agent.world().assert_nothing_left();
}

/// Catches the mutants that stop after the first failure, or that say "released" before everything is gone.
#[test]
fn giving_up_goes_on_until_all_is_gone() {
    for act in
        ["drop addresses", "close ports", "stop roles", "remove rendered", "keep epochs", "keep tenure"]
    {
        let mut agent = Agent::new();
        agent.turns(&hold(5), 10);
        agent.world().failing.insert(act, 4);
        // The site may not even be there any more.
        agent.turn(&release(5));
        let mut turns = 0;
        while agent.world.borrow().address.is_some()
            || agent.world.borrow().is_running
            || agent.world.borrow().is_rendered
        {
            agent.turn_without_site();
            turns += 1;
            assert!(turns < 20, "{act}");
        }
        assert_eq!(agent.turns(&release(5), 6), Some(Phase::Released));
        agent.world().assert_nothing_left();
    }
}

/// Catches the mutants that say "released" before it is written down, after a tenure and without one.
#[test]
fn a_promise_is_written_down_before_it_is_made() {
    for before in [Order::Keep, hold(5)] {
        let mut agent = Agent::new();
        agent.turns(&before, 10);
        agent.world().failing.insert("keep epochs", 4);
        for _ in 0..20 {
            agent.turn(&release(5));
        }
        assert_eq!(agent.turns(&release(5), 1), Some(Phase::Released));
        agent.reboot();
        assert!(failed(agent.turns(&hold(5), 5)).contains("epoch 5 was given up"));
    }
    // That it failed is the same promise.
    let mut agent = Agent::new();
    agent.world().other_bundle = Some((name("dns-2"), Epoch::new(5)));
    agent.turns(&hold(5), 2);
    agent.world().failing.insert("keep epochs", 4);
    assert!(failed(agent.turns(&hold(5), 20)).contains("the bundle is of identity"));
}

/// Catches the mutant that waits for one step for ever.
#[test]
fn an_activation_that_does_not_end_fails_at_its_deadline_with_its_reason() {
    for act in ["fetch", "render", "open ports", "take address", "announce", "start", "check"] {
        let mut agent = Agent::new();
        agent.world().failing.insert(act, u32::MAX);
        let reason = failed(agent.turns(&hold(5), 400));
        assert!(
            reason.contains("not serving within 30 s") && reason.contains(&format!("{act} fails")),
            "{reason}"
        );
        agent.world().assert_nothing_left();
        assert!(agent.world().now < Duration::from_secs(600));
        assert!(
            failed(agent.turns(&hold(5), 50)).contains("not serving"),
            "it is not tried again at this epoch"
        );
    }
    let mut agent = Agent::new();
    agent.world().slow.insert("start", DEADLINE);
    agent.world().failing.insert("start", 1);
    assert!(failed(agent.turns(&hold(5), 50)).contains("still starting its services"));
}

/// Catches the mutants that let go when the site is silent, and that stop looking after health.
#[test]
fn a_site_that_is_away_for_long_changes_nothing() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    let address = agent.world().address.clone();
    agent.restart();
    for _ in 0..7200 {
        agent.turn_without_site();
    }
    assert!(agent.world().now > Duration::from_secs(3600));
    assert_eq!(
        (agent.tenant.held().map(|held| held.phase), &agent.world().address),
        (Some(Phase::Serving), &address)
    );
    agent.world().is_running = false;
    for _ in 0..10 {
        agent.turn_without_site();
    }
    assert!(agent.world().is_running, "a service that died is started again without the site");
}

/// Catches the mutant that announces because it is time to, whatever happened since.
#[test]
fn a_machine_that_stood_still_announces_nothing_before_the_site_confirms() {
    let mut agent = Agent::new();
    while agent.tenant.held().map(|held| held.phase) != Some(Phase::Serving) {
        agent.turn(&hold(5));
    }
    let announcements =
        |agent: &Agent| agent.world.borrow().acts.iter().filter(|act| **act == "announce").count();
    let before = announcements(&agent);
    agent.world().now += Duration::from_secs(40);
    for _ in 0..20 {
        agent.turn_without_site();
    }
    assert_eq!(announcements(&agent), before);
    agent.turns(&Order::Keep, 10);
    assert_eq!(announcements(&agent), before, "`Keep` says that the site is not sure");
    agent.turns(&hold(5), 20);
    assert_eq!(announcements(&agent), before + 2, "three in all");
    // Frozen between the order and taking the address.
    let mut agent = Agent::new();
    agent.turns(&hold(5), 5);
    assert!(!agent.world().acts.contains(&"take address"));
    agent.world().now += Duration::from_secs(10);
    agent.turn_without_site();
    agent.turn_without_site();
    assert!(!agent.world().acts.contains(&"take address"));
}

#[test]
fn a_role_that_cannot_be_healed_fails_and_is_given_up() {
    let mut agent = Agent::new();
    agent.turns(&hold(5), 10);
    agent.world().failing.insert("check", u32::MAX);
    assert!(matches!(agent.turns(&hold(5), 5), Some(Phase::Unhealthy { .. })));
    assert!(failed(agent.turns(&hold(5), 20)).contains("2 restarts did not help"));
    agent.world().assert_nothing_left();
    assert_eq!(agent.world().acts.iter().filter(|act| **act == "restart").count(), 2);
}
