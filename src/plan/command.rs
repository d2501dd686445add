//! What operators say. A command may go past limits, never past a missing fence, never away from the only copy of a volume,
//! and never while this agent is cut off.

use crate::begin::{self, Begin};
use crate::cut_off;
use crate::durable::{
    Drain, Evidence, Fence, FenceRef, Identity, IdentityState, Object, Pause, Reason, Rung, Strength,
};
use crate::effect::{Effect, Note, NoteKind, Reply};
use crate::event::Command;
use crate::fence;
use crate::grant;
use crate::key::{Key, Scope};
use crate::ledger::{self, Draft};
use crate::limits;
use crate::state::Step;
use crate::view::Said;
use crate::volume;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// Commands that wait for the ledger.
const WAITING_MAX: usize = 64;

pub(crate) fn hear(step: &mut Step, id: u64, by: String, command: Command) {
    if step.state.view.commands.len() >= WAITING_MAX {
        return decline(step, id, "too many commands wait for the ledger".to_owned());
    }
    step.state.view.commands.push_back(Said { id, by, command, attempts: 0 });
}

/// Nobody waits for an agent that may do nothing.
pub(crate) fn refuse_while_cut_off(step: &mut Step) {
    let why = match &step.state.view.halted {
        Some(why) => why.clone(),
        None if !step.state.view.reach.ledger => {
            "the ledger cannot be reached, or another agent leads".to_owned()
        }
        None => return,
    };
    for said in std::mem::take(&mut step.state.view.commands) {
        decline(step, said.id, why.clone());
    }
}

fn decline(step: &mut Step, id: u64, why: String) {
    step.effects.push(Effect::Reply { id, reply: Reply::Declined(why) });
}

/// The transaction of the first command that can be carried out; the others get their answers.
pub(crate) fn next(step: &mut Step) -> Option<Draft> {
    while let Some(said) = step.state.view.commands.pop_front() {
        match carry_out(step, &said) {
            Ok((mut draft, text)) => {
                if draft.notes.is_empty() {
                    draft =
                        draft.note(Note::of_site(NoteKind::Commanded, format!("{text}, said {}", said.by)));
                }
                draft.command = Some((said, text));
                return Some(draft);
            }
            Err(why) => decline(step, said.id, why),
        }
    }
    None
}

/// The transaction and the answer to give when it is stored, or why not.
fn carry_out(step: &Step, said: &Said) -> Result<(Draft, String), String> {
    let (by, now) = (said.by.clone(), step.now.wall);
    match &said.command {
        Command::Assign { identity, node } => assign(step, identity, node),
        Command::Replace { node, reason, strength } => replace(step, node, by, reason.clone(), *strength),
        Command::ConfirmDead { node } => confirm_dead(step, node, &by),
        Command::Drain { node } => {
            known(step, node)?;
            if let Some(why) = volume::why_it_stays(step, node) {
                return Err(why);
            }
            let object = Object::Drain(Drain { by, since: now });
            let draft = Draft::new("drain").put(Key::Drain(node.clone()), object);
            Ok((draft, format!("node {node} is drained: it gives up what it holds and is no spare")))
        }
        Command::Undrain { node } => {
            step.state.durable.drain(node).ok_or_else(|| format!("node {node} is not drained"))?;
            let draft = Draft::new("undrain").delete(Key::Drain(node.clone()));
            Ok((draft, format!("node {node} may be a spare again")))
        }
        Command::Pause { scope, reason } => {
            let object = Object::Pause(Pause { by, reason: reason.clone(), since: now });
            let draft = Draft::new("pause").put(Key::Pause(scope.clone()), object);
            Ok((draft, format!("{scope} is paused: {reason}")))
        }
        Command::Resume { scope } => resume(step, scope),
        Command::Acknowledge { identity } => acknowledge(step, identity),
        Command::TrustBmc { node } => {
            step.state.durable.distrust(node).ok_or_else(|| format!("the BMC of node {node} is trusted"))?;
            let draft = Draft::new("trust a BMC").delete(Key::Distrust(node.clone()));
            Ok((draft, format!("what the BMC of node {node} says counts again")))
        }
    }
}

fn known(step: &Step, node: &NodeId) -> Result<(), String> {
    let is_known = step.state.config.nodes.contains_key(node);
    if is_known { Ok(()) } else { Err(format!("node {node} is not known")) }
}

fn resume(step: &Step, scope: &Scope) -> Result<(Draft, String), String> {
    step.state.durable.pause(scope).ok_or_else(|| format!("{scope} is not paused"))?;
    Ok((Draft::new("resume").delete(Key::Pause(scope.clone())), format!("{scope} goes on")))
}

fn acknowledge(step: &Step, name: &Name) -> Result<(Draft, String), String> {
    let identity =
        step.state.durable.identity(name).ok_or_else(|| format!("identity {name} was never assigned"))?;
    let next = Identity { acknowledged: Some(step.now.wall), ..identity.clone() };
    let draft = Draft::new("acknowledge").put(Key::Identity(name.clone()), Object::Identity(next));
    Ok((draft, format!("another takeover of identity {name} may begin")))
}

/// What holds for every command that moves something.
fn may_move(step: &Step, node: &NodeId, identity: &Name) -> Result<Name, String> {
    let rack = limits::rack(step, node, identity).ok_or_else(|| format!("node {node} has no rack"))?;
    match cut_off::objection(step, &rack) {
        Some(why) => Err(why),
        None => Ok(rack),
    }
}

