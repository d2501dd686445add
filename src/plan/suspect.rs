//! `suspect`: a holder that has gone silent. It is asked for everywhere before anything is begun, and never stored.

use crate::begin::{self, Begin};
use crate::bmc::{self, Word};
use crate::cut_off;
use crate::durable::{Holder, Identity, IdentityState, Reason, Rung};
use crate::effect::{Effect, NoteKind};
use crate::ledger::Draft;
use crate::state::Step;
use crate::volume;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// Others who must say the same as the silence.
const WITNESSES_MIN: usize = 2;
/// Peers that look for one node.
const PROBING_PEERS_MAX: usize = 4;

/// What others say about a silent holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Corroboration {
    /// It is gone: who says so.
    Gone(Vec<String>),
    /// Too few say so.
    Open(Vec<String>),
    /// Somebody still reaches it: only the way to this agent is broken, or the agent on the node. In words that stay the same
    /// whoever it is.
    Alive(&'static str),
}

/// Lets peers look for late holders.
pub(crate) fn ask(step: &mut Step) {
    let holders: Vec<NodeId> =
        step.state.durable.identities().filter_map(|(_, identity)| identity.node().cloned()).collect();
    let (late_after, every) = (step.timings().late_after, step.timings().ask_every);
    for id in holders {
        let is_due =
            step.state.view.node(&id).is_none_or(|node| node.probed.is_none_or(|at| step.since(at) >= every));
        if step.silence(&id) < late_after || !is_due {
            continue;
        }
        let via = peers(step, &id);
        if !via.is_empty() {
            step.state.view.nodes.entry(id.clone()).or_default().probed = Some(step.now.elapsed);
            step.effects.push(Effect::Probe { node: id, via });
        }
    }
}

/// Peers that speak, those behind the node's own id first, so that not always the same ones are asked.
fn peers(step: &Step, id: &NodeId) -> Vec<NodeId> {
    let Some(rack) = step.state.config.rack_of(id) else { return Vec::new() };
    let speaks = |peer: &NodeId| peer != id && step.was_heard(peer, step.timings().late_after);
    let nodes = step.state.config.nodes.iter().filter(|(_, facts)| facts.rack == *rack).map(|(peer, _)| peer);
    let (before, behind): (Vec<_>, Vec<_>) = nodes.filter(|peer| speaks(peer)).partition(|peer| *peer < id);
    behind.into_iter().chain(before).take(PROBING_PEERS_MAX).cloned().collect()
}

/// The first holder that is lost, and may be replaced.
pub(crate) fn lost(step: &mut Step) -> Option<Draft> {
    let holders: Vec<(Name, Identity, Holder)> = step
        .state
        .durable
        .identities()
        .filter_map(|(name, identity)| match &identity.state {
            IdentityState::Held { holder } | IdentityState::Granting { holder } => {
                Some((name.clone(), identity.clone(), holder.clone()))
            }
            IdentityState::Free | IdentityState::Fencing { .. } => None,
        })
        .collect();
    holders.into_iter().find_map(|(name, identity, holder)| {
        if let Some(boot) = newer_boot(step, &name, &holder) {
            let begin = Begin::of(&name, &identity, &holder, Reason::Rebooted { boot }, Rung::Cooperative);
            return begin::begin(step, begin);
        }
        if !is_suspect(step, &holder.node) {
            return None;
        }
        let rack = step.state.config.rack_of(&holder.node)?.clone();
        if cut_off::unsettled(step, &rack).is_some() || cut_off::is_in_doubt(step, &rack) {
            return None;
        }
        match corroborate(step, &name, &holder.node) {
            Corroboration::Gone(witnesses) => {
                let begin =
                    Begin::of(&name, &identity, &holder, Reason::Silent { witnesses }, Rung::PowerOff);
                begin::begin(step, begin)
            }
            Corroboration::Alive(who) => {
                doubt(step, &name, &holder.node, &format!("{who}, so nothing is moved"))
            }
            Corroboration::Open(witnesses) if witnesses.is_empty() => {
                doubt(step, &name, &holder.node, "nobody else says the same, so nothing is moved")
            }
            Corroboration::Open(witnesses) => {
                let text =
                    format!("only one other says the same ({}), so nothing is moved", witnesses.join(", "));
                doubt(step, &name, &holder.node, &text)
            }
        }
    })
}

/// A newer boot of the holder's node: proven, or announced while the old boot says nothing. Where only this node may have the
/// identity again nothing is won before it is proven, and a fence without that proof would end with its power off.
fn newer_boot(step: &Step, name: &Name, holder: &Holder) -> Option<String> {
    let node = step.state.view.node(&holder.node)?;
    let boot = node.boot.clone().filter(|boot| *boot != holder.boot)?;
    let has_waited = step.since(node.boot_seen) >= step.timings().suspect_after;
    let is_bound = volume::with_data(step, name).is_some();
    (node.is_ready || (has_waited && !is_bound)).then_some(boot)
}

fn is_suspect(step: &Step, id: &NodeId) -> bool {
    step.silence(id) >= step.timings().suspect_after
}

/// A suspicion that lasts is told to a person.
fn doubt(step: &mut Step, name: &Name, id: &NodeId, why: &str) -> Option<Draft> {
    if step.silence(id) >= step.timings().uncorroborated_max {
        let text = format!("node {id}, which holds identity {name}, says nothing any more, but {why}");
        crate::attention::attend(step, name, NoteKind::Suspect, text);
    }
    None
}

/// What peers, the BMC and clients say about a node, since it was last heard.
pub(crate) fn corroborate(step: &Step, name: &Name, id: &NodeId) -> Corroboration {
    let now = step.now.elapsed;
    let last_word = now.saturating_sub(step.silence(id));
    let is_fresh = |at| at > last_word && now.saturating_sub(at) <= step.timings().sighting_max;
    let mut witnesses = Vec::new();
    let sightings = step.state.view.node(id).map(|node| node.sightings.clone()).unwrap_or_default();
    for (peer, sighting) in sightings {
        if peer == *id || !step.was_heard(&peer, step.timings().suspect_after) {
            continue;
        }
        if sighting.found.is_some_and(is_fresh) {
            return Corroboration::Alive("another node reaches it");
        }
        if is_fresh(sighting.looked) {
            witnesses.push(format!("node {peer} does not reach it"));
        }
    }
    let of_identity = step.state.view.clients.iter().filter(|((identity, _), _)| identity == name);
    for ((_, client), sighting) in of_identity {
        if sighting.found.is_some_and(is_fresh) {
            return Corroboration::Alive("a client is still served by it");
        }
        if is_fresh(sighting.looked) {
            witnesses.push(format!("client {client} is not served"));
        }
    }
    if matches!(bmc::word(step, id, last_word), Word::Off { .. }) {
        witnesses.push("its BMC says that the power is off".to_owned());
    }
    if witnesses.len() >= WITNESSES_MIN {
        Corroboration::Gone(witnesses)
    } else {
        Corroboration::Open(witnesses)
    }
}
