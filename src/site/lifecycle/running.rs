//! What `spare` and `degraded` share: a node that runs its image from its own disk.

use super::node::signed;
use super::{State, Step, failed, installed};
use crate::events::EventKind;
use std::time::Duration;
use understudy_core::protocol::instruction::Action;

/// A node that boots more often than this within the hour is not healthy, whatever it says.
pub const RESTARTS_MAX: usize = 10;
/// See [`RESTARTS_MAX`].
pub const RESTARTS_WITHIN: Duration = Duration::from_secs(3600);

/// A node that boots has to prove itself again.
pub fn hello(step: &mut Step<'_>, is_new_boot: bool) {
    let (State::Spare { image, disk } | State::Degraded { image, disk, .. }) = step.node.state.clone() else {
        return;
    };
    // What says the same boot with another root has booted again, whatever it calls that.
    if !is_new_boot && installed::runs(step, &image) {
        return step.answer(Action::Stay);
    }
    let now = step.moment.now;
    step.node.restarts.retain(|at| now.duration_since(*at) < signed(RESTARTS_WITHIN));
    if step.node.restarts.len() >= RESTARTS_MAX {
        return failed::enter(step, &format!("started {RESTARTS_MAX} times within an hour"));
    }
    step.node.restarts.push(now);
    step.enter(State::Installed { image, disk, boots: 0 });
    step.record(EventKind::Restarted, "has started again");
    installed::hello(step, true);
}
