//! What a takeover may not do however sure the detector is: pauses, allowance, takeovers in flight, the hour between two.

use crate::durable::allowance::is_within;
use crate::durable::{Identity, IdentityState, Rung};
use crate::key::{Key, Scope};
use crate::state::Step;
use crate::{cut_off, storm};
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// The pauses that concern an identity on a node of this rack.
pub(crate) fn pause_scopes(rack: &Name, identity: &Name) -> [Scope; 3] {
    [Scope::Site, Scope::Rack(rack.clone()), Scope::Identity(identity.clone())]
}

/// Their keys, as guards: a pause that an operator says in the same moment wins.
pub(crate) fn pause_keys(rack: &Name, identity: &Name) -> [Key; 3] {
    pause_scopes(rack, identity).map(Key::Pause)
}

/// Why an operator does not want anything done by itself here.
pub(crate) fn paused(step: &Step, rack: &Name, identity: &Name) -> Option<String> {
    pause_scopes(rack, identity).iter().find_map(|scope| {
        let pause = step.state.durable.pause(scope)?;
        Some(format!("{} paused {scope}: {}", pause.by, pause.reason))
    })
}

/// Why nothing is changed in this rack or for this identity, whoever began it.
pub(crate) fn standstill(step: &Step, rack: &Name, identity: &Name) -> Option<String> {
    cut_off::objection(step, rack)
        .or_else(|| storm::objection(step, rack))
        .or_else(|| paused(step, rack, identity))
}

/// Why this takeover must not begin now.
pub(crate) fn objection(
    step: &Step,
    name: &Name,
    identity: &Identity,
    rack: &Name,
    rung: Rung,
) -> Option<String> {
    standstill(step, rack, name)
        .or_else(|| in_flight(step, rack, name))
        .or_else(|| too_soon(step, name, identity))
        .or_else(|| no_token(step, rack, rung))
}

/// Why a token of the allowance cannot be spent.
pub(crate) fn no_token(step: &Step, rack: &Name, rung: Rung) -> Option<String> {
    let policy = step.state.config.policy(rack);
    let used = step.state.durable.allowance(rack).used(policy.window, step.now.wall);
    (rung == Rung::PowerOff && used >= policy.fences_max).then(|| {
        let minutes = policy.window.as_secs() / 60;
        format!("rack {rack} has used up its allowance of {} fences in {minutes} minutes", policy.fences_max)
    })
}

/// Why one more takeover would be too many at a time.
pub(crate) fn in_flight(step: &Step, rack: &Name, name: &Name) -> Option<String> {
    let others: Vec<(&Name, &Name)> = moving(step).filter(|(identity, _)| *identity != name).collect();
    let here = others.iter().find(|(_, of)| *of == rack);
    let count = others.iter().filter(|(_, of)| *of == rack).count();
    match here {
        Some((other, _)) if count >= step.state.config.policy(rack).takeovers_max => {
            Some(format!("the takeover of {other} is in flight in rack {rack}"))
        }
        _ if others.len() >= step.state.config.takeovers_max => {
            Some(format!("{} takeovers are in flight at this site", others.len()))
        }
        _ => None,
    }
}

/// Identities whose takeover is in flight, with the racks in which they are. One that waits for a person or a spare is not.
fn moving(step: &Step) -> impl Iterator<Item = (&Name, &Name)> {
    let durable = &step.state.durable;
    durable.identities().filter_map(|(name, identity)| {
        let takeover =
            durable.takeover(name, identity.takeover?).filter(|takeover| takeover.closed.is_none())?;
        let is_moving = match &identity.state {
            IdentityState::Granting { .. } => true,
            IdentityState::Fencing { fence, .. } => {
                durable.fence(fence).is_some_and(|fence| !fence.is_unconfirmed())
            }
            IdentityState::Free | IdentityState::Held { .. } => false,
        };
        is_moving.then_some((name, &takeover.rack))
    })
}

fn too_soon(step: &Step, name: &Name, identity: &Identity) -> Option<String> {
    let timings = step.timings();
    if let IdentityState::Granting { .. } = identity.state {
        let attempt = attempt(step, name, identity);
        let is_acknowledged = identity.acknowledged > identity.taken_over;
        return (attempt > timings.grant_attempts_max && !is_acknowledged).then(|| {
            let times = timings.grant_attempts_max;
            format!(
                "{times} nodes in a row did not come to serve it; look, then: understudy acknowledge {name}"
            )
        });
    }
    let last = identity.taken_over.filter(|at| is_within(*at, timings.second_takeover, step.now.wall))?;
    let is_acknowledged = identity.acknowledged.is_some_and(|at| at > last);
    (!is_acknowledged).then(|| {
        let minutes = timings.second_takeover.as_secs() / 60;
        format!(
            "it was taken over less than {minutes} minutes ago; look, then: understudy acknowledge {name}"
        )
    })
}

/// The how manieth node in a row a takeover that begins now would use up.
pub(crate) fn attempt(step: &Step, name: &Name, identity: &Identity) -> u32 {
    let before = identity.takeover.and_then(|epoch| step.state.durable.takeover(name, epoch));
    match (&identity.state, before) {
        (IdentityState::Granting { .. }, Some(takeover)) => takeover.attempt + 1,
        (IdentityState::Granting { .. }, None) => 2,
        _ => 1,
    }
}

/// The rack whose limits count for a node: where it stands, or where its identity is declared.
pub(crate) fn rack(step: &Step, node: &NodeId, identity: &Name) -> Option<Name> {
    let declared = || step.state.config.identities.get(identity).map(|declaration| &declaration.rack);
    step.state.config.rack_of(node).or_else(declared).cloned()
}
