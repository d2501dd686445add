//! `approved`: a machine that may get the image, as soon as there is a disk for it.

use super::plan::{self, Plan};
use super::{Approval, Approver, Consent, Hardware, State, Step, installed, installing};
use crate::events::EventKind;
use std::time::Duration;
use understudy_core::protocol::instruction::{Action, DiskSelector};
use understudy_core::protocol::inventory::Disk;
use understudy_core::protocol::report::{BootSource, Status};

/// How long an approved machine may stay away.
const OVERDUE: Duration = Duration::from_secs(30 * 60);

pub fn enter(step: &mut Step<'_>, by: Approver, consent: Consent) {
    let Consent { wipe, allow_older, .. } = consent;
    if wipe && step.moment.foreign_data == crate::definition::ForeignData::Refuse {
        return step.decline("may not be wiped: site.toml says foreign_data = \"refuse\"");
    }
    let hardware = Hardware::of(&step.node.inventory);
    step.enter(State::Approved);
    step.node.approval = Some(Approval { at: step.moment.now, by, wipe, allow_older, hardware });
    step.node.attempts = 0;
    step.node.restarts.clear();
    step.node.misused = false;
    let by = match by {
        Approver::Operator if wipe => "by an operator, who allows to overwrite what is on its disks",
        Approver::Operator => "by an operator",
        Approver::SerialList => "by the list of expected serials",
    };
    let older = if allow_older { ", also an older image" } else { "" };
    step.record(EventKind::Approved, &format!("approved {by}{older}"));
}

pub fn report(step: &mut Step<'_>, status: &Status) {
    proceed(step);
    if matches!(step.node.state, State::Installed { .. })
        && matches!(step.node.source, BootSource::Disk { .. })
    {
        // It runs the image already: the report counts.
        step.forget_answer();
        installed::report(step, status);
    }
}

/// Decides what a machine that may get the image gets.
pub fn proceed(step: &mut Step<'_>) {
    let Some(wanted) = step.moment.wanted.clone() else {
        return block(step, "the shelf has no verified image for it");
    };
    match step.node.source.clone() {
        BootSource::Disk { root_hash, disk_serial, .. } if root_hash == wanted.image.root_hash => {
            let Some(disk) = of_running(&step.node.inventory.disks, &disk_serial) else {
                return block(step, "runs the image from a disk that its inventory does not have");
            };
            step.enter(State::Installed { image: wanted.image, disk, boots: 0 });
            step.record(EventKind::Installed, "runs the image from its disk already");
            step.answer(Action::Stay);
        }
        BootSource::Disk { name, version, .. } => {
            let text = format!(
                "runs {name} {version} from its disk; start it from the network to install {} {}",
                wanted.image.name, wanted.image.version
            );
            block(step, &text);
        }
        BootSource::Network => match plan::plan(step, &wanted) {
            Ok(Plan::Keep(disk)) => {
                installed::enter(step, wanted.image, disk, "has the image on its disk already");
            }
            Ok(Plan::Write { disk, wipe }) => installing::begin(step, wanted.image, disk, wipe),
            Err(refusal) => block(step, &refusal.to_string()),
        },
    }
}

pub fn clock(step: &mut Step<'_>) {
    if step.has_lasted(OVERDUE) && step.has_been_silent(OVERDUE) {
        step.attend(EventKind::Overdue, "is approved but stays away: start it from the network");
    }
}

fn block(step: &mut Step<'_>, reason: &str) {
    step.attend(EventKind::Blocked, reason);
    step.wait(reason);
}

/// The disk that a node says it runs from.
fn of_running(disks: &[Disk], serial: &str) -> Option<DiskSelector> {
    let named = disks.iter().find(|disk| !serial.is_empty() && disk.serial == serial);
    selector(named.or(disks.first().filter(|_| disks.len() == 1))?, disks)
}

/// How a disk is called from boot to boot; `only` where it is the node's one disk.
pub fn selector(disk: &Disk, others: &[Disk]) -> Option<DiskSelector> {
    let is_shared = |same: &dyn Fn(&Disk) -> bool| others.iter().filter(|other| same(other)).count() > 1;
    match &disk.wwn {
        _ if !disk.serial.is_empty() && !is_shared(&|other| other.serial == disk.serial) => {
            Some(DiskSelector::Serial(disk.serial.clone()))
        }
        Some(wwn) if !wwn.is_empty() && !is_shared(&|other| other.wwn.as_ref() == Some(wwn)) => {
            Some(DiskSelector::Wwn(wwn.clone()))
        }
        _ if others.len() == 1 => Some(DiskSelector::Only(disk.name.clone())),
        _ => None,
    }
}
