//! What BMCs say. They are asked while all is well too, so that a liar is known before it matters.

use crate::config::Bmc;
use crate::durable::{Distrust, Object};
use crate::effect::{Effect, Note, NoteKind};
use crate::event::{BmcAnswer, Power};
use crate::key::Key;
use crate::ledger::Draft;
use crate::state::Step;
use crate::view::Reading;
use std::time::Duration;
use understudy_core::model::id::NodeId;

/// Heartbeats, well after it said "off", that make a BMC a liar. One may have been on its way.
const BEATS_WHILE_OFF_MAX: u32 = 2;

pub(crate) fn answer(step: &mut Step, id: &NodeId, answer: BmcAnswer) {
    let now = step.now.elapsed;
    let Some(node) = step.state.view.nodes.get_mut(id) else { return };
    let bmc = &mut node.bmc;
    match answer {
        BmcAnswer::Power { asked, power, uuid } => {
            // An answer to an older question says nothing about now.
            if bmc.reading.as_ref().is_some_and(|reading| reading.asked >= asked) {
                return;
            }
            bmc.is_waiting &= bmc.asked != Some(asked);
            bmc.trouble = None;
            if bmc.distrusted.is_some_and(|until| asked <= until) {
                return;
            }
            let was_off = bmc.reading.as_ref().is_some_and(|reading| reading.power == Power::Off);
            if !was_off || power != Power::Off {
                bmc.beats_while_off = 0;
            }
            let answered = match &bmc.reading {
                Some(reading) if was_off && power == Power::Off => reading.answered,
                _ => now,
            };
            bmc.reading = Some(Reading { asked, answered, power, uuid });
        }
        BmcAnswer::Accepted => bmc.was_accepted = true,
        BmcAnswer::Failed { why } => {
            bmc.is_waiting = false;
            bmc.trouble = Some(why);
        }
    }
}

/// Asks for power states: of late nodes and fences often, of the rest seldom. Reading is never dangerous.
pub(crate) fn ask(step: &mut Step) {
    let nodes: Vec<NodeId> = step.state.config.nodes.keys().cloned().collect();
    for id in nodes {
        if step.state.config.nodes[&id].bmc == Bmc::None {
            continue;
        }
        let every = interval(step, &id);
        let is_distrusted = step.state.durable.distrust(&id).is_some();
        let (now, longest) = (step.now.elapsed, step.timings().bmc_answer_max);
        let bmc = &mut step.state.view.nodes.entry(id.clone()).or_default().bmc;
        if is_distrusted {
            // What was asked so far counts neither as proof nor as a lie, also once it is trusted again.
            (bmc.distrusted, bmc.reading, bmc.beats_while_off) = (Some(now), None, 0);
        }
        let since = bmc.asked.map(|asked| now.saturating_sub(asked));
        if bmc.is_waiting && since.is_some_and(|since| since >= longest) {
            (bmc.is_waiting, bmc.trouble) = (false, Some("it does not answer in time".to_owned()));
        }
        if !bmc.is_waiting && since.is_none_or(|since| since >= every) {
            (bmc.asked, bmc.is_waiting) = (Some(now), true);
            step.effects.push(Effect::AskPower { node: id, asked: now });
        }
    }
}

fn interval(step: &Step, id: &NodeId) -> Duration {
    let timings = step.timings();
    let is_late = step.silence(id) >= timings.late_after;
    match step.state.durable.open_fence(id) {
        Some((_, fence)) if fence.is_unconfirmed() && !was_ordered(step, id) => timings.unconfirmed_poll,
        Some((_, fence)) if !fence.is_confirmed() => timings.ask_every,
        None if is_late && step.state.durable.identity_of(id).is_some() => timings.ask_every,
        _ => timings.bmc_poll,
    }
}

/// Whether it was told to power off a short while ago, and may still do so.
pub(crate) fn was_ordered(step: &Step, id: &NodeId) -> bool {
    let ordered = step.state.view.node(id).and_then(|node| node.bmc.ordered);
    ordered.is_some_and(|(_, at, _)| step.since(at) < step.timings().fence_max)
}

