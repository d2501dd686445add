//! Grows the state partition on its disk: the table is moved to the disk's real end, backup copy first.

use gptman::{GPT, GPTHeader, GPTPartitionEntry};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use understudy_core::base::byte_count::ByteCount;
use understudy_core::formats::disk_layout::{SECTOR_BYTES, STATE, VOLUME_MIN};

/// Partitions end on whole MiB, as they start.
pub const ALIGNMENT_SECTORS: u64 = (1 << 20) / SECTOR_BYTES;

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("cannot read the partition table")]
    Read(#[source] gptman::Error),
    #[error("the partition table has no partition `{STATE}`")]
    NoState,
    #[error("cannot measure the disk")]
    Measure(#[source] io::Error),
    #[error("cannot write the partition table")]
    Write(#[source] gptman::Error),
    #[error("cannot flush the partition table")]
    Flush(#[source] io::Error),
    #[error("the disk has {room} left, and a volume has at least {VOLUME_MIN}")]
    NoRoom { room: ByteCount },
    #[error("the partition table has no more entries")]
    NoEntry,
}

/// What the table is on. A trait, so that a test can see the order of writes.
pub trait Disk: Read + Write + Seek {
    /// Returns when everything written so far is kept without power.
    fn sync(&mut self) -> io::Result<()>;
}

impl Disk for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Where a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its number in the table, from 1.
    pub number: u32,
    pub first_sector: u64,
    pub sectors: u64,
}

/// Grows state to `mebibytes_max`, to the disk's end, or to the next partition, whichever comes first; it
/// never shrinks. Repeating it after a power cut at any moment ends well.
pub fn grow_state(disk: &mut impl Disk, mebibytes_max: u64) -> Result<Extent, TableError> {
    let (mut table, is_moved) = read(disk)?;
    let (number, entry) = table
        .iter()
        .find(|(_, entry)| entry.is_used() && entry.partition_name.as_str() == STATE)
        .ok_or(TableError::NoState)?;
    let (first, last) = (entry.starting_lba, entry.ending_lba);
    let end = state_end(&table, first, last, mebibytes_max);
    table[number].ending_lba = end;
    if end > last || is_moved {
        write(&mut table, disk)?;
    }
    Ok(Extent { number, first_sector: first, sectors: end + 1 - first })
}

/// The table for the disk as large as it is, and whether that, or a lost copy, is to be written.
pub fn read(disk: &mut impl Disk) -> Result<(GPT, bool), TableError> {
    let mut table = GPT::read_from(disk, SECTOR_BYTES).map_err(TableError::Read)?;
    let backup_is_there = is_intact(disk, table.header.backup_lba);
    let disk_sectors = disk.seek(SeekFrom::End(0)).map_err(TableError::Measure)? / SECTOR_BYTES;
    let was_repaired = table.is_backup() || !backup_is_there;
    let is_moved = was_repaired || table.header.backup_lba != disk_sectors - 1;
    use_whole_disk(&mut table.header, disk, disk_sectors)?;
    Ok((table, is_moved))
}

/// The last sector that state may have.
fn state_end(table: &GPT, first: u64, last: u64, mebibytes_max: u64) -> u64 {
    let others = table.iter().filter(|(_, entry)| entry.is_used() && entry.starting_lba > first);
    let next = others.map(|(_, entry)| entry.starting_lba).min();
    let room = next.unwrap_or(table.header.last_usable_lba + 1);
    let wanted = first.saturating_add(mebibytes_max.saturating_mul(ALIGNMENT_SECTORS));
    let end = wanted.min(room) / ALIGNMENT_SECTORS * ALIGNMENT_SECTORS;
    end.saturating_sub(1).max(last)
}

/// Whether a copy of the table at this sector is whole.
fn is_intact(disk: &mut impl Disk, sector: u64) -> bool {
    let mut read = || -> gptman::Result<Vec<GPTPartitionEntry>> {
        disk.seek(SeekFrom::Start(sector * SECTOR_BYTES))?;
        GPTHeader::read_from(disk)?.read_partitions(disk, SECTOR_BYTES)
    };
    read().is_ok()
}

/// Makes the header a primary one for the disk as large as it is.
fn use_whole_disk(header: &mut GPTHeader, disk: &mut impl Disk, sectors: u64) -> Result<(), TableError> {
    header.primary_lba = 1;
    header.backup_lba = sectors - 1;
    header.partition_entry_lba = 2;
    header.update_from(disk, SECTOR_BYTES).map_err(TableError::Read)
}

/// The copy at the end first: at every moment one of the two is whole.
pub fn write(table: &mut GPT, disk: &mut impl Disk) -> Result<(), TableError> {
    let entries: Vec<GPTPartitionEntry> = table.iter().map(|(_, entry)| entry.clone()).collect();
    let mut backup = table.header.clone();
    backup.primary_lba = table.header.backup_lba;
    backup.backup_lba = table.header.primary_lba;
    backup.partition_entry_lba = table.header.last_usable_lba + 1;
    for header in [&mut backup, &mut table.header] {
        header.write_into(disk, SECTOR_BYTES, &entries).map_err(TableError::Write)?;
        disk.sync().map_err(TableError::Flush)?;
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const MEBIBYTE: u64 = ALIGNMENT_SECTORS;

    /// A disk of 64 MiB, or as much as its volume needs, moved to one of `mebibytes`, with state from 2 MiB to 10 MiB.
    pub fn disk(mebibytes: u64, volume_at: Option<u64>) -> File {
        let mut file = tempfile::tempfile().unwrap();
        // Behind the volume there is the copy of the table.
        let first_mebibytes = volume_at.map_or(64, |at| 64.max(at + 3));
        file.set_len(first_mebibytes << 20).unwrap();
        let mut table = GPT::new_from(&mut file, SECTOR_BYTES, [1; 16]).unwrap();
        let mut put = |number: u32, name: &str, first: u64, end: u64| {
            table[number] = GPTPartitionEntry {
                partition_type_guid: [2; 16],
                unique_partition_guid: [number as u8; 16],
                starting_lba: first * MEBIBYTE,
                ending_lba: end * MEBIBYTE - 1,
                attribute_bits: 0,
                partition_name: name.into(),
            };
        };
        put(1, "esp", 1, 2);
        put(2, STATE, 2, 10);
        if let Some(first) = volume_at {
            put(3, "volume", first, first + 1);
        }
        table.write_into(&mut file).unwrap();
        file.set_len(mebibytes << 20).unwrap();
        file
    }

    fn state_mebibytes(extent: Extent) -> u64 {
        extent.sectors / MEBIBYTE
    }

    #[test]
    fn state_grows_to_its_limit_to_the_end_or_to_the_next_partition() {
        let cases = [
            ("limit", disk(1024, None), 100, 100),
            ("end of the disk", disk(512, None), 4096, 509),
            ("next partition", disk(512, Some(40)), 4096, 38),
            ("never shorter", disk(64, None), 4, 8),
        ];
        for (name, mut disk, limit, expected) in cases {
            let extent = grow_state(&mut disk, limit).unwrap();
            assert_eq!(state_mebibytes(extent), expected, "{name}");
            let again = grow_state(&mut disk, limit).unwrap();
            assert_eq!(again, extent, "{name}, repeated");
            let table = GPT::read_from(&mut disk, SECTOR_BYTES).unwrap();
            assert!(is_intact(&mut disk, table.header.backup_lba), "{name}");
        }
    }

    /// Remembers every write and every sync.
    pub struct Recorder {
        pub file: File,
        /// Writes between syncs: offset and bytes.
        pub segments: Vec<Vec<(u64, Vec<u8>)>>,
    }

    impl Read for Recorder {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.file.read(buffer)
        }
    }

    impl Seek for Recorder {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let offset = self.file.stream_position()?;
            let count = self.file.write(bytes)?;
            self.segments.last_mut().unwrap().push((offset, bytes[..count].to_vec()));
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk for Recorder {
        fn sync(&mut self) -> io::Result<()> {
            self.segments.push(Vec::new());
            Ok(())
        }
    }

    /// Every disk that a power cut may leave behind: a fresh one, and which of the writes it has. Until a sync the disk may have
    /// kept any of them: here all up to a sector, or all from one.
    pub fn cuts(
        segments: &[Vec<(u64, Vec<u8>)>],
        fresh: impl Fn() -> File,
        mut then: impl FnMut(&mut File, &str),
    ) {
        for (number, segment) in segments.iter().enumerate() {
            let sectors: Vec<u64> = segment.iter().map(|(offset, _)| offset / SECTOR_BYTES).collect();
            for cut in sectors.iter().chain(&[0, u64::MAX]) {
                for early_ones in [true, false] {
                    let kept = |(offset, _): &&(u64, Vec<u8>)| (offset / SECTOR_BYTES < *cut) == early_ones;
                    let mut file = fresh();
                    segments[..number].iter().for_each(|before| apply(&mut file, before));
                    apply(&mut file, &segment.iter().filter(kept).cloned().collect::<Vec<_>>());
                    then(&mut file, &format!("segment {number}, cut at sector {cut}"));
                }
            }
        }
    }

    fn apply(file: &mut File, writes: &[(u64, Vec<u8>)]) {
        for (offset, bytes) in writes {
            file.seek(SeekFrom::Start(*offset)).unwrap();
            file.write_all(bytes).unwrap();
        }
    }

    /// Catches the mutants that write the primary copy first, and that do not sync between the copies.
    #[test]
    fn a_power_cut_between_any_two_writes_leaves_a_whole_table() {
        let mut recorder = Recorder { file: disk(128, None), segments: vec![Vec::new()] };
        grow_state(&mut recorder, 4096).unwrap();
        let segments = recorder.segments;
        assert!(segments.iter().map(Vec::len).sum::<usize>() > 100, "a table was written");
        cuts(
            &segments,
            || disk(128, None),
            |file, place| {
                let extent = grow_state(file, 4096).unwrap();
                assert_eq!(state_mebibytes(extent), 125, "{place}");
            },
        );
    }

    #[test]
    fn a_table_without_state_is_refused() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(8 << 20).unwrap();
        assert!(matches!(grow_state(&mut file, 1), Err(TableError::Read(_))));
        GPT::new_from(&mut file, SECTOR_BYTES, [1; 16]).unwrap().write_into(&mut file).unwrap();
        assert!(matches!(grow_state(&mut file, 1), Err(TableError::NoState)));
    }
}
