//! The volume of an identity on the boot disk: made at the epoch at which it is born, found at any later one, mounted while this
//! node holds the identity, and unmounted before it says that it does not.
//!
//! Nothing is ever made in the place of a volume that is not there any more. The partition's unique id says whose it is, the
//! label of its file system (`born-EPOCH`) which one.

use crate::disk::ext4::{self, FSCK_LEFT_ERRORS, Head, Superblock};
use crate::disk::kernel;
use crate::disk::partition_table::{Extent, TableError};
use crate::disk::volume_partition::{self, VolumePartition};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::formats::disk_layout::volume_id;
use understudy_core::formats::template_context::VOLUME_PATH;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::VolumeOrder;

/// Of making or checking a file system. Both together are shorter than a turn of the tenant may be (`agent/board.rs`).
const PROGRAM_MAX: Duration = Duration::from_secs(20);
/// What has a mount point of ours, as the kernel shows it (proc(5)).
const MOUNTS: &str = "/proc/self/mounts";
/// How the label of a whole volume begins; the epoch at which it was born follows.
const BORN: &str = "born-";

/// Why an identity has no volume here, or still has one.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    #[error("the role `{0}` keeps data, and the site names no volume for it")]
    NotOrdered(Name),
    #[error(
        "the volume of {identity}, born at epoch {born}, is not on this node's disk; an empty one is not made in its place"
    )]
    Lost { identity: Name, born: Epoch },
    #[error("the volume of {identity} was never finished, and it is made at epoch {born} only")]
    HalfMade { identity: Name, born: Epoch },
    #[error(
        "the volume of {identity} on this node's disk is another one: it has the label `{label}`, and not born-{born}"
    )]
    Other { identity: Name, born: Epoch, label: String },
    #[error("{} is not a volume of {identity}; it is left as it is", device.display())]
    Foreign { identity: Name, device: PathBuf },
    #[error("{} is damaged (e2fsck -p ended with {status}) and needs a person: e2fsck {}", device.display(), device.display())]
    Damaged { device: PathBuf, status: ExitStatus },
    #[error(transparent)]
    File(#[from] FsError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the kernel does not take partition {number}")]
    Add {
        number: u32,
        #[source]
        source: Errno,
    },
    #[error("cannot make a volume's file system")]
    Make(#[source] ProcessError),
    #[error("cannot label a volume's file system")]
    Label(#[source] ProcessError),
    #[error("cannot check a volume's file system")]
    Check(#[source] ProcessError),
    #[error("cannot mount {} at {VOLUME_PATH}", device.display())]
    Mount {
        device: PathBuf,
        #[source]
        source: Errno,
    },
    #[error("{0} is mounted at {VOLUME_PATH}, and has to go first")]
    Occupied(String),
    #[error("cannot unmount {VOLUME_PATH}")]
    Unmount(#[source] Errno),
}

impl VolumeError {
    /// Whether the same again ends the same.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::NotOrdered(_)
                | Self::Lost { .. }
                | Self::HalfMade { .. }
                | Self::Other { .. }
                | Self::Foreign { .. }
                | Self::Damaged { .. }
                | Self::Table(TableError::NoRoom { .. } | TableError::NoEntry)
        )
    }
}

/// Where volumes are made.
#[derive(Clone, Debug)]
pub struct Volumes {
    /// The boot disk's kernel name.
    pub disk: String,
    pub largest: Option<ByteCount>,
}

/// What has to be done before a volume can be checked and mounted.
#[derive(Debug, PartialEq, Eq)]
enum Todo {
    Nothing,
    /// The partition is missing.
    Add,
    /// Its file system is not whole.
    Make,
    /// It has the label of an earlier epoch at which it was born and never served. What is in it stays.
    Relabel,
}

impl Volumes {
    /// The identity's volume is mounted.
    pub fn take(&self, identity: &Name, epoch: Epoch, order: VolumeOrder) -> Result<(), VolumeError> {
        let wanted = Wanted { identity, epoch, born: order.born };
        let path = Path::new("/dev").join(&self.disk);
        let mut disk = fs::open_update(&path)?;
        let partition = self.prepare(&wanted, &mut disk)?;
        let device = kernel::device(&self.disk, partition.extent.number);
        if let Some(source) = mounted_at(VOLUME_PATH)? {
            let is_it = Path::new(&source) == device;
            return if is_it { Ok(()) } else { Err(VolumeError::Occupied(source)) };
        }
        check(&device)?;
        if wanted.judge_head(ext4::read(&device)?, &device)? == Todo::Relabel {
            relabel(&device, order.born)?;
        }
        fs::create_dir_all(Path::new(VOLUME_PATH))?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME;
        let options = Some("errors=remount-ro");
        mount(Some(&device), VOLUME_PATH, Some("ext4"), flags, options)
            .map_err(|source| VolumeError::Mount { device, source })
    }

    /// Its partition, with a whole file system that is known to the kernel.
    fn prepare(&self, wanted: &Wanted<'_>, disk: &mut File) -> Result<VolumePartition, VolumeError> {
        let found = volume_partition::find(disk, wanted.identity)?;
        let (partition, is_to_be_made) = match wanted.judge_partition(found.as_ref())? {
            Todo::Add => (volume_partition::add(disk, wanted.identity, self.largest)?, true),
            todo => (found.ok_or_else(|| wanted.lost())?, todo == Todo::Make),
        };
        let Extent { number, .. } = partition.extent;
        kernel::added(disk, &self.disk, partition.extent)
            .map_err(|source| VolumeError::Add { number, source })?;
        if is_to_be_made {
            make(&kernel::device(&self.disk, number), wanted.identity, wanted.born)?;
            volume_partition::finish(disk, number)?;
        }
        Ok(partition)
    }
}

/// No volume is mounted any more: what still uses one is an error.
pub fn drop_all() -> Result<(), VolumeError> {
    while mounted_at(VOLUME_PATH)?.is_some() {
        umount2(VOLUME_PATH, MntFlags::UMOUNT_NOFOLLOW).map_err(VolumeError::Unmount)?;
    }
    Ok(())
}

/// The newest mount at this place.
fn mounted_at(place: &str) -> Result<Option<String>, FsError> {
    let mounts = fs::read_text(Path::new(MOUNTS))?;
    let here = mounts.lines().rev().find_map(|line| {
        let mut words = line.split(' ');
        let (source, at) = (words.next()?, words.next()?);
        (at == place).then(|| source.to_owned())
    });
    Ok(here)
}

/// Which volume, for which epoch.
struct Wanted<'a> {
    identity: &'a Name,
    epoch: Epoch,
    born: Epoch,
}

impl Wanted<'_> {
    /// Whether it may be made now: at any other epoch there is data that must be somewhere.
    fn is_newborn(&self) -> bool {
        self.epoch == self.born
    }

    fn lost(&self) -> VolumeError {
        VolumeError::Lost { identity: self.identity.clone(), born: self.born }
    }

    fn judge_partition(&self, found: Option<&VolumePartition>) -> Result<Todo, VolumeError> {
        match found {
            None if self.is_newborn() => Ok(Todo::Add),
            None => Err(self.lost()),
            Some(partition) if !partition.is_half_made => Ok(Todo::Nothing),
            Some(_) if self.is_newborn() => Ok(Todo::Make),
            Some(_) => Err(VolumeError::HalfMade { identity: self.identity.clone(), born: self.born }),
        }
    }

    fn judge_head(&self, head: Head, device: &Path) -> Result<Todo, VolumeError> {
        let foreign = || VolumeError::Foreign { identity: self.identity.clone(), device: device.to_owned() };
        let Head::Ext4(Superblock { label, uuid, .. }) = head else { return Err(foreign()) };
        if uuid != volume_id(self.identity) {
            return Err(foreign());
        }
        let born = label.strip_prefix(BORN).and_then(|epoch| epoch.parse().ok()).map(Epoch::new);
        match born {
            Some(born) if born == self.born => Ok(Todo::Nothing),
            Some(born) if born < self.born && self.is_newborn() => Ok(Todo::Relabel),
            _ => Err(VolumeError::Other { identity: self.identity.clone(), born: self.born, label }),
        }
    }
}

