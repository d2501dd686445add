//! "I am the one who is cut off": an agent without the ledger, without its gateway, or without a majority of a rack's nodes
//! changes nothing there. After that, and after a start, it listens for a while before it believes a silence.

use crate::effect::{Note, NoteKind};
use crate::state::Step;
use std::time::Duration;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// Looks at every rack.
pub(crate) fn look(step: &mut Step) {
    let racks: std::collections::BTreeSet<Name> =
        step.state.config.nodes.values().map(|facts| facts.rack.clone()).collect();
    step.state.view.racks.retain(|rack, _| racks.contains(rack));
    for rack in racks {
        let why = reason(step, &rack);
        note(step, &rack, why);
        let now = step.now.elapsed;
        let view = step.state.view.racks.entry(rack.clone()).or_default();
        view.cut_off = why;
        view.able_since = why.is_none().then(|| view.able_since.unwrap_or(now));
        let is_settled = unsettled(step, &rack).is_none();
        step.state.view.racks.entry(rack).or_default().has_settled |= is_settled;
    }
}

fn reason(step: &Step, rack: &Name) -> Option<&'static str> {
    let reach = step.state.view.reach;
    if !reach.ledger {
        return Some("the ledger cannot be reached, or another agent leads");
    }
    if !reach.gateway {
        return Some("its own gateway does not answer");
    }
    if members(step, rack).is_empty() {
        return Some("none of its nodes has said yet that it is ready");
    }
    let hears = hears_majority(step, rack, step.timings().suspect_after);
    (!hears).then_some("it does not hear a majority of the rack's nodes")
}

fn hears_majority(step: &Step, rack: &Name, within: Duration) -> bool {
    let members = members(step, rack);
    let heard = members.iter().filter(|id| step.was_heard(id, within)).count();
    heard * 2 > members.len()
}

/// Whether this agent may be cut off in a moment: nodes that fell silent together with a suspect are not suspect all at once.
pub(crate) fn is_in_doubt(step: &Step, rack: &Name) -> bool {
    !hears_majority(step, rack, step.timings().late_after)
}

/// The nodes that should speak: ready, or holding something, and not known to be down. One that has become ready while this
/// agent listens counts from its first word on, or when that is overdue.
pub(crate) fn members(step: &Step, rack: &Name) -> Vec<NodeId> {
    let (durable, timings) = (&step.state.durable, step.timings());
    let should_speak = |id: &NodeId| {
        let is_ready = step.state.view.node(id).is_some_and(|node| {
            let is_new = node.boot_seen > step.state.view.started + timings.stall
                && step.since(node.boot_seen) < timings.settle;
            node.is_ready && (node.beat.is_some() || !is_new)
        });
        let is_down = durable.open_fence(id).is_some_and(|(_, fence)| fence.is_confirmed());
        (is_ready && !is_down) || durable.identity_of(id).is_some()
    };
    let nodes = step.state.config.nodes.iter();
    nodes.filter(|(id, facts)| facts.rack == *rack && should_speak(id)).map(|(id, _)| id.clone()).collect()
}

fn note(step: &mut Step, rack: &Name, why: Option<&'static str>) {
    let has_waited = step.since(step.state.view.started) >= step.timings().uncorroborated_max
        && !members(step, rack).is_empty();
    let view = step.state.view.racks.entry(rack.clone()).or_default();
    match why {
        // At a start nobody has spoken yet; that is worth a word only if it stays so.
        Some(why) if !view.cut_off_told && (view.able_since.is_some() || has_waited) => {
            view.cut_off_told = true;
            let text = format!("this agent is cut off from rack {rack}: {why}; it changes nothing there");
            step.page(Note::of_site(NoteKind::CutOff, text));
        }
        None if view.cut_off_told => {
            view.cut_off_told = false;
            let text = format!("this agent is not cut off from rack {rack} any more");
            step.record(Note::of_site(NoteKind::Reconnected, text));
        }
        _ => {}
    }
}

/// Why nothing may be changed in this rack.
pub(crate) fn objection(step: &Step, rack: &Name) -> Option<String> {
    let why = step.state.view.racks.get(rack).map_or(Some("no node of it is known"), |rack| rack.cut_off)?;
    Some(format!("this agent is cut off from rack {rack}: {why}"))
}

/// Why a silence in this rack is not believed yet.
pub(crate) fn unsettled(step: &Step, rack: &Name) -> Option<String> {
    let since = step.state.view.racks.get(rack).and_then(|rack| rack.able_since);
    let is_settled = since.is_some_and(|since| step.since(since) >= step.timings().settle);
    (!is_settled).then(|| format!("this agent has just begun to listen to rack {rack}"))
}
