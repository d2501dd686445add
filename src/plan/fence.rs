//! The fence ladder: the node lets go | its power is off, read back | it proves a newer boot | an operator vouches. Nothing else
//! proves anything, and without proof a person is asked.

use crate::attention::attend;
use crate::begin;
use crate::bmc::{self, Word};
use crate::durable::{
    Closed, Evidence, Fence, FenceRef, FenceState, Identity, IdentityState, Object, Outcome, Rung, Takeover,
};
use crate::effect::{Effect, Metric, Note, NoteKind};
use crate::key::Key;
use crate::ledger::{self, Draft};
use crate::limits;
use crate::state::Step;
use crate::suspect::{self, Corroboration};
use std::time::Duration;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::Phase;

/// Orders powers off, as stored fences say.
pub(crate) fn act(step: &mut Step) {
    let fences: Vec<(FenceRef, Fence)> =
        open(step).filter(|(_, fence)| fence.rung == Rung::PowerOff).collect();
    for (at, fence) in fences {
        let Some(attempt) = next_order(step, &at, &fence) else { continue };
        let (node, now) = (at.node, step.now.elapsed);
        let bmc = &mut step.state.view.nodes.entry(node.clone()).or_default().bmc;
        bmc.ordered = Some((at.number, now, attempt));
        let (identity, epoch) = (fence.identity, fence.epoch);
        step.effects.push(Effect::PowerOff { node, identity, epoch, fence: at.number, attempt });
    }
}

/// Fences without proof, as the ledger has them.
fn open(step: &Step) -> impl Iterator<Item = (FenceRef, Fence)> {
    let fences = step.state.durable.fences().filter(|(_, fence)| !fence.is_over() && !fence.is_confirmed());
    fences.map(|(at, fence)| (at, fence.clone()))
}

/// The how manieth order to power off is due, if one is.
fn next_order(step: &Step, at: &FenceRef, fence: &Fence) -> Option<u32> {
    let timings = step.timings();
    let seen = ledger::seen(step, &at.key());
    // Only after the BMC showed, since the fence began, that it is this node's, and that the power is on.
    if bmc::word(step, &at.node, seen) != Word::On {
        return None;
    }
    let rack = limits::rack(step, &at.node, &fence.identity)?;
    if standstill(step, &rack, fence).is_some() {
        return None;
    }
    // A node that speaks has been told to let go, and gets the time for it.
    if step.silence(&at.node) < timings.suspect_after && step.since(seen) < timings.release_max {
        return None;
    }
    let ordered = step.state.view.node(&at.node)?.bmc.ordered.filter(|(fence, ..)| *fence == at.number);
    match ordered {
        None => Some(1),
        Some((_, _, times)) if times >= timings.power_off_attempts_max => None,
        Some((_, when, times)) => (step.since(when) >= timings.power_off_again).then_some(times + 1),
    }
}

/// Why a fence waits; an operator's force goes past pauses and storms.
fn standstill(step: &Step, rack: &Name, fence: &Fence) -> Option<String> {
    if fence.reason.is_forced() {
        return crate::cut_off::objection(step, rack);
    }
    limits::standstill(step, rack, &fence.identity)
}

/// Stores what has become of a fence.
pub(crate) fn conclude(step: &mut Step) -> Option<Draft> {
    let fences: Vec<(FenceRef, Fence)> = step
        .state
        .durable
        .fences()
        .filter(|(_, fence)| !fence.is_over())
        .map(|(at, fence)| (at, fence.clone()))
        .collect();
    fences.into_iter().find_map(|(at, fence)| {
        let rack = limits::rack(step, &at.node, &fence.identity)?;
        if crate::cut_off::objection(step, &rack).is_some() {
            return None;
        }
        if fence.is_confirmed() {
            return returned(step, &at, &fence);
        }
        match proof(step, &at, &fence) {
            Some(evidence) => Some(confirm(step, &at, &fence, evidence)),
            None => without_proof(step, &at, &fence),
        }
    })
}

fn proof(step: &Step, at: &FenceRef, fence: &Fence) -> Option<Evidence> {
    if let Some(word) = &fence.word {
        return Some(word.clone());
    }
    let view = &step.state.view;
    let held = view.held(&at.node, &fence.boot, &fence.identity, fence.epoch);
    if held.is_some_and(|held| held.phase == Phase::Released) {
        return Some(Evidence::Released);
    }
    if let Some(boot) = proven_boot(step, at, fence) {
        return Some(Evidence::NewBoot { boot });
    }
    match bmc::word(step, &at.node, ledger::seen(step, &at.key())) {
        Word::Off { uuid } => Some(Evidence::PowerIsOff { uuid }),
        Word::On | Word::Nothing | Word::Worthless(_) => None,
    }
}

