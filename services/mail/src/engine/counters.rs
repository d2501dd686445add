//! What a session has cost so far.

use super::config::Limits;
use super::replies;
use crate::reply::Refusal;

#[derive(Debug, Default)]
pub(super) struct Counters {
    octets: u64,
    commands: u32,
    messages: u32,
    errors: u32,
    refusals: u32,
    idle: u32,
}

/// Each tells what the session ends with, if this was too much.
impl Counters {
    pub(super) fn octets(&mut self, limits: &Limits, octets: usize) -> Option<Refusal> {
        self.octets = self.octets.saturating_add(octets as u64);
        (self.octets > limits.octets_max).then_some(replies::TOO_MUCH)
    }

    pub(super) fn command(&mut self, limits: &Limits) -> Option<Refusal> {
        count(&mut self.commands, limits.commands_max, replies::TOO_MANY_COMMANDS)
    }

    /// At the beginning of a message.
    pub(super) fn message(&mut self, limits: &Limits) -> Option<Refusal> {
        count(&mut self.messages, limits.messages_max, replies::TOO_MANY_MESSAGES)
    }

    pub(super) fn error(&mut self, limits: &Limits) -> Option<Refusal> {
        count(&mut self.errors, limits.errors_max, replies::TOO_MANY_ERRORS)
    }

    pub(super) fn refusal(&mut self, limits: &Limits) -> Option<Refusal> {
        count(&mut self.refusals, limits.refusals_max, replies::TOO_MANY_ERRORS)
    }

    pub(super) fn idle(&mut self, limits: &Limits) -> Option<Refusal> {
        count(&mut self.idle, limits.idle_max, replies::TOO_MANY_COMMANDS)
    }

    /// A message was taken: who sends mail may also ask.
    pub(super) fn taken(&mut self) {
        self.refusals = 0;
        self.idle = 0;
    }
}

fn count(counter: &mut u32, max: u32, end: Refusal) -> Option<Refusal> {
    *counter = counter.saturating_add(1);
    (*counter > max).then_some(end)
}
