//! `retired`: the end. Nothing leads out of it.

use super::{State, Step};
use crate::events::EventKind;
use understudy_core::protocol::instruction::Action;

pub fn retire(step: &mut Step<'_>) {
    if step.node.state == State::Retired {
        return step.decline("is retired already");
    }
    step.enter(State::Retired);
    step.node.approval = None;
    step.record(EventKind::Retired, "retired by an operator");
}

pub fn speak(step: &mut Step<'_>) {
    step.answer(Action::Refuse { reason: "this node is retired".to_owned() });
}
