//! `discovered`: a machine that nobody has said yes to. It is told to wait, and nothing else.

use super::{Approver, Consent, Effect, Step, approved};
use crate::events::EventKind;
use std::time::Duration;

/// How long a machine waits for a person before the site says so.
const OVERDUE: Duration = Duration::from_secs(3600);
/// A machine that was never approved and has said nothing for this long is forgotten.
pub const FORGET_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

pub fn speak(step: &mut Step<'_>) {
    if step.moment.is_expected {
        approved::enter(step, Approver::SerialList, Consent::default());
        approved::proceed(step);
    } else {
        let reason = format!("waiting for approval, code {}", step.node.code);
        step.wait(&reason);
    }
}

pub fn clock(step: &mut Step<'_>) {
    if step.has_been_silent(FORGET_AFTER) {
        step.record(EventKind::Forgotten, "was never approved and has said nothing for a week");
        step.effects.push(Effect::Forget);
    } else if step.has_lasted(OVERDUE) && !step.has_been_silent(OVERDUE) {
        let text = format!("waits for approval: understudy approve {}", step.node.code);
        step.attend(EventKind::Overdue, &text);
    }
}
