//! The partitions of volumes, behind state: found by the identity, added once, and marked until their file system is whole, so
//! that a power cut leaves nothing that looks like data.

use super::partition_table::{ALIGNMENT_SECTORS, Disk, Extent, TableError, read, write};
use gptman::{GPT, GPTPartitionEntry};
use understudy_core::base::byte_count::ByteCount;
use understudy_core::formats::disk_layout::{
    SECTOR_BYTES, STATE, TYPE_VOLUME, VOLUME_MIN, volume_id, volume_name,
};
use understudy_core::model::name::Name;

/// Bit 48 is the first that belongs to whoever defines the type (UEFI 2.10, table 5.8). Set: its file system is not whole.
const HALF_MADE: u64 = 1 << 48;

/// The partition of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumePartition {
    pub extent: Extent,
    /// Begun and never finished: nobody has written to it yet.
    pub is_half_made: bool,
}

/// The partition of this identity's volume, if the disk has one.
pub fn find(disk: &mut impl Disk, identity: &Name) -> Result<Option<VolumePartition>, TableError> {
    let (table, _) = read(disk)?;
    Ok(find_in(&table, identity))
}

fn find_in(table: &GPT, identity: &Name) -> Option<VolumePartition> {
    let is_it = |entry: &GPTPartitionEntry| {
        entry.partition_type_guid == TYPE_VOLUME && entry.unique_partition_guid == volume_id(identity)
    };
    let (number, entry) = table.iter().find(|(_, entry)| is_it(entry))?;
    let (first_sector, sectors) = (entry.starting_lba, entry.ending_lba + 1 - entry.starting_lba);
    let extent = Extent { number, first_sector, sectors };
    Some(VolumePartition { extent, is_half_made: entry.attribute_bits & HALF_MADE != 0 })
}

/// Adds a half-made one in the largest room behind state: as large as `largest`, or half of that room where it is not said, so
/// that there is room for another. One that is there stays as it is.
pub fn add(
    disk: &mut impl Disk,
    identity: &Name,
    largest: Option<ByteCount>,
) -> Result<VolumePartition, TableError> {
    let (mut table, _) = read(disk)?;
    if let Some(found) = find_in(&table, identity) {
        return Ok(found);
    }
    let (first, room) = largest_room(&table)?;
    let wanted = largest.map_or(room / 2, |largest| room.min(largest.get() / SECTOR_BYTES));
    let sectors = wanted / ALIGNMENT_SECTORS * ALIGNMENT_SECTORS;
    if sectors * SECTOR_BYTES < VOLUME_MIN.get() {
        return Err(TableError::NoRoom { room: ByteCount::bytes(room * SECTOR_BYTES) });
    }
    let unused = table.iter().find(|(_, entry)| entry.is_unused()).map(|(number, _)| number);
    let number = unused.ok_or(TableError::NoEntry)?;
    table[number] = GPTPartitionEntry {
        partition_type_guid: TYPE_VOLUME,
        unique_partition_guid: volume_id(identity),
        starting_lba: first,
        ending_lba: first + sectors - 1,
        attribute_bits: HALF_MADE,
        partition_name: volume_name(identity).as_str().into(),
    };
    write(&mut table, disk)?;
    Ok(VolumePartition { extent: Extent { number, first_sector: first, sectors }, is_half_made: true })
}

/// Its file system is whole, and what is in it counts from now on.
pub fn finish(disk: &mut impl Disk, number: u32) -> Result<(), TableError> {
    let (mut table, _) = read(disk)?;
    table[number].attribute_bits &= !HALF_MADE;
    write(&mut table, disk)
}

/// The largest free range behind state, first sector and length, in whole MiB.
fn largest_room(table: &GPT) -> Result<(u64, u64), TableError> {
    let used = || table.iter().filter(|(_, entry)| entry.is_used()).map(|(_, entry)| entry);
    let state = used().find(|entry| entry.partition_name.as_str() == STATE).ok_or(TableError::NoState)?;
    let mut starts: Vec<u64> = used().map(|entry| entry.starting_lba).collect();
    starts.push(table.header.last_usable_lba + 1);
    let rooms = used().filter(|entry| entry.starting_lba >= state.starting_lba).map(|entry| {
        let first = (entry.ending_lba + 1).next_multiple_of(ALIGNMENT_SECTORS);
        let next = starts.iter().filter(|start| **start > entry.starting_lba).min().copied();
        let end = next.unwrap_or(first) / ALIGNMENT_SECTORS * ALIGNMENT_SECTORS;
        (first, end.saturating_sub(first))
    });
    // State itself begins one of them.
    rooms.max_by_key(|(first, sectors)| (*sectors, std::cmp::Reverse(*first))).ok_or(TableError::NoState)
}

#[cfg(test)]
mod tests {
    use super::super::partition_table::grow_state;
    use super::super::partition_table::tests::{MEBIBYTE, Recorder, cuts, disk};
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn mebibytes(partition: VolumePartition) -> (u64, u64) {
        (partition.extent.first_sector / MEBIBYTE, partition.extent.sectors / MEBIBYTE)
    }

