//! What is on a disk's file, without its holes: two looks that are equal saw the same bytes.

use nix::unistd::{Whence, lseek};
use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;

const BLOCK_BYTES: u64 = 1 << 20;

/// The digest of every block that is not all zeros, by its number.
#[derive(Debug, PartialEq, Eq)]
pub struct Blocks(BTreeMap<u64, Sha256>);

impl Blocks {
    /// The whole disk.
    pub fn of(disk: &Path) -> Self {
        Self::without(disk, 0..0)
    }

    /// The disk but for these bytes.
    pub fn without(disk: &Path, left_out: Range<u64>) -> Self {
        let file = fs::open(disk).unwrap();
        let bytes = file.metadata().unwrap().len();
        let (mut found, mut at) = (BTreeMap::new(), 0);
        // A file system may call zeros data, never data a hole (lseek(2)).
        while let Ok(data) = lseek(&file, i64::try_from(at).unwrap(), Whence::SeekData) {
            at = u64::try_from(data).unwrap() / BLOCK_BYTES * BLOCK_BYTES;
            let mut block = vec![0; usize::try_from(BLOCK_BYTES.min(bytes - at)).unwrap()];
            file.read_exact_at(&mut block, at).unwrap();
            if block.iter().any(|byte| *byte != 0) && !left_out.contains(&at) {
                found.insert(at / BLOCK_BYTES, Sha256::of(&block));
            }
            at += BLOCK_BYTES;
        }
        Self(found)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a partition is on a disk, in bytes.
pub fn partition(disk: &Path, name: &str) -> Range<u64> {
    let table = crate::command::tool("sfdisk", ["--json", crate::command::text(disk)]);
    let table: serde_json::Value = serde_json::from_str(&table).unwrap();
    let partitions = table["partitiontable"]["partitions"].as_array().unwrap();
    let found = partitions.iter().find(|partition| partition["name"] == name).unwrap();
    let sectors = |key: &str| found[key].as_u64().unwrap() * 512;
    sectors("start")..sectors("start") + sectors("size")
}
