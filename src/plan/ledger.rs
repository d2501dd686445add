//! Transactions: at most one is out, and nothing is decided while what is known may be old.

use crate::answer;
use crate::durable::{Durable, IdentityState, Object};
use crate::effect::{Effect, Metric, Note, NoteKind, Reply};
use crate::event::LedgerAnswer;
use crate::intent::{Compare, Intent, Ticket, Write};
use crate::key::Key;
use crate::state::Step;
use crate::view::{Pending, Said};
use std::time::Duration;

/// How often a command is tried against a ledger that others write to.
const COMMAND_ATTEMPTS_MAX: u32 = 3;

/// A transaction before it has a ticket and revisions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    pub purpose: &'static str,
    /// Entries that the decision rests on and that are not written.
    pub guards: Vec<Key>,
    pub writes: Vec<Write>,
    pub notes: Vec<Note>,
    pub metrics: Vec<Metric>,
    /// The command that it carries out, and what is said when it is stored.
    pub command: Option<(Said, String)>,
}

impl Draft {
    pub fn new(purpose: &'static str) -> Self {
        let (guards, writes, notes, metrics) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { purpose, guards, writes, notes, metrics, command: None }
    }

    pub fn put(mut self, key: Key, object: Object) -> Self {
        self.writes.push(Write { key, object: Some(object) });
        self
    }

    pub fn delete(mut self, key: Key) -> Self {
        self.writes.push(Write { key, object: None });
        self
    }

    pub fn guard(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.guards.extend(keys);
        self
    }