/// Writes down that a BMC lies: it says "off", and its node goes on speaking.
pub(crate) fn distrust(step: &mut Step) -> Option<Draft> {
    let nodes = &step.state.view.nodes;
    let (id, _) = nodes.iter().find(|(id, node)| {
        node.bmc.beats_while_off >= BEATS_WHILE_OFF_MAX && step.state.durable.distrust(id).is_none()
    })?;
    let why = "it says that the power is off while the node speaks".to_owned();
    let text = format!(
        "the BMC of node {id} is not believed any more: {why}; nothing moves because of it. When it is mended: understudy trust-bmc {id}"
    );
    let note = Note::of_node(NoteKind::BmcDistrusted, id, text);
    let distrust = Distrust { why, since: step.now.wall };
    let draft = Draft::new("distrust a BMC").put(Key::Distrust(id.clone()), Object::Distrust(distrust));
    step.effects.push(Effect::Page(note.clone()));
    Some(draft.note(note))
}

/// What a BMC has to say about a fence or a suspicion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Off, read from the right machine's BMC, while the node was silent.
    Off { uuid: String },
    /// On, or on its way somewhere, at the right machine's BMC.
    On,
    /// Nothing yet that counts.
    Nothing,
    /// Nothing that it says can count; why.
    Worthless(String),
}

/// The newest reading that was asked for after `from`.
pub(crate) fn word(step: &Step, id: &NodeId, from: Duration) -> Word {
    let Some(facts) = step.state.config.nodes.get(id) else {
        return Word::Worthless("the node is not approved any more".to_owned());
    };
    if facts.bmc == Bmc::None {
        return Word::Worthless("the node has no BMC".to_owned());
    }
    if let Some(distrust) = step.state.durable.distrust(id) {
        return Word::Worthless(format!("its BMC was caught at a lie: {}", distrust.why));
    }
    let bmc = step.state.view.node(id).map(|node| &node.bmc);
    let Some(reading) = bmc.and_then(|bmc| bmc.reading.as_ref()).filter(|reading| reading.asked >= from)
    else {
        return Word::Nothing;
    };
    let Some(uuid) = facts.uuid.clone() else {
        return Word::Worthless("the node has no UUID by which its BMC could be known".to_owned());
    };
    match &reading.uuid {
        Some(other) if *other != uuid => Word::Worthless(format!(
            "its BMC is another machine's: it says UUID {other}, the node has {uuid}"
        )),
        None => Word::Worthless("its BMC does not say whose it is".to_owned()),
        // Off and yet heard a moment ago: wait and ask again before it counts.
        Some(_) if reading.power == Power::Off && step.silence(id) < step.timings().off_silence => {
            Word::Nothing
        }
        Some(_) if reading.power == Power::Off => Word::Off { uuid },
        Some(_) => Word::On,
    }
}

/// How the words begin about a BMC that cannot be asked, or that does not do what it is asked.
const UNUSABLE: &str = "its BMC cannot be used";

/// Whether a person who was told the one should hear the other. How a BMC cannot be used may change with every question.
pub(crate) fn is_another_trouble(told: &str, now: &str) -> bool {
    told != now && !(told.starts_with(UNUSABLE) && now.starts_with(UNUSABLE))
}

/// Why a BMC was of no use so far, in words.
pub(crate) fn trouble(step: &Step, id: &NodeId) -> Option<String> {
    let bmc = &step.state.view.node(id)?.bmc;
    let number = step.state.durable.open_fence(id).map(|(at, _)| at.number);
    let ordered = bmc.ordered.filter(|(fence, ..)| Some(*fence) == number);
    match (&bmc.trouble, ordered, &bmc.reading) {
        (Some(why), ..) => Some(format!("{UNUSABLE}: {why}")),
        (None, Some((_, _, times)), Some(_)) if bmc.was_accepted => Some(format!(
            "its BMC accepted {times} orders to power off and goes on saying that the power is on"
        )),
        (None, Some((_, _, times)), Some(_)) => Some(format!(
            "its BMC was told {times} times to power off and goes on saying that the power is on"
        )),
        _ => None,
    }
}