    #[test]
    fn a_volume_takes_half_of_the_rest_or_what_the_image_says() {
        let mut disk = disk(1024, None);
        grow_state(&mut disk, 198).unwrap();
        // Behind state from 2 to 200 MiB are 823 MiB, as the last one has the table's copy.
        let first = add(&mut disk, &name("store-1"), None).unwrap();
        assert_eq!((mebibytes(first), first.is_half_made), ((200, 411), true));
        let limit = Some(ByteCount::mebibytes(100));
        let second = add(&mut disk, &name("store-2"), limit).unwrap();
        assert_eq!(mebibytes(second), (611, 100));
        assert_eq!(add(&mut disk, &name("store-1"), limit).unwrap(), first, "it is there already");
        let third = add(&mut disk, &name("store-3"), Some(ByteCount::mebibytes(4096))).unwrap();
        assert_eq!(mebibytes(third), (711, 312));
        let full = add(&mut disk, &name("store-4"), None);
        assert!(matches!(full, Err(TableError::NoRoom { .. })), "{full:?}");
        assert_eq!(grow_state(&mut disk, 4096).unwrap().sectors / MEBIBYTE, 198, "it stops before volumes");
        assert_eq!(find(&mut disk, &name("store-1")).unwrap(), Some(first));
        assert_eq!(find(&mut disk, &name("store-4")).unwrap(), None);
    }

    #[test]
    fn room_that_somebody_left_in_between_is_used_and_nothing_overlaps() {
        let mut file = disk(1024, Some(40));
        let largest = |mebibytes| Some(ByteCount::mebibytes(mebibytes));
        let one = add(&mut file, &name("store-1"), largest(500)).unwrap();
        assert_eq!(mebibytes(one), (41, 500), "behind the partition that is there");
        let two = add(&mut file, &name("store-2"), largest(4096)).unwrap();
        assert_eq!(mebibytes(two), (541, 482));
        let mut table = read(&mut file).unwrap().0;
        table.remove(one.extent.number).unwrap();
        write(&mut table, &mut file).unwrap();
        let three = add(&mut file, &name("store-3"), largest(4096)).unwrap();
        assert_eq!(mebibytes(three), (41, 500));
        assert_eq!(find(&mut file, &name("store-2")).unwrap(), Some(two));
    }

    /// Catches the mutants that find a volume by its name alone, which somebody else's partition may have, or another volume's.
    #[test]
    fn what_only_has_the_name_of_a_volume_is_none() {
        let mut file = disk(1024, None);
        let mut table = read(&mut file).unwrap().0;
        table[5] = GPTPartitionEntry {
            partition_type_guid: [9; 16],
            unique_partition_guid: volume_id(&name("store-1")),
            starting_lba: 20 * MEBIBYTE,
            ending_lba: 21 * MEBIBYTE - 1,
            attribute_bits: 0,
            partition_name: volume_name(&name("store-1")).as_str().into(),
        };
        table[6] = GPTPartitionEntry {
            partition_type_guid: TYPE_VOLUME,
            unique_partition_guid: volume_id(&name("store-2")),
            starting_lba: 30 * MEBIBYTE,
            ending_lba: 31 * MEBIBYTE - 1,
            attribute_bits: 0,
            partition_name: volume_name(&name("store-1")).as_str().into(),
        };
        write(&mut table, &mut file).unwrap();
        assert_eq!(find(&mut file, &name("store-1")).unwrap(), None);
        assert_eq!(find(&mut file, &name("store-2")).unwrap().unwrap().extent.number, 6);
    }

    /// A disk that keeps what is written without being asked to, which is quick.
    fn quick(file: &File) -> Recorder {
        Recorder { file: file.try_clone().unwrap(), segments: vec![Vec::new()] }
    }

    /// Copies of a disk: only its two ends have something.
    fn copies_of(disk: &File) -> impl Fn() -> File + '_ {
        const END_BYTES: usize = 64 << 10;
        let bytes = disk.metadata().unwrap().len();
        let places = [0, bytes - END_BYTES as u64];
        let ends = places.map(|at| {
            let mut end = vec![0; END_BYTES];
            disk.read_exact_at(&mut end, at).unwrap();
            (at, end)
        });
        move || {
            let copy = tempfile::tempfile().unwrap();
            copy.set_len(bytes).unwrap();
            ends.iter().for_each(|(at, end)| copy.write_all_at(end, *at).unwrap());
            copy
        }
    }

    /// After a cut while it was added there is none, or one that is half made; after one while it was finished there is one, and
    /// it is the same. Catches a mark that is set after the partition is there.
    #[test]
    fn a_power_cut_while_a_volume_is_made_leaves_none_half_made_or_a_whole_one() {
        let mut grown = disk(512, None);
        grow_state(&mut grown, 50).unwrap();
        let fresh = copies_of(&grown);
        let half_made = fresh();
        let mut recorder = quick(&half_made);
        let added = add(&mut recorder, &name("store-1"), None).unwrap();
        assert!(recorder.segments.iter().map(Vec::len).sum::<usize>() > 100, "a table was written");
        cuts(&recorder.segments, fresh, |file, place| {
            let found = find(file, &name("store-1")).unwrap();
            assert!(found.is_none() || found == Some(added), "{place}");
            assert_eq!(add(&mut quick(file), &name("store-1"), None).unwrap(), added, "{place}");
        });
        let half_made = copies_of(&half_made);
        let mut recorder = quick(&half_made());
        finish(&mut recorder, added.extent.number).unwrap();
        cuts(&recorder.segments, half_made, |file, place| {
            let found = find(file, &name("store-1")).unwrap().unwrap();
            assert_eq!(found.extent, added.extent, "{place}");
            finish(&mut quick(file), found.extent.number).unwrap();
            assert!(!find(file, &name("store-1")).unwrap().unwrap().is_half_made, "{place}");
        });
    }
}
