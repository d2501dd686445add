//! What must never be, asked after everything that happens. I1 to I6 are those of `takeover.md`; V is of volumes, whose data no
//! takeover may lose.

use crate::world::World;
use std::collections::BTreeMap;
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::model::role::Exclusivity;
use understudy_core::protocol::heartbeat::Order;
use understudy_plan::Durable;
use understudy_plan::durable::{Fence, FenceRef, FenceState, IdentityState, Reason, Rung};
use understudy_plan::effect::Instruction;
use understudy_plan::key::Key;

/// I1: one live holder of a strict identity, and one live owner of any identity address.
pub fn holders(world: &mut World) {
    let mut live: BTreeMap<&Name, (u32, u32)> = BTreeMap::new();
    for machine in world.machines.values().filter(|machine| machine.runs()) {
        if let Some((identity, _, has_address)) = &machine.acts {
            let counts = live.entry(identity).or_default();
            *counts = (counts.0 + 1, counts.1 + u32::from(*has_address));
        }
    }
    let is_strict = |name: &Name| {
        world.config.identities.get(name).is_some_and(|known| known.exclusivity == Exclusivity::Strict)
    };
    let broken = live.iter().find_map(|(name, (holders, addresses))| {
        let is_broken = *addresses > 1 || (*holders > 1 && is_strict(name));
        is_broken.then(|| format!("I1: {holders} live holders of {name}, {addresses} with its address"))
    });
    world.broken = world.broken.take().or(broken);
}

/// I4: nobody is told to hold what was not given to him, in that boot.
pub fn order(world: &mut World, told: &Instruction) {
    let Order::Hold { identity, epoch } = &told.order else { return };
    let holder = world.granted.get(&(identity.clone(), *epoch));
    let is_his = holder.is_some_and(|holder| holder.node == told.node && holder.boot == told.boot);
    if !is_his {
        let text = format!("I4: node {} is told to hold {identity} at epoch {epoch}", told.node);
        world.broken = world.broken.take().or(Some(text));
    }
}

/// I5 and I6: a power off is stored, paid for, still needed, and ordered by an agent that is not cut off.
pub fn power_off(world: &mut World, node: &NodeId, identity: &Name, epoch: Epoch, number: u32) {
    let durable = world.ledger.read();
    let fence = durable.fence(&FenceRef { node: node.clone(), number });
    let is_stored = fence.is_some_and(|fence| {
        let is_same = fence.identity == *identity && fence.epoch == epoch;
        is_same && fence.rung == Rung::PowerOff && !fence.is_confirmed()
    });
    let is_held_back = durable.identity(identity).is_some_and(
        |known| matches!(&known.state, IdentityState::Fencing { fence, .. } if fence.node == *node),
    ) || durable
        .identity(identity)
        .is_some_and(|known| known.withheld.iter().any(|fence| fence.node == *node));
    let rack = world.config.nodes[node].rack.clone();
    let is_paid = durable
        .allowance(&rack)
        .spent
        .iter()
        .any(|spent| spent.node == *node && spent.identity == *identity && spent.epoch == epoch);
    let broken = match () {
        () if !is_stored => Some(format!("node {node} is powered off before that is stored")),
        () if !is_held_back => Some(format!("node {node} is powered off while it may still hold {identity}")),
        () if !is_paid => Some(format!("I5: node {node} is powered off without a token")),
        () if is_pointless(&durable, identity, fence) => Some(format!(
            "V: node {node} is powered off for its silence, and nobody else may have {identity}"
        )),
        () if is_cut_off(world, &durable, &rack) => {
            Some(format!("I6: an agent that is cut off powers off {node}"))
        }
        () => None,
    };
    world.broken = world.broken.take().or(broken);
}

/// Whether nothing could come of a fence for a silence: the data is there, and nowhere else.
fn is_pointless(durable: &Durable, identity: &Name, fence: Option<&Fence>) -> bool {
    let has_data = durable.volume(identity).is_some_and(|volume| volume.served);
    has_data && fence.is_some_and(|fence| matches!(fence.reason, Reason::Silent { .. }))
}

fn is_cut_off(world: &World, durable: &Durable, rack: &Name) -> bool {
    let suspect_after = Duration::from_millis(1500);
    let members = world.registry.keys().filter(|id| {
        let is_down = durable.open_fence(id).is_some_and(|(_, fence)| fence.is_confirmed());
        let booted = world.machines[*id].booted;
        let is_new =
            world.now - booted < Duration::from_secs(7) && world.beats.get(id).is_none_or(|at| *at < booted);
        world.config.nodes[*id].rack == *rack && !is_down && !is_new
    });
    let (mut heard, mut all) = (0, 0);
    for id in members {
        all += 1;
        heard += usize::from(world.beats.get(id).is_some_and(|at| world.now - *at < suspect_after));
    }
    !world.reach.ledger || !world.reach.gateway || heard * 2 <= all
}

/// I2, I3 and I5, of what a transaction made of the ledger.
pub fn commit(world: &mut World, before: &Durable) {
    let after = world.ledger.read();
    let broken = epochs(world, before, &after)
        .or_else(|| evidence(world, before, &after))
        .or_else(|| in_flight(world, &after))
        .or_else(|| allowance(world, &after))
        .or_else(|| births(before, &after))
        .or_else(|| copies(world, before, &after));
    world.broken = world.broken.take().or(broken);
}

