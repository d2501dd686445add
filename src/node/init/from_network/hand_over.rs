//! What passes from the boot that installs to the boot that runs: the enrolment, in the node's state.

use super::tell;
use crate::enrol::{Kept, KeptError};
use crate::init::modules::Modules;
use crate::init::{InitError, SYSROOT, mounts, prepare, slots};
use crate::install::Installed;
use nix::mount::{MsFlags, umount};
use std::path::Path;
use std::time::Duration;
use understudy_core::base::fs;
use understudy_core::formats::command_line::BootSettings;
use understudy_core::formats::disk_layout::STATE;

/// Where a state partition is looked into.
const LOOK: &str = "/state";

/// The enrolment that a disk of this node keeps, if one does. A state that cannot be mounted keeps none.
pub fn find_kept() -> Result<Option<Kept>, KeptError> {
    fs::create_dir_all(Path::new(LOOK))?;
    for device in slots::partitions_named(STATE) {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        // A disk before its first boot has an empty state, another one may have somebody else's.
        if mounts::mount_at(&device, LOOK, "ext4", flags, None).is_err() {
            continue;
        }
        let kept = Kept::read(Path::new(LOOK));
        if let Err(error) = umount(LOOK) {
            tell(&error);
        }
        match kept {
            Ok(Some(kept)) => return Ok(Some(kept)),
            Ok(None) => {}
            // A damaged key is no key; the operator approves a new one.
            Err(error) => tell(&error),
        }
    }
    Ok(None)
}

/// Starts what was installed as far as its state, which proves every block of it, and leaves the enrolment there.
pub fn leave(
    installed: &Installed,
    kept: &Kept,
    settings: &BootSettings,
    modules: &Modules,
) -> Result<(), InitError> {
    let settings = BootSettings {
        root_hash: installed.manifest.root_hash,
        // The disk is there.
        disk_wait: Duration::from_secs(2),
        ..settings.clone()
    };
    let done = prepare(&settings, modules).and_then(|()| {
        kept.write(&Path::new(SYSROOT).join("var")).map_err(|error| InitError::HandOver(error.into()))
    });
    nix::unistd::sync();
    mounts::take_down(SYSROOT);
    done
}
