//! `degraded`: runs from its disk, but units failed. Not a spare until they are well.

use super::{ImageRef, State, Step, spare};
use crate::events::EventKind;
use std::time::Duration;
use understudy_core::protocol::instruction::{Action, DiskSelector};
use understudy_core::protocol::report::Status;

/// How many failed units are kept, and how much of each name; the node says both.
const UNITS_MAX: usize = 16;
const UNIT_CHARS_MAX: usize = 64;
/// How long units may be failed before the site says it again.
const OVERDUE: Duration = Duration::from_secs(30 * 60);

pub fn enter(step: &mut Step<'_>, image: ImageRef, disk: DiskSelector, units: &[String]) {
    let units = shortened(units);
    let text = format!("failed units: {}", units.join(", "));
    step.node.half_written = None;
    step.enter(State::Degraded { image, disk, units });
    step.attend(EventKind::Degraded, &text);
    step.answer(Action::Stay);
}

pub fn report(step: &mut Step<'_>, status: &Status) {
    let State::Degraded { image, disk, units } = step.node.state.clone() else { return };
    match status {
        Status::Ready { nonce } if *nonce == step.node.nonce => spare::enter(step, image, disk),
        Status::Degraded { nonce, units: now } if *nonce == step.node.nonce && shortened(now) != units => {
            let (since, watched_from) = (step.node.since, step.node.live.watched_from);
            enter(step, image, disk, now);
            // The deadline goes on: it is still not well.
            (step.node.since, step.node.live.watched_from) = (since, watched_from);
        }
        _ => step.answer(Action::Stay),
    }
}

pub fn clock(step: &mut Step<'_>) {
    let State::Degraded { units, .. } = &step.node.state else { return };
    if step.has_lasted(OVERDUE) {
        let minutes = OVERDUE.as_secs() / 60;
        let text = format!("units failed for more than {minutes} minutes: {}", units.join(", "));
        step.attend(EventKind::Overdue, &text);
    }
}

fn shortened(units: &[String]) -> Vec<String> {
    units.iter().take(UNITS_MAX).map(|unit| unit.chars().take(UNIT_CHARS_MAX).collect()).collect()
}
