//! `installed`: the image is on the disk; the firmware has yet to prove that it boots from there.

use super::{ImageRef, State, Step, approved, degraded, failed, spare};
use crate::events::EventKind;
use std::time::Duration;
use understudy_core::protocol::instruction::{Action, DiskSelector};
use understudy_core::protocol::inventory::DiskContent;
use understudy_core::protocol::report::{BootSource, Status};

/// How often a machine may come back over the network instead of from its disk.
pub const BOOTS_MAX: u32 = 3;
/// Servers take minutes to their firmware's end; twice that and a systemd boot.
const READY_WITHIN: Duration = Duration::from_secs(20 * 60);

pub fn enter(step: &mut Step<'_>, image: ImageRef, disk: DiskSelector, how: &str) {
    let text = format!("{how}: {} {}", image.name, image.version);
    step.enter(State::Installed { image, disk, boots: 0 });
    step.record(EventKind::Installed, &text);
    step.answer(Action::BootDisk);
}

pub fn hello(step: &mut Step<'_>, is_new_boot: bool) {
    let State::Installed { image, disk, boots } = step.node.state.clone() else { return };
    step.forget_answer();
    match step.node.source.clone() {
        BootSource::Disk { root_hash, .. } if root_hash == image.root_hash => step.answer(Action::Stay),
        BootSource::Disk { name, version, .. } => failed::enter(
            step,
            &format!("booted {name} {version} with another root than {} {}", image.name, image.version),
        ),
        BootSource::Network if is_new_boot && boots >= BOOTS_MAX => failed::enter(
            step,
            &format!(
                "came over the network {BOOTS_MAX} times instead of from its disk; look at its boot order"
            ),
        ),
        BootSource::Network if !holds(step, &image, &disk) => {
            step.record(EventKind::InstallFailed, "the image is no longer on its disk");
            step.enter(State::Approved);
            approved::proceed(step);
        }
        BootSource::Network => {
            if is_new_boot {
                step.node.state = State::Installed { image, disk, boots: boots + 1 };
            }
            step.answer(Action::BootDisk);
        }
    }
}

pub fn report(step: &mut Step<'_>, status: &Status) {
    let State::Installed { image, disk, .. } = step.node.state.clone() else { return };
    if !runs(step, &image) {
        // Also what claims to be ready without having booted from its disk.
        return step.answer(Action::BootDisk);
    }
    match status {
        Status::Ready { nonce } if *nonce == step.node.nonce => spare::enter(step, image, disk),
        Status::Degraded { nonce, units } if *nonce == step.node.nonce => {
            degraded::enter(step, image, disk, units);
        }
        // A nonce of an earlier boot proves nothing; the answer carries the newest.
        _ => step.answer(Action::Stay),
    }
}

/// Whether the node has booted this image from its disk.
pub fn runs(step: &Step<'_>, image: &ImageRef) -> bool {
    matches!(&step.node.source, BootSource::Disk { root_hash, .. } if *root_hash == image.root_hash)
}

pub fn clock(step: &mut Step<'_>) {
    if step.has_lasted(READY_WITHIN) {
        let minutes = READY_WITHIN.as_secs() / 60;
        failed::enter(step, &format!("did not become ready within {minutes} minutes of the installation"));
        step.forget_answer();
    }
}

/// Whether the disk that was written still holds the image; a machine without that disk does not.
fn holds(step: &Step<'_>, image: &ImageRef, selector: &DiskSelector) -> bool {
    step.node.inventory.disks.iter().any(|disk| {
        let is_it = match selector {
            DiskSelector::Serial(serial) => disk.serial == *serial,
            DiskSelector::Wwn(wwn) => disk.wwn.as_ref() == Some(wwn),
            DiskSelector::Only(_) => step.node.inventory.disks.len() == 1,
        };
        let content = &disk.content;
        is_it
            && matches!(content, DiskContent::Image { root_hashes, .. } if root_hashes.contains(&image.root_hash))
    })
}