/// The boot that the node proved since the one that is fenced.
fn proven_boot(step: &Step, at: &FenceRef, fence: &Fence) -> Option<String> {
    let node = step.state.view.node(&at.node).filter(|node| node.is_ready)?;
    node.boot.clone().filter(|boot| *boot != fence.boot)
}

/// The evidence is stored and the identity is free, in one transaction.
pub(crate) fn confirm(step: &Step, at: &FenceRef, fence: &Fence, evidence: Evidence) -> Draft {
    let now = step.now.wall;
    let returned = match &evidence {
        Evidence::NewBoot { boot } => Some(boot.clone()),
        Evidence::Released if fence.reason.leaves_node_clean() => Some(fence.boot.clone()),
        _ => None,
    };
    let text = format!(
        "node {} acts no more under identity {} at epoch {}: {evidence}",
        at.node, fence.identity, fence.epoch
    );
    let took = Duration::try_from(now.duration_since(fence.begun)).unwrap_or_default();
    let state = FenceState::Confirmed { at: now, evidence };
    let confirmed = Fence { state, returned, ..fence.clone() };
    let (name, epoch) = (&fence.identity, fence.epoch);
    let mut draft = Draft::new("store the evidence of a fence")
        .put(at.key(), Object::Fence(Box::new(confirmed)))
        .note(Note::of_identity(NoteKind::Fenced, name, epoch, Some(&at.node), text))
        .measure(Metric::FenceTook(took));
    let is_declared = step.state.config.identities.contains_key(name);
    if let Some(takeover) = step.state.durable.takeover(name, epoch) {
        let closed = if is_declared {
            takeover.closed.clone()
        } else {
            Some(Closed { at: now, outcome: Outcome::GivenUp })
        };
        let takeover = Takeover { fenced: Some(now), closed, ..takeover.clone() };
        draft = draft.put(Key::Takeover(name.clone(), epoch), Object::Takeover(Box::new(takeover)));
    }
    match step.state.durable.identity(name) {
        Some(identity) => free(draft, at, fence, identity, now),
        None => draft,
    }
}

/// What the proof means for the identity: it is free, or the address that was withheld may move.
fn free(draft: Draft, at: &FenceRef, fence: &Fence, identity: &Identity, now: jiff::Timestamp) -> Draft {
    let name = &fence.identity;
    let is_of_holder = matches!(&identity.state, IdentityState::Fencing { fence, .. } if fence == at);
    let was_withheld = identity.withheld.contains(at);
    if !is_of_holder && !was_withheld {
        return draft;
    }
    let mut next = identity.clone();
    next.withheld.retain(|other| other != at);
    if is_of_holder {
        (next.state, next.since) = (IdentityState::Free, now);
    }
    let draft = draft.put(Key::Identity(name.clone()), Object::Identity(next));
    match identity.holder() {
        Some(holder) if was_withheld => {
            let text = format!("identity {name}: its address may move to node {} now", holder.node);
            draft.note(Note::of_identity(
                NoteKind::AddressMoved,
                name,
                identity.epoch,
                Some(&holder.node),
                text,
            ))
        }
        _ => draft,
    }
}

/// A fence that is not proven: it goes on, climbs, or a person is asked.
fn without_proof(step: &mut Step, at: &FenceRef, fence: &Fence) -> Option<Draft> {
    let since = step.since(ledger::seen(step, &at.key()));
    match (&fence.state, fence.rung) {
        (FenceState::Unconfirmed { why, .. }, _) => still_unconfirmed(step, at, fence, why),
        (_, Rung::Cooperative) => climb(step, at, fence, since),
        (_, Rung::PowerOff) => give_up(step, at, fence, since),
    }
}

/// A node that does not let go is powered off, unless it was only asked to by an operator.
fn climb(step: &mut Step, at: &FenceRef, fence: &Fence, since: Duration) -> Option<Draft> {
    let is_overdue = since >= step.timings().release_max;
    let is_gone = step.silence(&at.node) >= step.timings().suspect_after
        && matches!(suspect::corroborate(step, &fence.identity, &at.node), Corroboration::Gone(_));
    if !is_gone && !is_overdue {
        return None;
    }
    if fence.reason.leaves_node_clean() && !is_gone {
        let text = format!(
            "node {} does not let go of identity {}; to power it off: understudy replace --force --reason TEXT {}",
            at.node, fence.identity, fence.identity
        );
        attend(step, &fence.identity, NoteKind::Waiting, text);
        return None;
    }
    let rack = limits::rack(step, &at.node, &fence.identity)?;
    let objection = standstill(step, &rack, fence).or_else(|| limits::no_token(step, &rack, Rung::PowerOff));
    if let Some(why) = objection {
        let text = format!(
            "node {} does not let go of identity {}, and is not powered off: {why}",
            at.node, fence.identity
        );
        attend(step, &fence.identity, NoteKind::Waiting, text);
        return None;
    }
    power_off(step, at, fence)
}

