//! Which disk gets the image, and whether it may.

use super::node::stable_name;
use super::{Step, Wanted, approved};
use crate::definition::{DiskRule, ForeignData};
use understudy_core::base::byte_count::ByteCount;
use understudy_core::protocol::instruction::DiskSelector;
use understudy_core::protocol::inventory::{Disk, DiskContent};

/// What a disk must have beside the image: room for state to grow into and for a first volume.
const ROOM_MIN: ByteCount = ByteCount::mebibytes(1024);

/// How many disks a refusal names; the node says how many it has.
const DISKS_TOLD_MAX: usize = 8;

/// What to do with the disk that was chosen.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// It holds the image.
    Keep(DiskSelector),
    /// It gets the image.
    Write { disk: DiskSelector, wipe: bool },
}

/// Why no disk gets the image.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it has no disk")]
    NoDisk,
    #[error("it has {count} disks, and site.toml says disk = \"only\": {names}")]
    Several { count: usize, names: String },
    #[error("it has no disk with serial {0}, which site.toml asks for")]
    NoSuchSerial(String),
    #[error("disk {name} has {bytes}, the image needs {needed}")]
    TooSmall { name: String, bytes: ByteCount, needed: ByteCount },
    #[error("disk {0} has neither a serial nor a WWN, and it is not the only one")]
    Nameless(String),
    #[error("disk {name} cannot be read: {reason}")]
    Unreadable { name: String, reason: String },
    #[error("disk {name} holds {description}; to overwrite it: understudy approve {code} --wipe")]
    Foreign { name: String, description: String, code: String },
    #[error(
        "disk {name} holds {volumes}, and no volume is ever written over; when its data may go, delete its partition by hand"
    )]
    Volumes { name: String, volumes: String },
    #[error("disk {name} holds {description}, and site.toml says foreign_data = \"refuse\"")]
    ForeignForever { name: String, description: String },
}

pub fn plan(step: &Step<'_>, wanted: &Wanted) -> Result<Plan, Refusal> {
    let disks = &step.node.inventory.disks;
    let disk = choose(disks, &step.moment.disk)?;
    let selector = approved::selector(disk, disks).ok_or_else(|| Refusal::Nameless(disk.name.clone()))?;
    let needed = wanted.disk_bytes.saturating_add(ROOM_MIN.get());
    if disk.bytes < needed {
        let (bytes, needed) = (ByteCount::bytes(disk.bytes), ByteCount::bytes(needed));
        return Err(Refusal::TooSmall { name: disk.name.clone(), bytes, needed });
    }
    match &disk.content {
        DiskContent::Image { root_hashes, .. } if root_hashes.contains(&wanted.image.root_hash) => {
            Ok(Plan::Keep(selector))
        }
        DiskContent::Image { volumes, .. } if !volumes.is_empty() => {
            Err(Refusal::Volumes { name: disk.name.clone(), volumes: volumes.join(", ") })
        }
        DiskContent::Empty | DiskContent::Image { .. } => Ok(Plan::Write { disk: selector, wipe: false }),
        DiskContent::Unreadable { reason } => {
            Err(Refusal::Unreadable { name: disk.name.clone(), reason: reason.clone() })
        }
        DiskContent::Foreign { description } => {
            may_overwrite(step, disk, &selector, description)?;
            Ok(Plan::Write { disk: selector, wipe: true })
        }
    }
}

/// A disk for people, such as `vda (serial D1, 8.0 GiB)`.
fn named(disk: &Disk) -> String {
    let serial = stable_name(disk).map_or_else(|| "no serial".to_owned(), |name| format!("serial {name}"));
    format!("{} ({serial}, {})", disk.name, ByteCount::bytes(disk.bytes))
}

fn choose<'a>(disks: &'a [Disk], rule: &DiskRule) -> Result<&'a Disk, Refusal> {
    let readable = || disks.iter().filter(|disk| !matches!(disk.content, DiskContent::Unreadable { .. }));
    let found = match rule {
        DiskRule::Only if disks.len() > 1 => {
            let names = disks.iter().take(DISKS_TOLD_MAX).map(named).collect::<Vec<_>>().join(", ");
            return Err(Refusal::Several { count: disks.len(), names });
        }
        DiskRule::Only => disks.first(),
        // The name breaks a tie, so that the choice does not depend on the order of the inventory.
        DiskRule::Smallest => readable().min_by_key(|disk| (disk.bytes, stable_name(disk))),
        DiskRule::Largest => readable().max_by_key(|disk| (disk.bytes, stable_name(disk))),
        DiskRule::Serial(serial) => {
            let named = disks.iter().find(|disk| disk.serial == *serial);
            return named.ok_or_else(|| Refusal::NoSuchSerial(serial.clone()));
        }
    };
    found.ok_or(Refusal::NoDisk)
}

/// Somebody else's data goes only when a person saw this very disk and said so, or when the data is what an
/// interrupted installation of ours left behind.
fn may_overwrite(
    step: &Step<'_>,
    disk: &Disk,
    selector: &DiskSelector,
    description: &str,
) -> Result<(), Refusal> {
    let is_ours =
        step.node.half_written.as_ref() == Some(selector) && !matches!(selector, DiskSelector::Only(_));
    if is_ours {
        return Ok(());
    }
    let (name, description) = (disk.name.clone(), description.to_owned());
    if step.moment.foreign_data == ForeignData::Refuse {
        return Err(Refusal::ForeignForever { name, description });
    }
    let allowed = step.node.approval.as_ref().filter(|approval| approval.wipe);
    let was_seen = allowed.is_some_and(|approval| match stable_name(disk) {
        Some(name) => approval.hardware.disks.contains(&name),
        None => approval.hardware.disks.is_empty(),
    });
    if was_seen { Ok(()) } else { Err(Refusal::Foreign { name, description, code: step.node.code.clone() }) }
}