/// I2: every assignment has an epoch of its own, one more than the one before.
fn epochs(world: &mut World, before: &Durable, after: &Durable) -> Option<String> {
    for (name, identity) in after.identities() {
        let (was, is) = (before.epoch(name), after.epoch(name));
        if is < was || (is > was && was.next() != Some(is)) || identity.epoch != is {
            return Some(format!("I2: {name} goes from epoch {was} to {is}"));
        }
        if is == was {
            let newly_given = matches!(identity.state, IdentityState::Granting { .. })
                && before.identity(name).and_then(|known| known.holder()) != identity.holder();
            if newly_given {
                return Some(format!("I2: {name} is given away again at epoch {is}"));
            }
            continue;
        }
        let holder = identity.holder()?.clone();
        if world.granted.insert((name.clone(), is), holder).is_some() {
            return Some(format!("I2: epoch {is} of {name} is used twice"));
        }
    }
    None
}

/// I3: an identity is given only when its last holder is proven gone; without the address also when a person was asked.
fn evidence(world: &World, before: &Durable, after: &Durable) -> Option<String> {
    after.identities().find_map(|(name, identity)| {
        let old = before.identity(name)?;
        let fence = match &old.state {
            IdentityState::Fencing { fence, .. } => after.fence(fence),
            _ => None,
        };
        let is_proven = fence.is_some_and(|fence| matches!(fence.state, FenceState::Confirmed { .. }));
        let was_free = old.state == IdentityState::Free;
        let stands_in = world.config.identities.get(name).is_some_and(|known| known.may_be_stood_in_for())
            && !identity.withheld.is_empty()
            && fence.is_some_and(|fence| fence.is_unconfirmed());
        match identity.state {
            IdentityState::Free if !was_free && !is_proven => {
                Some(format!("I3: {name} is free without evidence"))
            }
            IdentityState::Granting { .. } if identity.epoch > old.epoch && !was_free && !stands_in => {
                Some(format!("I3: {name} is given away while its holder may live"))
            }
            _ => None,
        }
    })
}

/// I5: takeovers in flight, by rack and over the site.
fn in_flight(world: &World, after: &Durable) -> Option<String> {
    let mut racks: BTreeMap<&Name, usize> = BTreeMap::new();
    for (name, identity) in after.identities() {
        let open =
            identity.takeover.and_then(|epoch| after.takeover(name, epoch)).filter(|it| it.closed.is_none());
        let is_moving = match &identity.state {
            IdentityState::Fencing { fence, .. } => !after.fence(fence)?.is_unconfirmed(),
            IdentityState::Granting { .. } => true,
            _ => false,
        };
        if let Some(takeover) = open.filter(|_| is_moving) {
            *racks.entry(&takeover.rack).or_default() += 1;
        }
    }
    let all: usize = racks.values().sum();
    let worst = racks.iter().find(|(rack, count)| **count > world.config.policy(rack).takeovers_max);
    match worst {
        Some((rack, count)) => Some(format!("I5: {count} takeovers in flight in rack {rack}")),
        None => (all > world.config.takeovers_max).then(|| format!("I5: {all} takeovers in flight")),
    }
}

/// I5: tokens of a window.
fn allowance(world: &World, after: &Durable) -> Option<String> {
    let racks = world.config.nodes.values().map(|facts| &facts.rack);
    racks.into_iter().find_map(|rack| {
        let policy = world.config.policy(rack);
        let used = after.allowance(rack).used(policy.window, world.moment().wall);
        let key = Key::Allowance(rack.clone());
        (used > policy.fences_max).then(|| format!("I5: {used} tokens of {key} are spent"))
    })
}

/// V: a volume is born with a grant, at its epoch, and never again once it was served.
fn births(before: &Durable, after: &Durable) -> Option<String> {
    let gone = before.volumes().find(|(name, _)| after.volume(name).is_none());
    if let Some((name, _)) = gone {
        return Some(format!("V: the volume of {name} is forgotten"));
    }
    after.volumes().find_map(|(name, volume)| {
        let was = before.volume(name);
        let is_same = was.is_some_and(|was| was.born == volume.born && was.copies == volume.copies);
        let (epoch, had_data) = (after.epoch(name), was.is_some_and(|was| was.served));
        match () {
            () if had_data && (!is_same || !volume.served) => {
                Some(format!("V: the volume of {name} is forgotten, born again or elsewhere"))
            }
            () if is_same => None,
            () if volume.born != epoch || before.epoch(name) == epoch || volume.served => {
                Some(format!("V: the volume of {name}, born at {}, appears at epoch {epoch}", volume.born))
            }
            () => None,
        }
    })
}

/// V: an identity with data goes to a node with a copy, and the data really is there.
fn copies(world: &World, before: &Durable, after: &Durable) -> Option<String> {
    after.volumes().filter(|(_, volume)| volume.served).find_map(|(name, volume)| {
        let is_granted = after.epoch(name) > before.epoch(name);
        let node = after.identity(name).and_then(|identity| identity.node());
        let has_copy = |node: &NodeId| volume.copies.contains(node);
        if is_granted && !node.is_some_and(has_copy) {
            return Some(format!("V: {name} is given to {node:?}, which has no copy of its volume"));
        }
        let is_there = |node: &NodeId| world.machines[node].volumes.get(name) == Some(&volume.born);
        (!volume.copies.iter().any(is_there)).then(|| format!("V: the data of {name} is nowhere any more"))
    })
}
