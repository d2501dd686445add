//! `installing`: the image is on its way to the disk.

use super::{ImageRef, Progress, State, Step, approved, failed, installed};
use crate::events::EventKind;
use std::time::Duration;
use understudy_core::protocol::instruction::{Action, DiskSelector, Install};
use understudy_core::protocol::report::{BootSource, Status};

/// Installations that are begun before a person must look.
pub const ATTEMPTS_MAX: u32 = 3;
/// How long an installation may stand still.
const PROGRESS_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Begins, unless too many have been begun already.
pub fn begin(step: &mut Step<'_>, image: ImageRef, disk: DiskSelector, wipe: bool) {
    if step.node.attempts >= ATTEMPTS_MAX {
        return failed::enter(step, &format!("{ATTEMPTS_MAX} installations did not end well"));
    }
    step.node.attempts += 1;
    let attempt = step.node.attempts;
    let text = format!("installs {} {}, attempt {attempt} of {ATTEMPTS_MAX}", image.name, image.version);
    step.enter(State::Installing { image, disk, wipe });
    step.record(EventKind::InstallBegun, &text);
    tell(step);
}

pub fn hello(step: &mut Step<'_>, is_new_boot: bool) {
    let State::Installing { image, disk, .. } = step.node.state.clone() else { return };
    match &step.node.source {
        // The last report was lost, the machine went on.
        BootSource::Disk { root_hash, .. } if *root_hash == image.root_hash => {
            installed::enter(step, image, disk, "has booted from the disk that was being written");
            installed::hello(step, true);
        }
        BootSource::Disk { .. } => failed::enter(step, "booted something else while it should install"),
        BootSource::Network if is_new_boot => {
            let attempt = step.node.attempts;
            let text = format!("attempt {attempt} of {ATTEMPTS_MAX}: started again in the middle");
            step.record(EventKind::InstallFailed, &text);
            // Its disks are not what they were: decide anew.
            step.enter(State::Approved);
            approved::proceed(step);
        }
        BootSource::Network => tell(step),
    }
}

pub fn report(step: &mut Step<'_>, status: &Status) {
    let State::Installing { image, disk, .. } = step.node.state.clone() else { return };
    match status {
        Status::Installing { bytes, total_bytes } => {
            let before = step.node.live.progress.map_or(0, |progress| progress.bytes);
            if *bytes > before {
                step.node.live.watched_from = step.moment.now;
                step.node.half_written = Some(disk);
            }
            step.node.live.progress = Some(Progress { bytes: *bytes, total_bytes: *total_bytes });
            tell(step);
        }
        Status::Installed => {
            step.node.half_written = None;
            if let Some(approval) = &mut step.node.approval {
                // The yes was for what was there before.
                (approval.wipe, approval.allow_older) = (false, false);
            }
            installed::enter(step, image, disk, "has written the image");
        }
        Status::InstallFailed { reason, disk_touched } => {
            if *disk_touched {
                step.node.half_written = Some(disk);
            }
            again(step, reason);
            if matches!(step.node.state, State::Installing { .. }) {
                // The next attempt begins with the next report: what broke may need a moment.
                step.forget_answer();
                step.wait("the installation failed; the next attempt follows");
            }
        }
        Status::Waiting | Status::Ready { .. } | Status::Degraded { .. } => tell(step),
    }
}

pub fn clock(step: &mut Step<'_>) {
    if step.has_lasted(PROGRESS_WITHIN) {
        let minutes = PROGRESS_WITHIN.as_secs() / 60;
        again(step, &format!("made no progress for {minutes} minutes"));
        step.forget_answer();
    }
}

/// One attempt is over: the next one, if there is one left.
fn again(step: &mut Step<'_>, reason: &str) {
    let attempt = step.node.attempts;
    if attempt >= ATTEMPTS_MAX {
        return failed::enter(step, &format!("installing: {reason} (attempt {attempt} of {ATTEMPTS_MAX})"));
    }
    let reason: String = reason.chars().take(failed::REASON_CHARS_MAX).collect();
    step.record(EventKind::InstallFailed, &format!("attempt {attempt} of {ATTEMPTS_MAX}: {reason}"));
    step.node.attempts += 1;
    step.node.live.watched_from = step.moment.now;
    step.node.live.progress = None;
    tell(step);
}

/// The order. Once we have written to the disk, what is there is our own half work.
fn tell(step: &mut Step<'_>) {
    let State::Installing { image, disk, wipe } = step.node.state.clone() else { return };
    let wipe = wipe || step.node.half_written.as_ref() == Some(&disk);
    let url = format!("{}/{}-{}", step.moment.images_url, image.name, image.version);
    let ImageRef { name, version, manifest_sha256, .. } = image;
    let allow_older = step.node.approval.as_ref().is_some_and(|approval| approval.allow_older);
    step.answer(Action::Install(Install { name, version, url, manifest_sha256, disk, wipe, allow_older }));
}
