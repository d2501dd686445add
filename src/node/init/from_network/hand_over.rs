//! What passes from the boot that installs to the boot that runs: the enrolment, in the node's state.

use super::tell;
use crate::enrol::{Kept, KeptError, Trusted};
use crate::init::modules::Modules;
use crate::init::{InitError, SYSROOT, mounts, prepare, slots};
use nix::mount::{MsFlags, umount};
use std::path::Path;
use std::time::Duration;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::command_line::BootSettings;
use understudy_core::formats::disk_layout::STATE;

/// Where a state partition is looked into.
const LOOK: &str = "/state";

/// The enrolment that a disk of this node keeps, if one does, and what its disks have trusted. A state that cannot
/// be mounted keeps nothing.
pub fn find_kept() -> Result<(Option<Kept>, Trusted), KeptError> {
    fs::create_dir_all(Path::new(LOOK))?;
    let (mut found, mut trusted) = (None, Trusted::default());
    for device in slots::partitions_named(STATE) {
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        // A disk before its first boot has an empty state, another one may have somebody else's.
        if mounts::mount_at(&device, LOOK, "ext4", flags, None).is_err() {
            continue;
        }
        let (kept, own) = (Kept::read(Path::new(LOOK)), Trusted::read(Path::new(LOOK)));
        if let Err(error) = umount(LOOK) {
            tell(&error);
        }
        match kept {
            Ok(kept) => found = found.or(kept),
            // A damaged key is no key; the operator approves a new one.
            Err(error) => tell(&error),
        }
        match own {
            Ok(own) => trusted = trusted.and(own),
            Err(error) => tell(&error),
        }
    }
    Ok((found, trusted))
}

/// Starts the image on the disk as far as its state, which proves every block of it, and leaves the enrolment and
/// what is trusted there.
pub fn leave(
    root_hash: &Sha256,
    kept: &Kept,
    trusted: &Trusted,
    settings: &BootSettings,
    modules: &Modules,
) -> Result<(), InitError> {
    let settings = BootSettings {
        root_hash: *root_hash,
        // The disk is there.
        disk_wait: Duration::from_secs(2),
        ..settings.clone()
    };
    let var = Path::new(SYSROOT).join("var");
    let done = prepare(&settings, modules).and_then(|()| {
        trusted.write(&var).and_then(|()| kept.write(&var)).map_err(|error| InitError::HandOver(error.into()))
    });
    nix::unistd::sync();
    mounts::take_down(SYSROOT);
    done
}