/// Spends a token and lets the fence go as far as power off.
pub(crate) fn power_off(step: &Step, at: &FenceRef, fence: &Fence) -> Option<Draft> {
    let rack = limits::rack(step, &at.node, &fence.identity)?;
    let identity = step.state.durable.identity(&fence.identity)?;
    let text = format!("node {} did not let go of identity {}; it is powered off", at.node, fence.identity);
    let note = Note::of_identity(NoteKind::TakeoverBegun, &fence.identity, fence.epoch, Some(&at.node), text);
    let next = Fence { rung: Rung::PowerOff, ..fence.clone() };
    let draft = Draft::new("power off a node that does not let go")
        .put(at.key(), Object::Fence(Box::new(next)))
        .guard([Key::Identity(fence.identity.clone())])
        .note(note);
    Some(begin::spend(step, draft, &rack, &at.node, &fence.identity, identity))
}

/// The ladder ends without proof: at once where no answer could ever count, otherwise at its deadline.
fn give_up(step: &mut Step, at: &FenceRef, fence: &Fence, since: Duration) -> Option<Draft> {
    let timings = step.timings();
    let is_silent = step.silence(&at.node) >= timings.suspect_after;
    let longest = if is_silent { timings.fence_max } else { timings.fence_max + timings.release_max };
    let why = match bmc::word(step, &at.node, ledger::seen(step, &at.key())) {
        Word::Worthless(why) if is_silent || since >= timings.release_max => why,
        _ if since >= longest => bmc::trouble(step, &at.node)
            .unwrap_or_else(|| format!("its power did not read back as off within {} s", longest.as_secs())),
        _ => return None,
    };
    Some(unconfirmed(step, at, fence, why).measure(Metric::FenceUnconfirmed))
}

fn unconfirmed(step: &Step, at: &FenceRef, fence: &Fence, why: String) -> Draft {
    let text =
        format!("nothing proves that node {} acts no more under identity {}: {why}", at.node, fence.identity);
    let note =
        Note::of_identity(NoteKind::FenceUnconfirmed, &fence.identity, fence.epoch, Some(&at.node), text);
    let next = Fence { state: FenceState::Unconfirmed { at: step.now.wall, why }, ..fence.clone() };
    let draft = Draft::new("store that a fence is unconfirmed").put(at.key(), Object::Fence(Box::new(next)));
    draft.note(note)
}

/// A person is asked, and hears of it when the BMC, asked again and given its orders, is of no use for another reason.
fn still_unconfirmed(step: &mut Step, at: &FenceRef, fence: &Fence, told: &str) -> Option<Draft> {
    ask_a_person(step, at, fence, told);
    if bmc::was_ordered(step, &at.node) {
        return None;
    }
    let why = match bmc::word(step, &at.node, ledger::seen(step, &at.key())) {
        Word::Worthless(why) => why,
        _ => bmc::trouble(step, &at.node)?,
    };
    bmc::is_another_trouble(told, &why).then(|| unconfirmed(step, at, fence, why))
}

fn ask_a_person(step: &mut Step, at: &FenceRef, fence: &Fence, why: &str) {
    let (name, node) = (&fence.identity, &at.node);
    let text = format!(
        "identity {name} does not move away from node {node}, as nothing proves that the node is dead: {why}. Look at it; when it \
         has no power: understudy replace --confirm-dead {node} --reason TEXT {name}"
    );
    attend(step, name, NoteKind::FenceUnconfirmed, text);
}

/// The quarantine of a fenced node ends with a newer boot that it proved.
fn returned(step: &Step, at: &FenceRef, fence: &Fence) -> Option<Draft> {
    let boot = proven_boot(step, at, fence)?;
    let text = format!("node {} has come back in a new boot and may be a spare", at.node);
    let next = Fence { returned: Some(boot), ..fence.clone() };
    let draft = Draft::new("end a quarantine").put(at.key(), Object::Fence(Box::new(next)));
    Some(draft.note(Note::of_node(NoteKind::Returned, &at.node, text)))
}
