//! The transaction that begins a takeover: token, fence, record and `fencing` together, or nothing.

use crate::attention;
use crate::durable::{
    Closed, Evidence, Fence, FenceRef, FenceState, Holder, Identity, IdentityState, Object, Outcome, Reason,
    Rung, Spent, Takeover,
};
use crate::effect::{Metric, Note, NoteKind};
use crate::grant;
use crate::key::Key;
use crate::ledger::Draft;
use crate::limits;
use crate::prune::prune;
use crate::state::Step;
use crate::volume;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// A takeover that somebody wants.
pub(crate) struct Begin<'a> {
    pub name: &'a Name,
    pub identity: &'a Identity,
    pub holder: &'a Holder,
    pub reason: Reason,
    pub rung: Rung,
    /// An operator's word that the node is dead.
    pub word: Option<Evidence>,
}

impl<'a> Begin<'a> {
    pub fn of(
        name: &'a Name,
        identity: &'a Identity,
        holder: &'a Holder,
        reason: Reason,
        rung: Rung,
    ) -> Self {
        Self { name, identity, holder, reason, rung, word: None }
    }
}

/// Begins it, or says why it waits.
pub(crate) fn begin(step: &mut Step, begin: Begin<'_>) -> Option<Draft> {
    match objection(step, &begin) {
        Some(why) => {
            let (name, node) = (begin.name, &begin.holder.node);
            // Who sees it changes by the second, and would be news each time.
            let reason = match &begin.reason {
                Reason::Silent { .. } => "it is silent, and others see the same".to_owned(),
                reason => reason.to_string(),
            };
            let text = format!("identity {name} has to leave node {node} ({reason}), and stays: {why}");
            attention::attend(step, name, NoteKind::Waiting, text);
            close_while_it_waits(step, &begin)
        }
        None => draft(step, begin),
    }
}

/// A new holder with the only copy of a volume can only be waited for, which may take days: its takeover ends here, so that it
/// keeps no other one from beginning.
fn close_while_it_waits(step: &Step, begin: &Begin<'_>) -> Option<Draft> {
    let Begin { name, identity, holder, .. } = begin;
    let rack = limits::rack(step, &holder.node, name)?;
    let is_bound = volume::with_data(step, name).is_some();
    let is_granting = matches!(identity.state, IdentityState::Granting { .. });
    if !is_bound || !is_granting || limits::standstill(step, &rack, name).is_some() {
        return None;
    }
    let epoch = identity.takeover?;
    let takeover = step.state.durable.takeover(name, epoch).filter(|takeover| takeover.closed.is_none())?;
    let draft =
        Draft::new("close a takeover that waits for its node").guard([Key::Identity((*name).clone())]);
    Some(lost_its_spare(step, draft, name, epoch, takeover))
}

/// Why it must not begin now: limits, and nobody who could take over. Without a spare a fence would only do harm.
pub(crate) fn objection(step: &Step, begin: &Begin<'_>) -> Option<String> {
    let rack = match limits::rack(step, &begin.holder.node, begin.name) {
        Some(rack) => rack,
        None => return Some("neither its node nor the identity has a rack any more".to_owned()),
    };
    let limited = || limits::objection(step, begin.name, begin.identity, &rack, begin.rung);
    let alone = || no_spare(step, begin);
    // Limits pass by themselves; that its data is nowhere else does not, and is what an operator has to hear.
    match volume::with_data(step, begin.name) {
        Some(_) => alone().or_else(limited),
        None => limited().or_else(alone),
    }
}

pub(crate) fn no_spare(step: &Step, begin: &Begin<'_>) -> Option<String> {
    let is_own_node_back = matches!(begin.reason, Reason::Rebooted { .. } | Reason::Undeclared);
    if is_own_node_back {
        return None;
    }
    grant::choose(step, begin.name).err()
}

