//! What nodes are told to hold: what is stored, and nothing while that is in doubt.

use crate::cut_off;
use crate::durable::IdentityState;
use crate::effect::{Effect, Instruction};
use crate::ledger;
use crate::limits;
use crate::state::Step;
use understudy_core::model::id::NodeId;
use understudy_core::protocol::heartbeat::{Heartbeat, Held, Order, Phase};

/// Answers a heartbeat.
pub(crate) fn answer(step: &mut Step, node: &NodeId, beat: &Heartbeat) {
    let (order, takes_address) = order(step, node, &beat.boot_id, beat.held.as_ref());
    let instruction = Instruction { node: node.clone(), boot: beat.boot_id.clone(), order, takes_address };
    step.effects.push(Effect::Answer(instruction));
}

/// Tells a node whose entry has just been stored.
pub(crate) fn instruct(step: &mut Step, node: &NodeId, boot: &str) {
    let (order, takes_address) = order(step, node, boot, None);
    if order != Order::Keep {
        let instruction = Instruction { node: node.clone(), boot: boot.to_owned(), order, takes_address };
        step.effects.push(Effect::Instruct(instruction));
    }
}

fn order(step: &Step, node: &NodeId, boot: &str, held: Option<&Held>) -> (Order, bool) {
    let durable = &step.state.durable;
    if !ledger::is_known(step) {
        return (Order::Keep, true);
    }
    let stale = || match held.filter(|held| held.phase != Phase::Released) {
        Some(Held { identity, epoch, .. }) => Order::Release { identity: identity.clone(), epoch: *epoch },
        None => Order::Keep,
    };
    let Some((name, identity)) = durable.identity_of(node) else { return (stale(), true) };
    let rack = limits::rack(step, node, name);
    if rack.is_none_or(|rack| cut_off::objection(step, &rack).is_some()) {
        return (Order::Keep, true);
    }
    if identity.holder().is_none_or(|holder| holder.boot != boot) {
        return (stale(), true);
    }
    let (identity_name, epoch) = (name.clone(), identity.epoch);
    let order = match &identity.state {
        IdentityState::Granting { .. } | IdentityState::Held { .. } => {
            Order::Hold { identity: identity_name, epoch }
        }
        IdentityState::Fencing { .. } => Order::Release { identity: identity_name, epoch },
        IdentityState::Free => Order::Keep,
    };
    (order, identity.withheld.is_empty())
}
