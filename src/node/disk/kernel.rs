//! What the running kernel knows of partitions: their device files, and how it hears that one is new or longer.

use super::partition_table::Extent;
use nix::errno::Errno;
use nix::libc;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::formats::disk_layout::SECTOR_BYTES;

/// `BLKPG` and its operations (kernel: include/uapi/linux/blkpg.h).
const BLKPG: libc::Ioctl = 0x1269;
const BLKPG_ADD_PARTITION: libc::c_int = 1;
const BLKPG_RESIZE_PARTITION: libc::c_int = 3;
/// Where the kernel shows its partitions.
const BLOCK_DEVICES: &str = "/sys/class/block";

/// The name of a partition: `vda7`, but `nvme0n1p7` (kernel: block/partitions/core.c).
pub fn partition_name(disk: &str, number: u32) -> String {
    let between = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{between}{number}")
}

/// Its device file.
pub fn device(disk: &str, number: u32) -> PathBuf {
    Path::new("/dev").join(partition_name(disk, number))
}

/// Tells that a partition has another length.
pub fn resized(disk: &File, extent: Extent) -> nix::Result<()> {
    tell(disk, BLKPG_RESIZE_PARTITION, extent)
}

/// Tells of a partition that may be new; one that is known already has to be the same.
pub fn added(disk: &File, name: &str, extent: Extent) -> nix::Result<()> {
    match known(name, extent.number) {
        None => tell(disk, BLKPG_ADD_PARTITION, extent),
        Some((first, sectors)) if (first, sectors) == (extent.first_sector, extent.sectors) => Ok(()),
        Some(_) => Err(Errno::EEXIST),
    }
}

/// First sector and length of a partition of which the kernel knows.
fn known(disk: &str, number: u32) -> Option<(u64, u64)> {
    let folder = Path::new(BLOCK_DEVICES).join(partition_name(disk, number));
    let read = |file: &str| fs::read_text(&folder.join(file)).ok()?.trim().parse().ok();
    Some((read("start")?, read("size")?))
}

/// `struct blkpg_partition`.
#[repr(C)]
struct BlkpgPartition {
    start: libc::c_longlong,
    length: libc::c_longlong,
    number: libc::c_int,
    names: [u8; 128],
}

/// `struct blkpg_ioctl_arg`.
#[repr(C)]
struct BlkpgRequest<'a> {
    operation: libc::c_int,
    flags: libc::c_int,
    data_bytes: libc::c_int,
    data: &'a mut BlkpgPartition,
}

fn tell(disk: &File, operation: libc::c_int, extent: Extent) -> nix::Result<()> {
    let bytes =
        |sectors: u64| libc::c_longlong::try_from(sectors * SECTOR_BYTES).map_err(|_| Errno::EOVERFLOW);
    let mut partition = BlkpgPartition {
        start: bytes(extent.first_sector)?,
        length: bytes(extent.sectors)?,
        number: libc::c_int::try_from(extent.number).map_err(|_| Errno::EOVERFLOW)?,
        names: [0; 128],
    };
    let request = BlkpgRequest {
        operation,
        flags: 0,
        data_bytes: size_of::<BlkpgPartition>() as libc::c_int,
        data: &mut partition,
    };
    // SAFETY: both structs are laid out as the kernel's and live until the call returns.
    let result = unsafe { libc::ioctl(disk.as_raw_fd(), BLKPG, &raw const request) };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_as_the_kernel_does() {
        assert_eq!(device("vda", 8), Path::new("/dev/vda8"));
        assert_eq!(device("nvme0n1", 8), Path::new("/dev/nvme0n1p8"));
    }
}
