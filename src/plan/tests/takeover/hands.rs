//! What a test does to the world with its own hands, and what it sees there.

use crate::machine::{BmcKind, Machine};
use crate::world::World;
use std::collections::BTreeMap;
use understudy_core::model::id::NodeId;
use understudy_plan::effect::NoteKind;
use understudy_plan::event::{Command, Reach};
use understudy_plan::{Event, State};

impl World {
    /// The agent is killed and starts again from what the ledger holds. What it had ordered may still happen.
    pub fn crash(&mut self) {
        // A new process has a new leader key.
        (self.store, self.reread, self.limbo) = (None, None, None);
        (self.asks, self.probes) = (Vec::new(), BTreeMap::new());
        self.beats.clear();
        self.state = State::new(self.config.clone(), self.ledger.read(), self.moment());
        for (node, boot) in self.registry.clone() {
            self.take(Event::Ready { node, boot });
        }
        self.take(Event::Reach(self.reach));
    }

    pub fn reach(&mut self, reach: Reach) {
        self.reach = reach;
        self.take(Event::Reach(reach));
    }

    pub fn command(&mut self, command: Command) -> u64 {
        self.said += 1;
        self.take(Event::Command { id: self.said, by: "ada".into(), command });
        self.said
    }

    /// A node is racked, approved and started.
    pub fn add_machine(&mut self, n: usize) {
        let id = NodeId::of_public_key(&[n as u8]);
        self.config.nodes.insert(id.clone(), crate::sample::facts(n));
        let mut machine = Machine::new(id.clone(), BmcKind::Honest);
        machine.booted = self.now;
        self.machines.insert(id, machine);
        let config = Box::new(self.config.clone());
        self.take(Event::Configured(config));
    }

    pub fn machine(&mut self, id: &NodeId) -> &mut Machine {
        self.machines.get_mut(id).unwrap()
    }

    /// The node that the ledger names for an identity, with the epoch and the name of its state.
    pub fn place(&self, name: &str) -> Option<(NodeId, u64, &'static str)> {
        let durable = self.ledger.read();
        let identity = durable.identity(&name.parse().unwrap())?.clone();
        let state = identity.state.name();
        Some((identity.node()?.clone(), identity.epoch.number(), state))
    }

    pub fn holder(&self, name: &str) -> NodeId {
        self.place(name).unwrap().0
    }

    /// Whether a machine really acts under the identity and the ledger says that it is held.
    pub fn is_served(&self, name: &str) -> bool {
        let Some((node, epoch, state)) = self.place(name) else { return false };
        let acts = self
            .machines
            .get(&node)
            .filter(|machine| machine.can_talk())
            .and_then(|machine| machine.acts.clone());
        state == "held"
            && acts.is_some_and(|(identity, at, _)| identity.as_str() == name && at.number() == epoch)
    }

    #[track_caller]
    pub fn was_told(&self, kind: NoteKind, words: &str) {
        assert!(self.times_told(kind, words) > 0, "no {kind:?} with `{words}` in {:#?}", self.texts());
    }

    pub fn times_told(&self, kind: NoteKind, words: &str) -> usize {
        self.notes.iter().filter(|note| note.kind == kind && note.text.contains(words)).count()
    }

    pub fn texts(&self) -> Vec<&str> {
        self.notes.iter().map(|note| note.text.as_str()).collect()
    }

    #[track_caller]
    pub fn is_whole(&self) {
        assert_eq!(self.broken, None, "{:#?}", self.texts());
    }
}
