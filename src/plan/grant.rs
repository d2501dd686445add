//! The planner: which spare gets which free identity. Strict identities first; the choice is the same whoever makes it. Where
//! data is decides before anything else ([`volume`]).

use crate::attention::attend;
use crate::config::{Declaration, LastSpare, SpareSource};
use crate::cut_off;
use crate::durable::{FenceRef, Holder, Identity, IdentityState, Object, Takeover};
use crate::effect::{Note, NoteKind};
use crate::key::Key;
use crate::ledger::{self, Draft};
use crate::limits;
use crate::state::Step;
use crate::volume;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::model::role::Exclusivity;
use understudy_core::protocol::heartbeat::Phase;

/// The next identity that gets a node.
pub(crate) fn next(step: &mut Step) -> Option<Draft> {
    let mut wanted: Vec<(bool, Name)> = step
        .state
        .config
        .identities
        .iter()
        .filter(|(name, declaration)| needs_a_node(step, name, declaration))
        .map(|(name, declaration)| (declaration.exclusivity == Exclusivity::Soft, name.clone()))
        .collect();
    wanted.sort();
    wanted.into_iter().find_map(|(_, name)| match objection(step, &name) {
        Some(why) => {
            attend(step, &name, NoteKind::Waiting, format!("identity {name} has no node: {why}"));
            None
        }
        None => match choose(step, &name) {
            Ok(node) => draft(step, &name, &node),
            Err(why) => {
                let is_bound = volume::with_data(step, &name).is_some();
                let hope = if is_bound { "" } else { ", and gets one as soon as there is one" };
                let text = format!("identity {name} has no node{hope}: {why}");
                attend(step, &name, NoteKind::Waiting, text);
                None
            }
        },
    })
}

/// Free with proof, or never assigned; or soft, behind a virtual address, and its holder cannot be proven dead.
fn needs_a_node(step: &Step, name: &Name, declaration: &Declaration) -> bool {
    match step.state.durable.identity(name).map(|identity| &identity.state) {
        None | Some(IdentityState::Free) => true,
        Some(IdentityState::Fencing { fence, .. }) => {
            let is_unconfirmed = step.state.durable.fence(fence).is_some_and(|fence| fence.is_unconfirmed());
            is_unconfirmed && declaration.may_be_stood_in_for()
        }
        Some(IdentityState::Granting { .. } | IdentityState::Held { .. }) => false,
    }
}

fn objection(step: &Step, name: &Name) -> Option<String> {
    let rack = &step.state.config.identities.get(name)?.rack;
    let takeover = takeover(step, name);
    let is_takeover = takeover.is_some();
    if takeover.is_some_and(|(_, takeover)| takeover.reason.is_forced()) {
        return cut_off::objection(step, rack).or_else(|| limits::in_flight(step, rack, name));
    }
    limits::standstill(step, rack, name)
        .or_else(|| cut_off::unsettled(step, rack))
        .or_else(|| is_takeover.then(|| limits::in_flight(step, rack, name)).flatten())
}

/// The record that this grant goes on with.
fn takeover<'a>(step: &'a Step, name: &Name) -> Option<(Key, &'a Takeover)> {
    let durable = &step.state.durable;
    let epoch = durable.identity(name)?.takeover?;
    let takeover = durable.takeover(name, epoch).filter(|takeover| takeover.closed.is_none())?;
    Some((Key::Takeover(name.clone(), epoch), takeover))
}

/// The spare that an identity gets, or why there is none.
pub(crate) fn choose(step: &Step, name: &Name) -> Result<NodeId, String> {
    let Some(declaration) = step.state.config.identities.get(name) else {
        return Err("the site file does not declare it".to_owned());
    };
    if let Some(volume) = volume::with_data(step, name) {
        return volume::choose(step, name, volume);
    }
    // A node that has just let go gets it back only if there is no other.
    let from = takeover(step, name).map(|(_, takeover)| takeover.from.clone());
    let mut spares: Vec<((bool, bool), NodeId)> = step
        .state
        .config
        .nodes
        .iter()
        .filter(|(_, facts)| facts.rack == declaration.rack || declaration.spares == SpareSource::AnyRack)
        .filter(|(id, facts)| is_spare(step, id) && facts.has.covers(&declaration.needs))
        .filter(|(id, _)| volume::objection(step, name, id).is_none())
        .map(|(id, facts)| ((Some(id) == from.as_ref(), facts.rack != declaration.rack), id.clone()))
        .collect();
    if spares.is_empty() {
        let has_any = step.state.config.nodes.keys().any(|id| is_spare(step, id));
        let rack = &declaration.rack;
        let other = if has_any { "; the spares there are elsewhere, or too small for it" } else { "" };
        return Err(format!("rack {rack} has no spare for it{other}"));
    }
    spares.retain(|(_, id)| !is_kept(step, name, declaration, id));
    spares.sort();
    match spares.into_iter().next() {
        Some((_, id)) => Ok(id),
        None => Err(format!("the last spare of rack {} is kept for strict identities", declaration.rack)),
    }
}

