//! An agent that is killed at every step, and histories in which anything happens.

use super::model::Agent;
use super::{hold, name, release};
use proptest::prelude::*;
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::protocol::bundle::VolumeOrder;
use understudy_core::protocol::heartbeat::{Order, Phase};

/// Catches, for example, the mutants that write down a tenure before its epoch, or the place after the address.
#[test]
fn an_agent_killed_at_any_step_ends_well() {
    for kill in 0..120 {
        let mut agent = Agent::new();
        agent.turns(&Order::Keep, 2);
        agent.world().killed_in = Some(kill);
        assert_eq!(agent.turns(&hold(3), 40), Some(Phase::Serving), "{kill}");
        let left = agent.world().killed_in.take();
        agent.world().killed_in = Some(kill);
        assert_eq!(agent.turns(&release(3), 40), Some(Phase::Released), "{kill}");
        agent.world().assert_nothing_left();
        if kill == 0 {
            assert_eq!(left, None, "it was killed");
        }
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Site(Order),
    Silence(u8),
    Kill(u8),
    Reboot,
    Damage,
    Fail(usize, u8),
    Freeze(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    let identity = prop_oneof![Just(name("dns-1")), Just(name("dns-2"))];
    let order = (identity, 1..6_u64, 0..5_u8).prop_map(|(identity, epoch, kind)| match kind {
        0 => Order::Keep,
        1 => Order::Release { identity, epoch: Epoch::new(epoch) },
        _ => Order::Hold { identity, epoch: Epoch::new(epoch) },
    });
    prop_oneof![
        6 => order.prop_map(Happening::Site),
        2 => (1..20_u8).prop_map(Happening::Silence),
        2 => (0..30_u8).prop_map(Happening::Kill),
        1 => Just(Happening::Reboot),
        1 => Just(Happening::Damage),
        2 => (0..ACTS.len(), 1..8_u8).prop_map(|(act, count)| Happening::Fail(act, count)),
        1 => (1..100_u8).prop_map(Happening::Freeze),
    ]
}

const ACTS: [&str; 15] = [
    "keep epochs",
    "keep tenure",
    "fetch",
    "take volume",
    "render",
    "open ports",
    "take address",
    "announce",
    "start",
    "check",
    "drop addresses",
    "close ports",
    "stop roles",
    "drop volumes",
    "remove rendered",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, the assertions of the model hold, and the next orders end well.
    #[test]
    fn no_history_makes_a_node_act_at_an_epoch_that_is_over(
        history in proptest::collection::vec((happening(), 1..12_u32), 1..40),
        has_volume in any::<bool>(),
    ) {
        let mut agent = Agent::new();
        agent.world().volume = has_volume.then(|| VolumeOrder { born: Epoch::new(1) });
        for (happening, turns) in history {
            match happening {
                Happening::Site(order) => { agent.turns(&order, turns); }
                Happening::Silence(count) => (0..count).for_each(|_| agent.turn_without_site()),
                Happening::Kill(at) => agent.world().killed_in = Some(at.into()),
                Happening::Reboot => agent.reboot(),
                Happening::Damage => {
                    let mut world = agent.world();
                    if world.held.is_some() { world.held = Some(Err(())); }
                    drop(world);
                    agent.restart();
                }
                Happening::Fail(act, count) => { agent.world().failing.insert(ACTS[act], count.into()); }
                Happening::Freeze(seconds) => agent.world().now += Duration::from_secs(seconds.into()),
            }
        }
        agent.world().failing.clear();
        prop_assert_eq!(agent.turns(&hold(100), 60), Some(Phase::Serving));
        prop_assert_eq!(agent.turns(&release(100), 60), Some(Phase::Released));
        agent.world().assert_nothing_left();
    }
}