fn make(device: &Path, identity: &Name, born: Epoch) -> Result<(), VolumeError> {
    let block_bytes = ext4::BLOCK_BYTES.to_string();
    let uuid = hyphenated(volume_id(identity));
    Process::new("mke2fs")
        .args(["-q", "-F", "-t", "ext4", "-b", &block_bytes, "-U", &uuid, "-L", &label(born)])
        .arg(device)
        .run_within(PROGRAM_MAX)
        .map_err(VolumeError::Make)?;
    Ok(ext4::sync(device)?)
}

fn relabel(device: &Path, born: Epoch) -> Result<(), VolumeError> {
    let tune2fs = Process::new("tune2fs").args(["-L", &label(born)]).arg(device);
    tune2fs.run_within(PROGRAM_MAX).map_err(VolumeError::Label)?;
    Ok(ext4::sync(device)?)
}

/// 16 bytes are enough for 10^11 epochs.
fn label(born: Epoch) -> String {
    format!("{BORN}{born}")
}

fn check(device: &Path) -> Result<(), VolumeError> {
    match Process::new("e2fsck").arg("-p").arg(device).run_within(PROGRAM_MAX) {
        Ok(_) => Ok(()),
        Err(ProcessError::Failed { status, .. })
            if status.code().is_some_and(|code| code < FSCK_LEFT_ERRORS) =>
        {
            Ok(())
        }
        Err(ProcessError::Failed { status, .. }) => {
            Err(VolumeError::Damaged { device: device.to_owned(), status })
        }
        Err(error) => Err(VolumeError::Check(error)),
    }
}

