//! The boot disk: a GPT that starts under BIOS and UEFI, with slot A filled, slot B and state empty.

use crate::definition;
use gptman::{GPT, GPTPartitionEntry};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::disk_layout::{
    BIOS_BOOT, ESP, SECTOR_BYTES, STATE, Slot, TYPE_BIOS_BOOT, TYPE_ESP, TYPE_ROOT, TYPE_STATE, TYPE_VERITY,
    TypeGuid,
};

/// Partitions start on whole MiB, which every disk's erase blocks and stripes divide.
const ALIGNMENT: ByteCount = ByteCount::mebibytes(1);
/// Room for GRUB's core image, up to the first aligned partition after it.
pub const BIOS_BOOT_BYTES: ByteCount = ByteCount::mebibytes(1);

/// Most of the disk is zeros, or compressed already.
const DISK_ZSTD_LEVEL: i32 = 3;
const DISK_ZSTD_THREADS: u32 = 2;

/// Why there is no disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("cannot write the partition table")]
    Table(#[source] gptman::Error),
    #[error("{what} takes {needed}, but [disk] {key} is {room}")]
    TooSmall { what: &'static str, key: &'static str, needed: ByteCount, room: ByteCount },
}

/// One partition of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub name: &'static str,
    pub kind: TypeGuid,
    pub first_sector: u64,
    pub bytes: u64,
}

/// The partitions in disk order.
#[derive(Debug)]
pub struct Plan {
    pub partitions: Vec<Partition>,
    /// The disk's size.
    pub bytes: u64,
}

impl Plan {
    /// Lays out `[disk]`; state comes last, so that the first boot can grow it.
    pub fn new(disk: &definition::Disk) -> Self {
        let slot =
            |slot: Slot| [(slot.root(), TYPE_ROOT, disk.root), (slot.verity(), TYPE_VERITY, disk.verity)];
        let mut sizes =
            vec![(BIOS_BOOT, TYPE_BIOS_BOOT, BIOS_BOOT_BYTES), (ESP, TYPE_ESP, *disk.esp.get_ref())];
        sizes.extend(Slot::ALL.into_iter().flat_map(slot));
        sizes.push((STATE, TYPE_STATE, disk.state));
        let mut offset = ALIGNMENT.get();
        let mut partitions = Vec::new();
        for (name, kind, size) in sizes {
            let bytes = size.get().next_multiple_of(ALIGNMENT.get());
            partitions.push(Partition { name, kind, first_sector: offset / SECTOR_BYTES, bytes });
            offset += bytes;
        }
        // The backup table needs 33 sectors at the end; a whole MiB keeps the size round.
        Self { partitions, bytes: offset + ALIGNMENT.get() }
    }

    /// The partition of this name.
    pub fn partition(&self, name: &str) -> &Partition {
        let found = self.partitions.iter().find(|partition| partition.name == name);
        found.expect("names are those that `new` planned")
    }

    /// Creates the sparse file at `path` with table and boot code. GUIDs come from `label`.
    pub fn create(&self, path: &Path, label: &str) -> Result<File, DiskError> {
        let mut file = fs::create(path)?;
        file.set_len(self.bytes).map_err(fs::fail("size", path))?;
        let mut table =
            GPT::new_from(&mut file, SECTOR_BYTES, fixed_guid(label, "disk")).map_err(DiskError::Table)?;
        for (number, partition) in (1..).zip(&self.partitions) {
            table[number] = GPTPartitionEntry {
                partition_type_guid: partition.kind,
                unique_partition_guid: fixed_guid(label, partition.name),
                starting_lba: partition.first_sector,
                ending_lba: partition.first_sector + partition.bytes / SECTOR_BYTES - 1,
                attribute_bits: 0,
                partition_name: partition.name.into(),
            };
        }
        table.write_into(&mut file).map_err(DiskError::Table)?;
        GPT::write_protective_mbr_into(&mut file, SECTOR_BYTES).map_err(DiskError::Table)?;
        Ok(file)
    }
}

/// A GUID that is the same for the same image. An installer gives every disk fresh ones.
fn fixed_guid(label: &str, part: &str) -> [u8; 16] {
    let digest = Sha256::of_parts(&[b"understudy guid ", label.as_bytes(), b" ", part.as_bytes()]);
    let mut guid = [0; 16];
    guid.copy_from_slice(&digest.as_bytes()[..16]);
    guid[7] = guid[7] & 0x0f | 0x40;
    guid[8] = guid[8] & 0x3f | 0x80;
    guid
}

/// Copies a file into a partition, leaving holes where the disk has them anyway.
pub fn fill(file: &mut File, partition: &Partition, source: &Path) -> Result<(), FsError> {
    let mut copy = || {
        file.seek(SeekFrom::Start(partition.first_sector * SECTOR_BYTES))?;
        io::copy(&mut File::open(source)?, file)
    };
    copy().map(drop).map_err(fs::fail("copy into the disk", source))
}

/// Writes bytes at an offset.
pub fn write_at(file: &mut File, offset: u64, bytes: &[u8], path: &Path) -> Result<(), FsError> {
    let mut write = || {
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    };
    write().map_err(fs::fail("write", path))
}

/// Compresses the disk for its way to nodes. Worker threads change the bytes, so their number is fixed.
pub fn compress(disk: &Path, out: &Path) -> Result<(), FsError> {
    let compress = || {
        let mut encoder = zstd::Encoder::new(File::create(out)?, DISK_ZSTD_LEVEL)?;
        encoder.multithread(DISK_ZSTD_THREADS)?;
        io::copy(&mut File::open(disk)?, &mut encoder)?;
        encoder.finish().map(drop)
    };
    compress().map_err(fs::fail("compress the disk into", out))
}

/// Refuses what does not fit, naming the key to change.
pub fn check_room(
    what: &'static str,
    key: &'static str,
    needed: u64,
    room: ByteCount,
) -> Result<(), DiskError> {
    if needed <= room.get() {
        return Ok(());
    }
    Err(DiskError::TooSmall { what, key, needed: ByteCount::bytes(needed), room })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::new(&definition::Disk {
            esp: toml::Spanned::new(0..1, ByteCount::mebibytes(64)),
            root: ByteCount::mebibytes(100),
            verity: ByteCount::mebibytes(2),
            state: ByteCount::mebibytes(16),
            state_max: ByteCount::mebibytes(64),
            volume_max: None,
        })
    }

    #[test]
    fn partitions_follow_each_other_and_state_is_last() {
        let plan = plan();
        for pair in plan.partitions.windows(2) {
            assert_eq!(pair[0].first_sector + pair[0].bytes / SECTOR_BYTES, pair[1].first_sector);
        }
        assert_eq!(plan.partitions.last().unwrap().name, STATE);
        assert_eq!(plan.partition(ESP).first_sector, 4096);
    }

    #[test]
    fn a_table_reads_back_the_same_for_the_same_label() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, label) in [("one", "mail 1"), ("same", "mail 1"), ("other", "mail 2")] {
            plan().create(&path(name), label).unwrap();
        }
        let digest = |name: &str| Sha256::of_file(&path(name)).unwrap().0;
        assert_eq!(digest("one"), digest("same"));
        assert_ne!(digest("one"), digest("other"));
        let table = GPT::find_from(&mut fs::open(&path("one")).unwrap()).unwrap();
        let names = table
            .iter()
            .filter(|(_, entry)| entry.is_used())
            .map(|(_, entry)| entry.partition_name.as_str().to_owned());
        assert!(names.eq(plan().partitions.iter().map(|partition| partition.name.to_owned())));
    }
}
