//! What is on a disk, in words that help to decide whether it may go. It only reads.

use gptman::{GPT, GPTPartitionEntry};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::disk_layout::{BIOS_BOOT, ESP, SECTOR_BYTES, STATE, Slot, TYPE_VOLUME};
use understudy_core::formats::verity::{BLOCK_BYTES, Superblock, block_digest};
use understudy_core::protocol::inventory::DiskContent;

/// Where tables, file systems, volume managers and RAID make themselves known, at either end of a disk.
const END_BYTES: u64 = 1 << 20;
const NAMES_MAX: usize = 8;

/// Reads both ends of the disk and its partition table.
pub fn look(device: &Path) -> DiskContent {
    let mut file = match fs::open(device) {
        Ok(file) => file,
        Err(error) => return DiskContent::Unreadable { reason: with_causes(&error) },
    };
    let found = find(&mut file);
    found.unwrap_or_else(|error| DiskContent::Unreadable { reason: error.to_string() })
}

fn find(file: &mut File) -> io::Result<DiskContent> {
    if let Ok(table) = GPT::read_from(file, SECTOR_BYTES) {
        return Ok(of_table(file, &table));
    }
    let bytes = file.seek(SeekFrom::End(0))?;
    for start in [0, bytes.saturating_sub(END_BYTES)] {
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(END_BYTES).read_to_end(&mut end)?;
        if end.iter().any(|byte| *byte != 0) {
            return Ok(DiskContent::Foreign { description: describe(&end, start == 0).to_owned() });
        }
    }
    Ok(DiskContent::Empty)
}

fn of_table(file: &mut File, table: &GPT) -> DiskContent {
    let used = table.iter().filter(|(_, entry)| entry.is_used()).map(|(_, entry)| entry);
    let (volumes, others): (Vec<_>, Vec<_>) =
        used.partition(|entry| entry.partition_type_guid == TYPE_VOLUME);
    let name = |entry: &GPTPartitionEntry| entry.partition_name.as_str().to_owned();
    let names: Vec<String> = others.into_iter().map(name).collect();
    let volumes: Vec<String> = volumes.into_iter().map(name).collect();
    let ours: BTreeSet<&str> = Slot::ALL
        .iter()
        .flat_map(|slot| [slot.root(), slot.verity()])
        .chain([BIOS_BOOT, ESP, STATE])
        .collect();
    let is_ours = names.len() == ours.len() && names.iter().all(|name| ours.contains(name.as_str()));
    // Whatever stands beside a volume of ours: it is not to be written over.
    if !is_ours && volumes.is_empty() {
        let shown = names.iter().take(NAMES_MAX).map(|name| if name.is_empty() { "unnamed" } else { name });
        let shown = shown.collect::<Vec<_>>().join(", ");
        return DiskContent::Foreign { description: format!("GPT with {} partitions: {shown}", names.len()) };
    }
    let slots = Slot::ALL.iter().filter_map(|slot| {
        let (_, entry) = table.iter().find(|(_, entry)| entry.partition_name.as_str() == slot.verity())?;
        root_hash(file, entry.starting_lba * SECTOR_BYTES)
    });
    DiskContent::Image { root_hashes: slots.collect(), volumes }
}

/// The root hash of the verity tree that begins here, if one does.
fn root_hash(file: &mut File, start: u64) -> Option<Sha256> {
    let mut head = vec![0; 2 * BLOCK_BYTES];
    file.seek(SeekFrom::Start(start)).ok()?;
    file.read_exact(&mut head).ok()?;
    let superblock = Superblock::parse(&head).ok()?;
    Some(block_digest(&superblock.salt, &head[BLOCK_BYTES..]))
}

/// The most common things by their magic numbers (kernel: fs/*/, Linux-RAID wiki, LVM2's label).
fn describe(end: &[u8], is_start: bool) -> &'static str {
    let at = |offset: usize, magic: &[u8]| end.get(offset..offset + magic.len()) == Some(magic);
    if !is_start {
        return "data at its end, such as a RAID superblock";
    }
    match () {
        () if at(0x218, b"LVM2 001") => "an LVM physical volume",
        () if at(0, b"LUKS\xba\xbe") => "a LUKS volume",
        () if at(0x1000, &0xa92b_4efc_u32.to_le_bytes()) => "a member of a Linux RAID",
        () if at(0x438, &[0x53, 0xef]) => "an ext4 file system",
        () if at(0, b"XFSB") => "an XFS file system",
        () if at(0x10040, b"_BHRfS_M") => "a btrfs file system",
        () if at(0x1fe, &[0x55, 0xaa]) => "an MBR partition table",
        () => "data of an unknown kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(write: impl FnOnce(&mut File)) -> DiskContent {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(64 << 20).unwrap();
        write(&mut fs::open_update(file.path()).unwrap());
        look(file.path())
    }

    /// Names that begin with `volume-` get the type of volumes.
    fn with_partitions(names: &[&str]) -> DiskContent {
        disk(|file| {
            let mut table = GPT::new_from(file, SECTOR_BYTES, [1; 16]).unwrap();
            for (number, name) in (1u32..).zip(names) {
                let first = u64::from(number) * 2048;
                table[number] = GPTPartitionEntry {
                    partition_type_guid: if name.starts_with("volume-") { TYPE_VOLUME } else { [2; 16] },
                    unique_partition_guid: [number as u8; 16],
                    starting_lba: first,
                    ending_lba: first + 2047,
                    attribute_bits: 0,
                    partition_name: (*name).into(),
                };
            }
            table.write_into(file).unwrap();
        })
    }

    fn at(offset: u64, bytes: &'static [u8]) -> impl FnOnce(&mut File) {
        move |file| std::os::unix::fs::FileExt::write_all_at(file, bytes, offset).unwrap()
    }

    #[test]
    fn only_zeros_at_both_ends_are_empty() {
        assert_eq!(disk(|_| {}), DiskContent::Empty);
        for (offset, bytes, words) in [
            (0x438, &[0x53, 0xef][..], "an ext4 file system"),
            (0x1fe, &[0x55, 0xaa], "an MBR partition table"),
            (77, &[1], "data of an unknown kind"),
            ((64 << 20) - 1, &[1], "data at its end, such as a RAID superblock"),
        ] {
            assert_eq!(disk(at(offset, bytes)), DiskContent::Foreign { description: words.into() });
        }
    }

    #[test]
    fn a_table_with_one_partition_more_than_ours_is_somebody_elses() {
        let ours = [BIOS_BOOT, ESP, "root-a", "verity-a", "root-b", "verity-b", STATE];
        let image = |volumes| DiskContent::Image { root_hashes: Vec::new(), volumes };
        assert_eq!(with_partitions(&ours), image(Vec::new()));
        let with_volumes = [&ours[..], &["volume-store-1", "volume-store-2"]].concat();
        assert_eq!(
            with_partitions(&with_volumes),
            image(vec!["volume-store-1".into(), "volume-store-2".into()])
        );
        assert_eq!(with_partitions(&["swap", "volume-store-1"]), image(vec!["volume-store-1".into()]));
        let with_another = [&ours[..], &["mailstore-1"]].concat();
        let DiskContent::Foreign { description } = with_partitions(&with_another) else { panic!() };
        assert!(description.starts_with("GPT with 8 partitions: bios-boot"), "{description}");
        assert!(matches!(with_partitions(&ours[..6]), DiskContent::Foreign { .. }));
    }

    #[test]
    fn a_disk_that_does_not_answer_says_so() {
        assert!(matches!(look(Path::new("/nonexistent")), DiskContent::Unreadable { .. }));
    }
}