    pub fn note(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    pub fn measure(mut self, metric: Metric) -> Self {
        self.metrics.push(metric);
        self
    }
}

/// Whether what is known may be acted on: by the leader, with nothing out and nothing to be read again.
pub(crate) fn is_usable(step: &Step) -> bool {
    is_known(step) && step.state.view.pending.is_none()
}

/// Whether what is known is what the ledger held when it last answered.
pub(crate) fn is_known(step: &Step) -> bool {
    let view = &step.state.view;
    view.reach.ledger && view.reread.is_none() && view.halted.is_none()
}

pub(crate) fn store(step: &mut Step, draft: Draft) {
    let ticket = next_ticket(step);
    let durable = &step.state.durable;
    let keys = draft.writes.iter().map(|write| &write.key).chain(&draft.guards);
    let compares = keys.map(|key| Compare { key: key.clone(), expected: durable.expected(key) }).collect();
    let (writes, notes) = (draft.writes.clone(), draft.notes.clone());
    let intent = Intent { ticket, purpose: draft.purpose, compares, writes, notes };
    step.effects.push(Effect::Store(Box::new(intent.clone())));
    step.state.view.pending = Some(Pending { intent, draft, since: step.now.elapsed });
}

pub(crate) fn answer(step: &mut Step, ticket: Ticket, answer: LedgerAnswer) {
    // An answer that comes after its deadline finds nobody waiting: everything was read again since, or will be.
    let Some(pending) = step.state.view.pending.take_if(|pending| pending.intent.ticket == ticket) else {
        return;
    };
    match answer {
        LedgerAnswer::Stored { revision } => stored(step, pending, revision),
        LedgerAnswer::Lost => {
            ask_again(step);
            if let Some((mut said, _)) = pending.draft.command {
                said.attempts += 1;
                if said.attempts < COMMAND_ATTEMPTS_MAX {
                    step.state.view.commands.push_front(said);
                } else {
                    let text = "others write to the ledger all the time; try again".to_owned();
                    step.effects.push(Effect::Reply { id: said.id, reply: Reply::Declined(text) });
                }
            }
        }
        LedgerAnswer::Unknown => unknown(step, pending),
    }
}

fn stored(step: &mut Step, pending: Pending, revision: u64) {
    let Pending { intent, draft, .. } = pending;
    step.state.durable.stored(&intent.writes, revision);
    step.effects.extend(draft.metrics.into_iter().map(Effect::Measure));
    if let Some((said, text)) = draft.command {
        step.effects.push(Effect::Reply { id: said.id, reply: Reply::Done(text) });
    }
    for write in &intent.writes {
        if let Some(Object::Identity(identity)) = &write.object
            && !matches!(identity.state, IdentityState::Held { .. })
            && let Some(holder) = identity.holder()
        {
            answer::instruct(step, &holder.node.clone(), &holder.boot.clone());
        }
    }
}

fn unknown(step: &mut Step, pending: Pending) {
    ask_again(step);
    if let Some((said, _)) = pending.draft.command {
        step.effects.push(Effect::Reply { id: said.id, reply: Reply::Unknown });
    }
}

/// Reads everything again, and decides nothing before that is there.
fn ask_again(step: &mut Step) {
    let ticket = next_ticket(step);
    step.state.view.reread = Some((ticket, step.now.elapsed));
    step.effects.push(Effect::Reread(ticket));
}

pub(crate) fn changed(step: &mut Step) {
    // A transaction that is out will lose its compare if the change concerns it.
    if step.state.view.pending.is_none() && step.state.view.reread.is_none() {
        ask_again(step);
    }
}

pub(crate) fn reread(step: &mut Step, ticket: Ticket, durable: Durable) {
    if step.state.view.reread.take_if(|(wanted, _)| *wanted == ticket).is_none() {
        return;
    }
    let back = step.state.durable.identities().find_map(|(name, _)| {
        let (known, read) = (step.state.durable.epoch(name), durable.epoch(name));
        (read < known).then(|| format!("identity {name} was at epoch {known}, and the ledger says {read}"))
    });
    match back {
        Some(text) => halt(step, &text),
        None => step.state.durable = durable,
    }
}

/// A ledger that went back in time would hand out epochs a second time.
pub(crate) fn halt(step: &mut Step, what: &str) {
    if step.state.view.halted.is_none() {
        let text = format!(
            "{what}: the ledger went back in time, and nothing is done any more; see `understudy recover`"
        );
        step.state.view.halted = Some(text.clone());
        step.page(Note::of_site(NoteKind::LedgerWentBack, text));
    }
}

/// A transaction or a read that is out for too long: nobody knows how it went, so everything is read again.
pub(crate) fn deadline(step: &mut Step) {
    let longest = step.timings().ledger_answer_max;
    let now = step.now.elapsed;
    let is_late = |pending: &mut Pending| now.saturating_sub(pending.since) >= longest;
    if let Some(pending) = step.state.view.pending.take_if(is_late) {
        unknown(step, pending);
    }
    if step.state.view.reread.take_if(|(_, asked)| now.saturating_sub(*asked) >= longest).is_some() {
        ask_again(step);
    }
}

/// Notes when entries with a deadline were first seen as they are.
pub(crate) fn watch(step: &mut Step) {
    let now = step.now.elapsed;
    let durable = &step.state.durable;
    let identities = durable.identities().map(|(name, _)| Key::Identity(name.clone()));
    let fences = durable.fences().filter(|(_, fence)| !fence.is_over());
    let fences = fences.map(|(fence, _)| Key::Fence(fence.node, fence.number));
    let keys: Vec<Key> = identities.chain(fences).collect();
    let watched = &mut step.state.view.watched;
    let old = std::mem::take(watched);
    for key in keys {
        let crate::intent::Expected::Modified(revision) = step.state.durable.expected(&key) else { continue };
        let seen = old.get(&key).filter(|(known, _)| *known == revision).map_or(now, |(_, at)| *at);
        watched.insert(key, (revision, seen));
    }
}

/// When this process first saw the entry as it is.
pub(crate) fn seen(step: &Step, key: &Key) -> Duration {
    step.state.view.watched.get(key).map_or(step.now.elapsed, |(_, at)| *at)
}

fn next_ticket(step: &mut Step) -> Ticket {
    step.state.view.tickets += 1;
    Ticket(step.state.view.tickets)
}
