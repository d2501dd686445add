//! A site as one agent knows it, and a step that is being made.

use crate::config::Config;
use crate::durable::Durable;
use crate::effect::{Effect, Note, NoteKind};
use crate::event::Event;
use crate::timings::{Now, Timings};
use crate::view::View;
use crate::{attention, bmc, command, cut_off, fence, grant, ledger, observe, serve, storm, suspect};
use std::time::Duration;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// What is durable, what is seen, and what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub(crate) durable: Durable,
    pub(crate) view: View,
    pub(crate) config: Config,
}

impl State {
    /// A site from what its ledger holds. It does nothing before it was told its [`crate::event::Reach`].
    pub fn new(config: Config, durable: Durable, now: Now) -> Self {
        Self { durable, view: View::new(now.elapsed), config }
    }

    /// What is stored, as far as this agent knows.
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// What is wanted.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What a person should look at, of this identity.
    pub fn attention(&self, identity: &Name) -> Option<&str> {
        self.view.attention.get(identity).map(String::as_str)
    }

    /// Why this agent does nothing at all, if it does not.
    pub fn halted(&self) -> Option<&str> {
        self.view.halted.as_deref()
    }
}

/// A step that is being made.
pub(crate) struct Step {
    pub state: State,
    pub now: Now,
    pub effects: Vec<Effect>,
    /// What this step found that a person should look at.
    pub found: Vec<(Name, Note)>,
}

impl Step {
    pub fn new(state: State, now: Now) -> Self {
        let mut step = Self { state, now, effects: Vec::new(), found: Vec::new() };
        observe::stall(&mut step);
        step
    }

    pub fn take(&mut self, event: Event) {
        match event {
            Event::Clock => {}
            Event::Configured(config) => self.state.config = *config,
            Event::Reach(reach) => self.state.view.reach = reach,
            Event::Booted { node, boot } => observe::boot(self, &node, boot),
            Event::Ready { node, boot } => observe::ready(self, &node, boot),
            Event::NotReady { node } => observe::not_ready(self, &node),
            Event::Heartbeat { node, beat } => observe::heartbeat(self, &node, beat),
            Event::Client { identity, client, is_served, age } => {
                observe::client(self, identity, client, is_served, age);
            }
            Event::Bmc { node, answer } => bmc::answer(self, &node, answer),
            Event::Command { id, by, command } => command::hear(self, id, by, command),
            Event::Ledger { ticket, answer } => ledger::answer(self, ticket, answer),
            Event::Reread { ticket, durable } => ledger::reread(self, ticket, *durable),
            Event::LedgerChanged => ledger::changed(self),
        }
    }

    /// Everything that follows from how things are now.
    pub fn go_on(&mut self) {
        ledger::deadline(self);
        ledger::watch(self);
        cut_off::look(self);
        storm::look(self);
        suspect::ask(self);
        bmc::ask(self);
        if ledger::is_usable(self) {
            fence::act(self);
            let draft = self.decide();
            attention::tell(self, draft.is_none());
            if let Some(draft) = draft {
                ledger::store(self, draft);
            }
        } else {
            command::refuse_while_cut_off(self);
        }
    }

    pub fn end(self) -> (State, Vec<Effect>) {
        (self.state, self.effects)
    }

    /// The next transaction: what people say first, then what brings a takeover that began to its end, then new ones.
    fn decide(&mut self) -> Option<ledger::Draft> {
        command::next(self)
            .or_else(|| bmc::distrust(self))
            .or_else(|| fence::conclude(self))
            .or_else(|| serve::serving(self))
            .or_else(|| grant::next(self))
            .or_else(|| suspect::lost(self))
            .or_else(|| serve::unwell(self))
    }

    pub fn timings(&self) -> &Timings {
        &self.state.config.timings
    }

    pub fn silence(&self, node: &NodeId) -> Duration {
        self.state.view.silence(node, self.now.elapsed)
    }

    pub fn was_heard(&self, node: &NodeId, within: Duration) -> bool {
        self.state.view.was_heard(node, within, self.now.elapsed)
    }

    /// Time since a moment of this process.
    pub fn since(&self, moment: Duration) -> Duration {
        self.now.elapsed.saturating_sub(moment)
    }

    pub fn record(&mut self, note: Note) {
        self.effects.push(Effect::Record(note));
    }

    pub fn page(&mut self, note: Note) {
        self.effects.push(Effect::Record(note.clone()));
        self.effects.push(Effect::Page(note));
    }
}

impl Note {
    /// Of a node, if it is one.
    pub(crate) fn of_node(kind: NoteKind, node: &NodeId, text: String) -> Self {
        Self { kind, node: Some(node.clone()), identity: None, epoch: None, text }
    }

    /// Of the site or a rack.
    pub(crate) fn of_site(kind: NoteKind, text: String) -> Self {
        Self { kind, node: None, identity: None, epoch: None, text }
    }

    /// Of an identity at an epoch, and a node that it is about.
    pub(crate) fn of_identity(
        kind: NoteKind,
        identity: &Name,
        epoch: Epoch,
        node: Option<&NodeId>,
        text: String,
    ) -> Self {
        Self { kind, node: node.cloned(), identity: Some(identity.clone()), epoch: Some(epoch), text }
    }
}