/// As people and programs write a UUID.
fn hyphenated(id: [u8; 16]) -> String {
    let text = hex::encode(id);
    let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Name {
        "store-1".parse().unwrap()
    }

    fn partition(is_half_made: bool) -> VolumePartition {
        VolumePartition { extent: Extent { number: 8, first_sector: 0, sectors: 0 }, is_half_made }
    }

    fn ext4(label: &str, uuid: [u8; 16]) -> Head {
        Head::Ext4(Superblock { label: label.to_owned(), uuid, blocks: 1 })
    }

    /// Catches the mutant that makes an empty volume in the place of a lost one.
    #[test]
    fn a_volume_is_made_at_the_epoch_at_which_it_is_born_and_at_no_other() {
        let (identity, born) = (identity(), Epoch::new(4));
        let at = |epoch| Wanted { identity: &identity, epoch: Epoch::new(epoch), born };
        for (found, newborn, later) in [
            (None, Todo::Add, None),
            (Some(partition(true)), Todo::Make, None),
            (Some(partition(false)), Todo::Nothing, Some(Todo::Nothing)),
        ] {
            assert_eq!(at(4).judge_partition(found.as_ref()).unwrap(), newborn, "{found:?}");
            for epoch in [3, 5] {
                let result = at(epoch).judge_partition(found.as_ref());
                assert!(result.as_ref().is_ok() == later.is_some(), "{found:?} at {epoch}: {result:?}");
                assert!(result.as_ref().err().is_none_or(VolumeError::is_final));
            }
        }
    }

    /// Catches the mutants that take another volume, another identity's, or somebody else's file system.
    #[test]
    fn only_the_volume_that_is_meant_is_taken() {
        let (identity, born) = (identity(), Epoch::new(4));
        let own = volume_id(&identity);
        let device = Path::new("/dev/vda8");
        let judge = |epoch, head| {
            let wanted = Wanted { identity: &identity, epoch: Epoch::new(epoch), born };
            wanted.judge_head(head, device)
        };
        assert_eq!(judge(4, ext4("born-4", own)).unwrap(), Todo::Nothing);
        assert_eq!(judge(9, ext4("born-4", own)).unwrap(), Todo::Nothing);
        assert_eq!(judge(4, ext4("born-2", own)).unwrap(), Todo::Relabel, "born before, and never served");
        for (epoch, label) in
            [(9, "born-2"), (4, "born-7"), (9, "born-7"), (4, "state"), (4, ""), (4, "born-")]
        {
            let refused = judge(epoch, ext4(label, own)).unwrap_err();
            assert!(
                matches!(&refused, VolumeError::Other { .. }) && refused.is_final(),
                "{label} at {epoch}"
            );
        }
        let other = volume_id(&"store-2".parse().unwrap());
        for head in [ext4("born-4", other), Head::Nothing, Head::Foreign] {
            assert!(matches!(judge(4, head), Err(VolumeError::Foreign { .. })));
        }
    }

    /// With the programs of e2fsprogs, which the image has. What was written stays over another label.
    #[test]
    fn a_file_system_is_made_checked_and_labelled_anew() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(64 << 20).unwrap();
        let (device, identity) = (file.path(), identity());
        let found = || match ext4::read(device).unwrap() {
            Head::Ext4(superblock) => (superblock.label, superblock.uuid),
            other => panic!("{other:?}"),
        };
        for _ in 0..2 {
            make(device, &identity, Epoch::new(1)).unwrap();
            assert_eq!(found(), ("born-1".to_owned(), volume_id(&identity)));
        }
        check(device).unwrap();
        relabel(device, Epoch::new(99_999_999_999)).unwrap();
        assert_eq!(found(), ("born-99999999999".to_owned(), volume_id(&identity)));
        check(device).unwrap();
        // The group descriptors, without which nothing is where it was.
        std::os::unix::fs::FileExt::write_all_at(file.as_file(), &[0xff; 4096], 4096).unwrap();
        std::os::unix::fs::FileExt::write_all_at(file.as_file(), &[0xff; 512], 1024 + 0x10).unwrap();
        let damaged = check(device).unwrap_err();
        assert!(matches!(&damaged, VolumeError::Damaged { .. }) && damaged.is_final(), "{damaged:?}");
    }

    #[test]
    fn the_newest_mount_at_a_place_is_found() {
        assert!(mounted_at("/").unwrap().is_some());
        assert_eq!(mounted_at("/nonexistent").unwrap(), None);
    }
}
