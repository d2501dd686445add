//! Deadlines: how long a state may last, and how long a node may say nothing.

use super::node::signed;
use super::{Effect, State, Step};
use crate::events::EventKind;
use std::time::Duration;

/// A node that runs from its disk speaks every few seconds; after this long a person should know.
pub const SILENCE_MAX: Duration = Duration::from_secs(60);

impl Step<'_> {
    /// Whether the state has lasted this long while the site watched.
    pub(super) fn has_lasted(&self, duration: Duration) -> bool {
        self.moment.now.duration_since(self.node.live.watched_from) >= signed(duration)
    }

    /// Whether the node has said nothing for this long.
    pub(super) fn has_been_silent(&self, duration: Duration) -> bool {
        self.moment.now.duration_since(self.node.live.last_seen) >= signed(duration)
    }
}

/// Tells once that a running node has gone silent.
pub fn silence(step: &mut Step<'_>) {
    let is_running = matches!(step.node.state, State::Spare { .. } | State::Degraded { .. });
    if is_running && !step.node.live.is_silent && step.has_been_silent(SILENCE_MAX) {
        step.node.live.is_silent = true;
        let text = format!("has said nothing for {} s", SILENCE_MAX.as_secs());
        step.effects.push(Effect::Record(EventKind::Silent, text));
    }
}