/// A healthy node that speaks, holds nothing, and is not kept from service.
pub(crate) fn is_spare(step: &Step, id: &NodeId) -> bool {
    why_no_spare(step, id).is_none()
}

/// Why a node cannot get an identity.
pub(crate) fn why_no_spare(step: &Step, id: &NodeId) -> Option<String> {
    let durable = &step.state.durable;
    let Some(node) = step.state.view.node(id).filter(|_| step.state.config.nodes.contains_key(id)) else {
        return Some("is not known, or has said nothing yet".to_owned());
    };
    if let Some((name, _)) = durable.identity_of(id) {
        return Some(format!("is the place of identity {name}"));
    }
    if durable.open_fence(id).is_some() {
        return Some("was fenced, and has not come back in a new boot".to_owned());
    }
    if let Some(drain) = durable.drain(id) {
        return Some(format!("was drained by {}", drain.by));
    }
    if let Some(held) = node.held.as_ref().filter(|held| held.phase != Phase::Released) {
        return Some(format!("still holds identity {} at epoch {}", held.identity, held.epoch));
    }
    let is_well = node.is_ready && step.was_heard(id, step.timings().late_after);
    (!is_well).then(|| "is not ready, or silent".to_owned())
}

/// Whether it is the last spare of a rack with strict identities that could use it: one whose data is elsewhere could not.
fn is_kept(step: &Step, name: &Name, declaration: &Declaration, id: &NodeId) -> bool {
    let Some(rack) = step.state.config.rack_of(id) else { return false };
    if declaration.exclusivity == Exclusivity::Strict
        || step.state.config.policy(rack).last_spare == LastSpare::ForAll
    {
        return false;
    }
    let mut identities = step.state.config.identities.iter().filter(|(_, other)| other.rack == *rack);
    let has_strict = identities.any(|(other, declaration)| {
        declaration.exclusivity == Exclusivity::Strict && volume::with_data(step, other).is_none()
    });
    let nodes = step.state.config.nodes.iter().filter(|(_, facts)| facts.rack == *rack);
    let is_free = |other: &NodeId| is_spare(step, other) && volume::objection(step, name, other).is_none();
    has_strict && nodes.filter(|(other, _)| is_free(other)).count() <= 1
}

/// The transaction that raises the epoch and names the node.
pub(crate) fn draft(step: &Step, name: &Name, node: &NodeId) -> Option<Draft> {
    let durable = &step.state.durable;
    let boot = step.state.view.node(node)?.boot.clone()?;
    let epoch = durable.epoch(name).next()?;
    let now = step.now.wall;
    let before = durable.identity(name);
    let next = Identity {
        epoch,
        state: IdentityState::Granting { holder: Holder { node: node.clone(), boot } },
        since: now,
        takeover: before.and_then(|identity| identity.takeover),
        taken_over: before.and_then(|identity| identity.taken_over),
        acknowledged: before.and_then(|identity| identity.acknowledged),
        withheld: withheld(before),
    };
    let address = if next.withheld.is_empty() { "" } else { ", under its own address" };
    let text = format!("identity {name} goes to node {node} at epoch {epoch}{address}");
    let rack = &step.state.config.identities.get(name)?.rack;
    let draft = Draft::new("grant an identity")
        .put(Key::Epoch(name.clone()), Object::Epoch(epoch))
        .put(Key::Identity(name.clone()), Object::Identity(next))
        .guard(limits::pause_keys(rack, name))
        .guard([Key::Drain(node.clone())])
        .note(Note::of_identity(NoteKind::Assigned, name, epoch, Some(node), text));
    let draft = volume::granted(step, draft, name, node, epoch);
    Some(match takeover(step, name) {
        Some((key, takeover)) => {
            let (granted, to) = (Some(now), Some(node.clone()));
            draft.put(key, Object::Takeover(Box::new(Takeover { granted, to, ..takeover.clone() })))
        }
        None => draft,
    })
}

/// The fences that keep the identity address where it is.
fn withheld(before: Option<&Identity>) -> Vec<FenceRef> {
    let mut withheld = before.map(|identity| identity.withheld.clone()).unwrap_or_default();
    if let Some(Identity { state: IdentityState::Fencing { fence, .. }, .. }) = before {
        withheld.push(fence.clone());
    }
    withheld
}

/// How long this process has watched the identity as it is.
pub(crate) fn lasted(step: &Step, name: &Name) -> std::time::Duration {
    step.since(ledger::seen(step, &Key::Identity(name.clone())))
}