/// The transaction itself.
pub(crate) fn draft(step: &Step, begin: Begin<'_>) -> Option<Draft> {
    let Begin { name, identity, holder, reason, rung, word } = begin;
    let rack = limits::rack(step, &holder.node, name)?;
    let durable = &step.state.durable;
    let now = step.now.wall;
    let number = durable.newest_fence(&holder.node).map_or(1, |(fence, _)| fence.number + 1);
    let fence = FenceRef { node: holder.node.clone(), number };
    let attempt = limits::attempt(step, name, identity);
    let is_command = matches!(reason, Reason::Command { .. } | Reason::Undeclared);
    let next = Identity {
        state: IdentityState::Fencing { holder: holder.clone(), fence: fence.clone() },
        since: now,
        takeover: Some(identity.epoch),
        taken_over: if is_command { identity.taken_over } else { Some(now) },
        ..identity.clone()
    };
    let takeover = Takeover {
        rack: rack.clone(),
        from: holder.node.clone(),
        fence: fence.clone(),
        reason: reason.clone(),
        attempt,
        last_heard: step.state.view.node(&holder.node).and_then(|node| node.heard_wall),
        begun: now,
        fenced: None,
        granted: None,
        to: None,
        closed: None,
    };
    let record = Fence {
        identity: name.clone(),
        epoch: identity.epoch,
        boot: holder.boot.clone(),
        reason: reason.clone(),
        rung,
        begun: now,
        state: FenceState::Begun,
        word,
        returned: None,
    };
    let how = match rung {
        Rung::Cooperative => "it is asked to let go",
        Rung::PowerOff => "it is powered off before anything moves",
    };
    let text = format!("identity {name} leaves node {}: {reason}; {how}", holder.node);
    let note = Note::of_identity(NoteKind::TakeoverBegun, name, identity.epoch, Some(&holder.node), text);
    let mut draft = Draft::new("begin a takeover")
        .put(Key::Identity(name.clone()), Object::Identity(next))
        .put(Key::Takeover(name.clone(), identity.epoch), Object::Takeover(Box::new(takeover)))
        .put(Key::Fence(holder.node.clone(), number), Object::Fence(Box::new(record)))
        .guard([Key::Epoch(name.clone())])
        .note(note)
        .measure(Metric::TakeoverBegun);
    if !is_command {
        draft = draft.guard(limits::pause_keys(&rack, name));
    }
    if rung == Rung::PowerOff {
        draft = spend(step, draft, &rack, &holder.node, name, identity);
    }
    let draft = close_the_one_before(step, draft, name, identity);
    Some(prune(draft, durable, name, &holder.node))
}

/// Spends a token of the rack's allowance in the same transaction.
pub(crate) fn spend(
    step: &Step,
    draft: Draft,
    rack: &Name,
    node: &NodeId,
    name: &Name,
    identity: &Identity,
) -> Draft {
    let token =
        Spent { at: step.now.wall, node: node.clone(), identity: name.clone(), epoch: identity.epoch };
    let window = step.state.config.policy(rack).window;
    let allowance = step.state.durable.allowance(rack).with(token, window);
    draft.put(Key::Allowance(rack.clone()), Object::Allowance(allowance))
}

/// A takeover whose spare is lost ends where the next one begins.
fn close_the_one_before(step: &Step, draft: Draft, name: &Name, identity: &Identity) -> Draft {
    let Some(epoch) = identity.takeover.filter(|epoch| *epoch != identity.epoch) else { return draft };
    match step.state.durable.takeover(name, epoch) {
        Some(before) if before.closed.is_none() => lost_its_spare(step, draft, name, epoch, before),
        _ => draft,
    }
}

fn lost_its_spare(step: &Step, draft: Draft, name: &Name, epoch: Epoch, takeover: &Takeover) -> Draft {
    let closed = Some(Closed { at: step.now.wall, outcome: Outcome::SpareLost });
    let takeover = Takeover { closed, ..takeover.clone() };
    draft.put(Key::Takeover(name.clone(), epoch), Object::Takeover(Box::new(takeover)))
}
