//! What nodes, peers and clients say. Nothing here decides anything.

use crate::answer;
use crate::effect::{Note, NoteKind};
use crate::ledger;
use crate::state::Step;
use crate::view::NodeView;
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;
use understudy_core::protocol::heartbeat::{Heartbeat, Phase};

/// Boots of one node that are remembered as over; its registry knows the newest anyway.
const PAST_BOOTS_MAX: usize = 16;

/// Time in which this agent did not run is nobody's silence.
pub(crate) fn stall(step: &mut Step) {
    let gap = step.since(step.state.view.stepped);
    step.state.view.stepped = step.now.elapsed.max(step.state.view.stepped);
    if gap <= step.timings().stall {
        return;
    }
    // With the moments of the nodes: a boot that was known at the start must not look as if it came later.
    step.state.view.started += gap;
    for node in step.state.view.nodes.values_mut() {
        node.heard = node.heard.map(|heard| heard + gap);
        node.boot_seen += gap;
        node.unhealthy_since = node.unhealthy_since.map(|since| since + gap);
    }
    let text = format!(
        "this agent itself did not run for {} ms; that time counts as nobody's silence",
        gap.as_millis()
    );
    step.record(Note::of_site(NoteKind::Stalled, text));
}

/// A node has started. Its older boots count no more, and what they held is not what it holds.
pub(crate) fn boot(step: &mut Step, id: &NodeId, boot: String) {
    let now = step.now.elapsed;
    let node = step.state.view.nodes.entry(id.clone()).or_default();
    if node.boot.as_ref() == Some(&boot) || node.past_boots.contains(&boot) {
        return;
    }
    let past = node.boot.replace(boot);
    node.past_boots.extend(past);
    while node.past_boots.len() > PAST_BOOTS_MAX {
        node.past_boots.pop_first();
    }
    let (boot, past_boots) = (node.boot.take(), std::mem::take(&mut node.past_boots));
    let bmc = std::mem::take(&mut node.bmc);
    *node = NodeView { boot, past_boots, boot_seen: now, bmc, ..NodeView::default() };
    node.bmc.beats_while_off = 0;
    node.bmc.reading = None;
}

/// A node has proven its newest boot.
pub(crate) fn ready(step: &mut Step, id: &NodeId, newest: String) {
    boot(step, id, newest.clone());
    if let Some(node) = step.state.view.nodes.get_mut(id)
        && node.boot.as_ref() == Some(&newest)
    {
        node.is_ready = true;
    }
}

pub(crate) fn not_ready(step: &mut Step, id: &NodeId) {
    if let Some(node) = step.state.view.nodes.get_mut(id) {
        node.is_ready = false;
    }
}

/// A node speaks. Only its newest boot counts, and only what is newer than what it said before.
pub(crate) fn heartbeat(step: &mut Step, id: &NodeId, beat: Heartbeat) {
    take(step, id, &beat);
    answer::answer(step, id, &beat);
}

fn take(step: &mut Step, id: &NodeId, beat: &Heartbeat) {
    let (now, wall, off_silence) = (step.now.elapsed, step.now.wall, step.timings().off_silence);
    let Some(node) = step.state.view.nodes.get_mut(id) else { return };
    if node.boot.as_deref() != Some(beat.boot_id.as_str()) {
        return ghost(step, id, beat);
    }
    if node.heard.is_some() && beat.uptime_ms <= node.uptime_ms {
        return;
    }
    (node.heard, node.beat) = (Some(now), Some(now));
    (node.heard_wall, node.uptime_ms) = (Some(wall), beat.uptime_ms);
    let is_unhealthy = matches!(&beat.held, Some(held) if matches!(held.phase, Phase::Unhealthy { .. }));
    node.unhealthy_since = is_unhealthy.then(|| node.unhealthy_since.unwrap_or(now));
    node.held = beat.held.clone();
    let is_off = |power| power == crate::event::Power::Off;
    if node
        .bmc
        .reading
        .as_ref()
        .is_some_and(|reading| is_off(reading.power) && now.saturating_sub(reading.answered) >= off_silence)
    {
        node.bmc.beats_while_off += 1;
    }
    for seen in &beat.seen {
        let at = now.saturating_sub(Duration::from_millis(seen.age_ms));
        if let Some(peer) = step.state.view.nodes.get_mut(&seen.node) {
            peer.sightings.entry(id.clone()).or_default().see(at, seen.is_reachable);
        }
    }
    if let Some(held) = &beat.held {
        let known = step.state.durable.epoch(&held.identity);
        if ledger::is_known(step) && held.epoch > known && known >= Epoch::NEVER {
            let text = format!(
                "node {id} holds identity {} at epoch {}, and the ledger knows {known}",
                held.identity, held.epoch
            );
            ledger::halt(step, &text);
        }
    }
}

/// A boot speaks that is over: it was thawed, or its message is old.
fn ghost(step: &mut Step, id: &NodeId, beat: &Heartbeat) {
    let is_fenced = step
        .state
        .durable
        .fences()
        .any(|(fence, what)| fence.node == *id && what.boot == beat.boot_id && what.is_confirmed());
    let Some(node) = step.state.view.nodes.get_mut(id) else { return };
    if is_fenced && !std::mem::replace(&mut node.ghost_told, true) {
        let text = format!("node {id} speaks in a boot that is over; it is told to let go of what it held");
        step.record(Note::of_node(NoteKind::Quarantined, id, text));
    }
}

/// A client of a role tells whether it was served.
pub(crate) fn client(step: &mut Step, identity: Name, client: String, is_served: bool, age: Duration) {
    let at = step.now.elapsed.saturating_sub(age);
    let clients = &mut step.state.view.clients;
    // Clients are named by the driver; a bound all the same.
    if clients.len() < 4096 || clients.contains_key(&(identity.clone(), client.clone())) {
        clients.entry((identity, client)).or_default().see(at, is_served);
    }
}
