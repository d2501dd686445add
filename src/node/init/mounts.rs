//! Mounts of the initrd, and the switch from it to the image's root.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{chdir, chroot, execve};
use std::convert::Infallible;
use std::ffi::CString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Source, folder, type and options of what a kernel's user space needs.
const KERNEL_FILE_SYSTEMS: [(&str, &str, &str, Option<&str>); 4] = [
    ("proc", "/proc", "proc", None),
    ("sysfs", "/sys", "sysfs", None),
    ("devtmpfs", "/dev", "devtmpfs", Some("mode=0755")),
    ("tmpfs", "/run", "tmpfs", Some("mode=0755,size=20%")),
];
/// What the image starts with.
const SYSTEMD: &str = "/sbin/init";

/// A mount or the switch failed.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    #[error("cannot mount {kind} at {}", path.display())]
    Mount {
        kind: String,
        path: PathBuf,
        #[source]
        source: nix::Error,
    },
    #[error("cannot make {} the root", path.display())]
    Switch {
        path: PathBuf,
        #[source]
        source: nix::Error,
    },
    #[error("cannot start {SYSTEMD} of the image")]
    Start(#[source] nix::Error),
}

/// Mounts `/proc`, `/sys`, `/dev` and `/run`.
pub fn kernel_file_systems() -> Result<(), MountError> {
    for (source, path, kind, options) in KERNEL_FILE_SYSTEMS {
        let flags = match kind {
            "devtmpfs" => MsFlags::MS_NOSUID,
            _ => MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        };
        mount_at(Path::new(source), path, kind, flags, options)?;
    }
    Ok(())
}

/// Mounts one file system.
pub fn mount_at(
    source: &Path,
    path: impl AsRef<Path>,
    kind: &str,
    flags: MsFlags,
    options: Option<&str>,
) -> Result<(), MountError> {
    let path = path.as_ref();
    mount(Some(source), path, Some(kind), flags, options).map_err(|source| MountError::Mount {
        kind: kind.to_owned(),
        path: path.to_owned(),
        source,
    })
}

/// Shows one file or folder at a second place.
pub fn bind(source: &Path, path: &Path) -> Result<(), MountError> {
    mount(Some(source), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(|error| {
        MountError::Mount { kind: source.display().to_string(), path: path.to_owned(), source: error }
    })
}

/// Shows the kernel's file systems inside the new root too.
pub fn share_kernel_file_systems(root: &str) -> Result<(), MountError> {
    KERNEL_FILE_SYSTEMS.iter().try_for_each(|(_, path, ..)| bind(Path::new(path), &inside(root, path)))
}

fn inside(root: &str, path: &str) -> PathBuf {
    Path::new(root).join(path.trim_start_matches('/'))
}

/// Unmounts everything below and at `root`, the newest first.
pub fn take_down(root: &str) {
    let table = understudy_core::base::fs::read_text(Path::new("/proc/self/mounts")).unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(1));
    let ours: Vec<&Path> = points.map(Path::new).filter(|point| point.starts_with(root)).collect();
    for point in ours.iter().rev() {
        // The next try says what it could not mount because of this.
        let _ = umount2(*point, MntFlags::MNT_DETACH);
    }
}

/// Leaves the initrd for `root` and becomes its systemd.
pub fn switch_root(root: &str) -> Result<Infallible, MountError> {
    let fail = |source| MountError::Switch { path: root.into(), source };
    for (_, path, ..) in KERNEL_FILE_SYSTEMS.iter().rev() {
        umount2(*path, MntFlags::MNT_DETACH).map_err(fail)?;
    }
    free_initrd(Path::new("/"));
    chdir(root).map_err(fail)?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>).map_err(fail)?;
    chroot(".").map_err(fail)?;
    chdir("/").map_err(fail)?;
    start_systemd()
}

fn start_systemd() -> Result<Infallible, MountError> {
    // Rust ignores SIGPIPE, and children would inherit that.
    // SAFETY: the default handler runs no code of ours.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.map_err(MountError::Start)?;
    let program = CString::new(SYSTEMD).expect("a constant without a zero byte");
    let variables = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "TERM=linux"];
    let variables = variables.map(|text| CString::new(text).expect("a constant without a zero byte"));
    execve(&program, &[&program], &variables).map_err(MountError::Start)
}

/// The initrd's files lie in memory that nobody would free later.
fn free_initrd(folder: &Path) {
    let Ok(own) = folder.metadata() else { return };
    for path in understudy_core::base::fs::list(folder).unwrap_or_default() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        // Another device number is another file system: the new root, for one.
        if metadata.dev() != own.dev() {
            continue;
        }
        // What cannot be removed costs memory, nothing else.
        if metadata.is_dir() {
            free_initrd(&path);
            let _ = std::fs::remove_dir(&path);
        } else {
            let _ = std::fs::remove_file(&path);
        }
    }
}
