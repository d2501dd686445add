//! `granting -> held`, and holders that live but do not serve.

use crate::begin::{self, Begin};
use crate::durable::{
    Closed, Holder, Identity, IdentityState, Object, Outcome, Reason, Rung, Strength, Takeover,
};
use crate::effect::{Metric, Note, NoteKind};
use crate::grant;
use crate::key::Key;
use crate::ledger::Draft;
use crate::limits;
use crate::state::Step;
use crate::volume;
use std::time::Duration;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::Phase;

/// Stores that a new holder serves, and closes the takeover.
pub(crate) fn serving(step: &mut Step) -> Option<Draft> {
    let serves = |(name, identity): (&Name, &Identity)| match &identity.state {
        IdentityState::Granting { holder } => {
            let held = step.state.view.held(&holder.node, &holder.boot, name, identity.epoch)?;
            (held.phase == Phase::Serving).then(|| (name.clone(), identity.clone(), holder.clone()))
        }
        _ => None,
    };
    let (name, identity, holder) = step.state.durable.identities().find_map(serves)?;
    let rack = limits::rack(step, &holder.node, &name)?;
    if crate::cut_off::objection(step, &rack).is_some() {
        return None;
    }
    Some(held(step, &name, &identity, holder))
}

fn held(step: &Step, name: &Name, identity: &Identity, holder: Holder) -> Draft {
    let now = step.now.wall;
    let (node, epoch) = (holder.node.clone(), identity.epoch);
    let next = Identity { state: IdentityState::Held { holder }, since: now, ..identity.clone() };
    let draft = Draft::new("store that an identity is served")
        .put(Key::Identity(name.clone()), Object::Identity(next));
    let draft = volume::served(step, draft, name);
    let open = identity.takeover.and_then(|ended| {
        let takeover =
            step.state.durable.takeover(name, ended).filter(|takeover| takeover.closed.is_none())?;
        Some((Key::Takeover(name.clone(), ended), takeover))
    });
    let Some((key, takeover)) = open else {
        let text = format!("identity {name} is served by node {node} at epoch {epoch}");
        return draft.note(Note::of_identity(NoteKind::Serving, name, epoch, Some(&node), text));
    };
    let took = between(takeover.last_heard.unwrap_or(takeover.begun), now);
    let closed = Some(Closed { at: now, outcome: Outcome::Serving });
    let text =
        format!("identity {name} is served by node {node} at epoch {epoch}; {}", durations(takeover, now));
    draft
        .put(key, Object::Takeover(Box::new(Takeover { closed, ..takeover.clone() })))
        .note(Note::of_identity(NoteKind::Serving, name, epoch, Some(&node), text))
        .measure(Metric::TakeoverTook(took))
}

/// How long each part took, in words.
fn durations(takeover: &Takeover, now: jiff::Timestamp) -> String {
    let seconds = |from, to| between(from, to).as_secs_f64();
    let mut parts = Vec::new();
    if let Some(heard) = takeover.last_heard {
        parts.push(format!("detected {:.1} s after its last word", seconds(heard, takeover.begun)));
    }
    if let Some(fenced) = takeover.fenced {
        parts.push(format!("fenced in {:.1} s", seconds(takeover.begun, fenced)));
    }
    if let Some(granted) = takeover.granted {
        parts.push(format!("serving {:.1} s after the assignment", seconds(granted, now)));
    }
    let whole = seconds(takeover.last_heard.unwrap_or(takeover.begun), now);
    format!("node {} had it before: {}, {whole:.1} s in all", takeover.from, parts.join(", "))
}

fn between(from: jiff::Timestamp, to: jiff::Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The first holder that lives and has to lose what it holds.
pub(crate) fn unwell(step: &mut Step) -> Option<Draft> {
    let identities: Vec<(Name, Identity)> =
        step.state.durable.identities().map(|(name, identity)| (name.clone(), identity.clone())).collect();
    identities.into_iter().find_map(|(name, identity)| {
        let (IdentityState::Granting { holder } | IdentityState::Held { holder }) = &identity.state else {
            return None;
        };
        if step.silence(&holder.node) >= step.timings().suspect_after {
            return None;
        }
        let reason = reason(step, &name, &identity, holder)?;
        begin::begin(step, Begin::of(&name, &identity, holder, reason, Rung::Cooperative))
    })
}

fn reason(step: &Step, name: &Name, identity: &Identity, holder: &Holder) -> Option<Reason> {
    if !step.state.config.identities.contains_key(name) {
        return Some(Reason::Undeclared);
    }
    if let Some(drain) = step.state.durable.drain(&holder.node) {
        return Some(Reason::Command {
            name: drain.by.clone(),
            text: "drain".to_owned(),
            strength: Strength::Asked,
        });
    }
    let phase =
        step.state.view.held(&holder.node, &holder.boot, name, identity.epoch).map(|held| &held.phase);
    let is_granting = matches!(identity.state, IdentityState::Granting { .. });
    let unhealthy = step.state.view.node(&holder.node).and_then(|node| node.unhealthy_since);
    match phase {
        Some(Phase::Failed { reason }) if is_granting => Some(Reason::NotActivated { text: reason.clone() }),
        Some(Phase::Failed { reason }) => Some(Reason::Unhealthy { text: reason.clone() }),
        Some(Phase::Released) => Some(Reason::Unhealthy { text: "the node let go by itself".to_owned() }),
        Some(Phase::Unhealthy { reason })
            if unhealthy.is_some_and(|since| step.since(since) >= step.timings().unhealthy_max) =>
        {
            Some(Reason::Unhealthy { text: reason.clone() })
        }
        _ if is_granting && grant::lasted(step, name) >= step.timings().activation_max => {
            let text = format!("it did not serve within {} s", step.timings().activation_max.as_secs());
            Some(Reason::NotActivated { text })
        }
        _ => None,
    }
}
