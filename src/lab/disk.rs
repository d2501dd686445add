//! Disks of virtual machines.

use std::path::Path;
use std::str::FromStr;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};

/// Why a disk could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("cannot copy the disk")]
    Copy(#[from] ProcessError),
}

/// Copies a disk, holes left out, and makes the copy at least `bytes` large: as if a small image had been
/// written to a larger disk.
pub fn grown_copy(source: &Path, target: &Path, bytes: ByteCount) -> Result<(), DiskError> {
    Process::new("cp").args(["--sparse=always", "--reflink=auto", "--"]).arg(source).arg(target).run()?;
    let size = fs::size(target)?.max(bytes.get());
    let file = fs::open_update(target)?;
    Ok(file.set_len(size).map_err(fs::fail("size", target))?)
}

/// What the disk is plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskBus {
    Virtio,
    Nvme,
    Ahci,
    Megaraid,
}

/// The text is not a bus.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a disk bus; there are virtio, nvme, ahci and megaraid")]
pub struct DiskBusError(String);

impl FromStr for DiskBus {
    type Err = DiskBusError;

    fn from_str(text: &str) -> Result<Self, DiskBusError> {
        match text {
            "virtio" => Ok(Self::Virtio),
            "nvme" => Ok(Self::Nvme),
            "ahci" => Ok(Self::Ahci),
            "megaraid" => Ok(Self::Megaraid),
            _ => Err(DiskBusError(text.to_owned())),
        }
    }
}

impl DiskBus {
    /// qemu's arguments for the drive with id `disk`.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Virtio => &["-device", "virtio-blk-pci,drive=disk"],
            Self::Nvme => &["-device", "nvme,serial=understudy,drive=disk"],
            // q35 brings an AHCI controller of its own.
            Self::Ahci => &["-device", "ide-hd,drive=disk"],
            Self::Megaraid => &["-device", "megasas,id=raid", "-device", "scsi-hd,bus=raid.0,drive=disk"],
        }
    }
}
