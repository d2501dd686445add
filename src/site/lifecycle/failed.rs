//! `failed`: the site has given up, says why, and waits for an operator to approve the node again.

use super::{State, Step};
use crate::events::EventKind;

/// How much of a reason is kept; part of it comes from the node.
pub const REASON_CHARS_MAX: usize = 500;

pub fn enter(step: &mut Step<'_>, reason: &str) {
    let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
    step.enter(State::Failed { reason: reason.clone() });
    step.attend(EventKind::Failed, &reason);
    speak(step);
}

pub fn speak(step: &mut Step<'_>) {
    let State::Failed { reason } = &step.node.state else { return };
    let reason = format!("failed: {reason}; an operator may approve it again");
    step.wait(&reason);
}