fn assign(step: &Step, name: &Name, node: &NodeId) -> Result<(Draft, String), String> {
    may_move(step, node, name)?;
    let declaration =
        step.state.config.identities.get(name).ok_or_else(|| format!("identity {name} is not declared"))?;
    let is_free =
        step.state.durable.identity(name).is_none_or(|identity| identity.state == IdentityState::Free);
    if !is_free {
        return Err(format!(
            "identity {name} has a node; to move it: understudy replace {name} --reason TEXT"
        ));
    }
    if let Some(why) = grant::why_no_spare(step, node) {
        return Err(format!("node {node} {why}"));
    }
    if let Some(why) = volume::objection(step, name, node) {
        return Err(format!("node {node} {why}"));
    }
    if !step.state.config.nodes[node].has.covers(&declaration.needs) {
        return Err(format!("node {node} has less than identity {name} needs"));
    }
    let draft = grant::draft(step, name, node).ok_or_else(|| format!("node {node} has not started"))?;
    Ok((draft, format!("identity {name} goes to node {node}")))
}

fn replace(
    step: &Step,
    node: &NodeId,
    by: String,
    text: String,
    strength: Strength,
) -> Result<(Draft, String), String> {
    let (name, identity) =
        step.state.durable.identity_of(node).ok_or_else(|| format!("node {node} holds no identity"))?;
    let rack = may_move(step, node, name)?;
    let holder = match &identity.state {
        IdentityState::Granting { holder } | IdentityState::Held { holder } => holder,
        IdentityState::Fencing { fence, .. } => return push(step, fence, strength),
        IdentityState::Free => return Err(format!("node {node} holds no identity")),
    };
    let reason = Reason::Command { name: by, text, strength };
    let is_silent = step.silence(node) >= step.timings().suspect_after;
    let rung = if is_silent { Rung::PowerOff } else { Rung::Cooperative };
    let begin = Begin::of(name, identity, holder, reason, rung);
    let objection = match strength {
        Strength::Forced => limits::in_flight(step, &rack, name).or_else(|| begin::no_spare(step, &begin)),
        Strength::Asked => begin::objection(step, &begin),
    };
    if let Some(why) = objection {
        return Err(why);
    }
    let draft = begin::draft(step, begin).ok_or_else(|| format!("node {node} has no rack"))?;
    Ok((draft, format!("identity {name} leaves node {node}")))
}

/// A node that was asked to let go, and does not, is powered off because an operator says so.
fn push(step: &Step, at: &FenceRef, strength: Strength) -> Result<(Draft, String), String> {
    let gone = || format!("the fence of node {} is not known", at.node);
    let fence = step.state.durable.fence(at).ok_or_else(gone)?;
    match (fence.rung, strength) {
        (Rung::Cooperative, Strength::Forced) => {
            let draft = fence::power_off(step, at, fence).ok_or_else(gone)?;
            Ok((draft, format!("node {} is powered off", at.node)))
        }
        (Rung::Cooperative, Strength::Asked) => {
            Err(format!("node {} is asked to let go already; --force powers it off", at.node))
        }
        (Rung::PowerOff, _) => Err(format!("node {} is being fenced already", at.node)),
    }
}

fn confirm_dead(step: &Step, node: &NodeId, by: &str) -> Result<(Draft, String), String> {
    if step.silence(node) < step.timings().suspect_after {
        return Err(format!("node {node} speaks: it is not dead"));
    }
    let word = Evidence::Operator { name: by.to_owned() };
    let text = |name: &Name| format!("node {node} counts as dead, and identity {name} may move");
    if let Some((at, fence)) = unproven(step, node) {
        may_move(step, node, &fence.identity)?;
        return Ok((fence::confirm(step, &at, fence, word), text(&fence.identity)));
    }
    let (name, identity) =
        step.state.durable.identity_of(node).ok_or_else(|| format!("node {node} holds no identity"))?;
    let rack = may_move(step, node, name)?;
    if let Some(why) = limits::in_flight(step, &rack, name) {
        return Err(why);
    }
    let holder = identity.holder().ok_or_else(|| format!("node {node} holds no identity"))?;
    let reason = Reason::Command {
        name: by.to_owned(),
        text: "the node is dead".to_owned(),
        strength: Strength::Asked,
    };
    let begin = Begin { word: Some(word), ..Begin::of(name, identity, holder, reason, Rung::Cooperative) };
    let draft = begin::draft(step, begin).ok_or_else(|| format!("node {node} has no rack"))?;
    Ok((draft, text(name)))
}

/// The node's fence, if it is not proven.
fn unproven<'a>(step: &'a Step, node: &NodeId) -> Option<(FenceRef, &'a Fence)> {
    step.state.durable.open_fence(node).filter(|(_, fence)| !fence.is_confirmed())
}

/// Whether a state may be acted on at all: used by [`crate::rehearse`].
pub(crate) fn rehearse(step: &Step, by: &str, command: Command) -> Result<Vec<String>, String> {
    if !ledger::is_known(step) {
        return Err("the ledger cannot be reached, or is being read".to_owned());
    }
    let said = Said { id: 0, by: by.to_owned(), command, attempts: 0 };
    let (draft, text) = carry_out(step, &said)?;
    let notes = draft.notes.into_iter().map(|note| note.text);
    Ok([text].into_iter().chain(notes).collect())
}
