//! `spare`: a healthy node, fully imaged, that holds no identity.

use super::{ImageRef, State, Step, degraded};
use crate::events::EventKind;
use understudy_core::protocol::instruction::{Action, DiskSelector};
use understudy_core::protocol::report::Status;

pub fn enter(step: &mut Step<'_>, image: ImageRef, disk: DiskSelector) {
    let text = format!("is a spare with {} {}", image.name, image.version);
    step.node.half_written = None;
    step.enter(State::Spare { image, disk });
    step.record(EventKind::Spare, &text);
    step.answer(Action::Stay);
}

pub fn report(step: &mut Step<'_>, status: &Status) {
    match (status, step.node.state.clone()) {
        (Status::Degraded { nonce, units }, State::Spare { image, disk }) if *nonce == step.node.nonce => {
            degraded::enter(step, image, disk, units);
        }
        _ => step.answer(Action::Stay),
    }
}
