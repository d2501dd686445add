//! The state partition: grown and made at the first boot, checked and mounted at `/var` at every boot.
//!
//! It is made only where nothing is. Making it is told apart from having made it by the file system's label,
//! so that a power cut in between is no half-made state.

use super::mounts::{self, MountError};
use crate::disk::ext4::{self, BLOCK_BYTES, FSCK_LEFT_ERRORS, Head};
use crate::disk::kernel;
use crate::disk::partition_table::{self, TableError};
use nix::errno::Errno;
use nix::libc;
use nix::mount::MsFlags;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::formats::disk_layout::STATE;

/// The label until the file system is whole.
const MAKING: &str = "making-state";
/// `_IOW('f', 16, __u64)` (kernel: fs/ext4/ext4.h).
const EXT4_IOC_RESIZE_FS: libc::Ioctl = nix::request_code_write!(b'f', 16, 8);

/// Where the machine id stays between boots.
const MACHINE_ID: &str = "var/lib/understudy/machine-id";

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the kernel does not take the new size of partition {number}")]
    Resize {
        number: u32,
        #[source]
        source: Errno,
    },
    #[error("cannot make a file system")]
    Make(#[source] ProcessError),
    #[error("{} holds something that is not a state of ours; it is left as it is", .0.display())]
    Foreign(PathBuf),
    #[error("{} needs a person: e2fsck ended with {code} and said {said}", device.display())]
    Damaged { device: PathBuf, code: i32, said: String },
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error("cannot grow the file system")]
    Grow(#[source] Errno),
    #[error("cannot draw a machine id")]
    Random(#[source] std::io::Error),
}

/// Mounts the state of `disk` at `/var` of the image's root, and its machine id over `/etc/machine-id`.
pub fn mount(disk: &str, mebibytes_max: u64, root: &Path) -> Result<(), StateError> {
    let device = grow(disk, mebibytes_max)?;
    let blocks = prepare(&device, root)?;
    let var = root.join("var");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOATIME;
    mounts::mount_at(&device, &var, "ext4", flags, None)?;
    grow_file_system(&device, &var, blocks)?;
    // A copy, because a bind of the file itself would keep /var busy until the power goes.
    let (kept, shown) = (machine_id(root)?, Path::new("/run/machine-id"));
    fs::copy(&kept, shown)?;
    Ok(mounts::bind(shown, &root.join("etc/machine-id"))?)
}

/// Grows the partition in the table and in the kernel; returns its device.
fn grow(disk: &str, mebibytes_max: u64) -> Result<PathBuf, StateError> {
    let path = Path::new("/dev").join(disk);
    let mut file = fs::open_update(&path)?;
    let extent = partition_table::grow_state(&mut file, mebibytes_max)?;
    kernel::resized(&file, extent).map_err(|source| StateError::Resize { number: extent.number, source })?;
    Ok(kernel::device(disk, extent.number))
}

/// What stands at the beginning of the partition.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Begun and never finished: nobody has written to it yet.
    HalfMade,
    Ext4 {
        blocks: u64,
    },
    Foreign,
}

fn judge(head: Head) -> Found {
    match head {
        Head::Nothing => Found::Nothing,
        Head::Foreign => Found::Foreign,
        Head::Ext4(superblock) if superblock.label == MAKING => Found::HalfMade,
        Head::Ext4(superblock) => Found::Ext4 { blocks: superblock.blocks.into() },
    }
}

/// Makes or checks the file system; returns its size in blocks.
fn prepare(device: &Path, root: &Path) -> Result<u64, StateError> {
    match judge(ext4::read(device)?) {
        Found::Nothing | Found::HalfMade => make(device, root)?,
        Found::Ext4 { .. } => check(device, root)?,
        Found::Foreign => return Err(StateError::Foreign(device.to_owned())),
    }
    match judge(ext4::read(device)?) {
        Found::Ext4 { blocks } => Ok(blocks),
        _ => Err(StateError::Foreign(device.to_owned())),
    }
}

/// A program of the image, whose root has been verified by now.
fn image_program(root: &Path, program: &str) -> Process {
    use std::os::unix::process::CommandExt;
    let root = root.to_owned();
    Process::new(program).env("PATH", "/usr/sbin:/usr/bin").with(|command| {
        let enter =
            move || nix::unistd::chroot(&root).and_then(|()| nix::unistd::chdir("/")).map_err(Into::into);
        // SAFETY: between fork and exec only these two system calls happen.
        unsafe { command.pre_exec(enter) };
    })
}

fn make(device: &Path, root: &Path) -> Result<(), StateError> {
    crate::console::say("first boot: making the state partition's file system");
    let block_bytes = BLOCK_BYTES.to_string();
    let mke2fs = image_program(root, "/usr/sbin/mke2fs").args(["-q", "-F", "-t", "ext4", "-b", &block_bytes]);
    mke2fs.args(["-L", MAKING]).arg(device).run().map_err(StateError::Make)?;
    ext4::sync(device)?;
    image_program(root, "/usr/sbin/tune2fs")
        .args(["-L", STATE])
        .arg(device)
        .run()
        .map_err(StateError::Make)?;
    Ok(ext4::sync(device)?)
}

fn check(device: &Path, root: &Path) -> Result<(), StateError> {
    let e2fsck = image_program(root, "/usr/sbin/e2fsck").arg("-p").arg(device);
    let output = e2fsck.output().map_err(StateError::Make)?;
    match output.status.code() {
        Some(code) if code < FSCK_LEFT_ERRORS => Ok(()),
        code => {
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Err(StateError::Damaged { device: device.to_owned(), code: code.unwrap_or(-1), said })
        }
    }
}

fn grow_file_system(device: &Path, var: &Path, blocks: u64) -> Result<(), StateError> {
    let room = super::slots::device_bytes(device)? / BLOCK_BYTES;
    if room <= blocks {
        return Ok(());
    }
    let folder = fs::open(var)?;
    // SAFETY: the kernel reads one number, which lives until the call returns.
    let result = unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_RESIZE_FS, &raw const room) };
    Errno::result(result).map(drop).map_err(StateError::Grow)
}

/// The file with this node's machine id (machine-id(5)), made at the first boot.
fn machine_id(root: &Path) -> Result<PathBuf, StateError> {
    let path = root.join(MACHINE_ID);
    if path.exists() {
        return Ok(path);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut bytes = [0; 16];
    let mut random = fs::open(Path::new("/dev/urandom"))?;
    random.read_exact(&mut bytes).map_err(StateError::Random)?;
    // Version 4, variant 1 (RFC 9562, section 5.4).
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect();
    fs::write_atomic(&path, text.as_bytes())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ext4::tests::head;

    #[test]
    fn only_an_empty_or_half_made_partition_is_made_anew() {
        let found = |head: &[u8]| judge(ext4::recognise(head));
        assert_eq!(found(&vec![0; ext4::HEAD_BYTES]), Found::Nothing);
        assert_eq!(found(&head(MAKING)), Found::HalfMade);
        assert_eq!(found(&head(STATE)), Found::Ext4 { blocks: 16384 });
        assert_eq!(found(&head("somebody's data")), Found::Ext4 { blocks: 16384 });
        let mut other = vec![0; ext4::HEAD_BYTES];
        other[ext4::HEAD_BYTES - 1] = 1;
        assert_eq!(found(&other), Found::Foreign);
    }
}
