//! What the beginning of a partition says of an ext4 file system (kernel: Documentation/filesystems/ext4/super.rst).

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use understudy_core::base::fs;

/// Where file systems, volume managers and RAID keep what makes them known.
pub const HEAD_BYTES: usize = 64 << 10;
/// The superblock and its fields.
const SUPERBLOCK: usize = 1024;
const BLOCKS: Range<usize> = SUPERBLOCK + 0x04..SUPERBLOCK + 0x08;
const MAGIC: Range<usize> = SUPERBLOCK + 0x38..SUPERBLOCK + 0x3a;
const UUID: Range<usize> = SUPERBLOCK + 0x68..SUPERBLOCK + 0x78;
const LABEL: Range<usize> = SUPERBLOCK + 0x78..SUPERBLOCK + 0x88;
const EXT4_MAGIC: [u8; 2] = [0x53, 0xef];
/// Of a block, as we make them.
pub const BLOCK_BYTES: u64 = 4096;
/// e2fsck(8): 1 is "errors corrected", from 4 on something is left.
pub const FSCK_LEFT_ERRORS: i32 = 4;

/// What stands there.
#[derive(Debug, PartialEq, Eq)]
pub enum Head {
    Nothing,
    Ext4(Superblock),
    /// Something else.
    Foreign,
}

/// What of a file system matters to us.
#[derive(Debug, PartialEq, Eq)]
pub struct Superblock {
    pub label: String,
    pub uuid: [u8; 16],
    /// The lower half of the number of blocks; ours with 2^32 of them have more than anybody asks about.
    pub blocks: u32,
}

/// Reads the beginning of a device.
pub fn read(device: &Path) -> fs::Result<Head> {
    let mut head = vec![0; HEAD_BYTES];
    fs::open(device)?.read_exact(&mut head).map_err(fs::fail("read", device))?;
    Ok(recognise(&head))
}

/// Of [`HEAD_BYTES`] bytes.
pub fn recognise(head: &[u8]) -> Head {
    if head.iter().all(|byte| *byte == 0) {
        return Head::Nothing;
    }
    if head[MAGIC] != EXT4_MAGIC {
        return Head::Foreign;
    }
    let label = head[LABEL].split(|byte| *byte == 0).next().unwrap_or_default();
    let (mut uuid, mut blocks) = ([0; 16], [0; 4]);
    uuid.copy_from_slice(&head[UUID]);
    blocks.copy_from_slice(&head[BLOCKS]);
    let label = String::from_utf8_lossy(label).into_owned();
    Head::Ext4(Superblock { label, uuid, blocks: u32::from_le_bytes(blocks) })
}

/// Everything that was written is there without power.
pub fn sync(device: &Path) -> fs::Result<()> {
    fs::open(device)?.sync_all().map_err(fs::fail("flush", device))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The head of a file system with this label.
    pub fn head(label: &str) -> Vec<u8> {
        let mut head = vec![0; HEAD_BYTES];
        head[MAGIC].copy_from_slice(&EXT4_MAGIC);
        head[LABEL][..label.len()].copy_from_slice(label.as_bytes());
        head[UUID].fill(7);
        head[BLOCKS].copy_from_slice(&16384u32.to_le_bytes());
        head
    }

    #[test]
    fn a_head_is_recognised() {
        assert_eq!(recognise(&vec![0; HEAD_BYTES]), Head::Nothing);
        for label in ["", "state", "somebody's data!"] {
            let expected = Superblock { label: label.into(), uuid: [7; 16], blocks: 16384 };
            assert_eq!(recognise(&head(label)), Head::Ext4(expected));
        }
        let mut other = vec![0; HEAD_BYTES];
        other[HEAD_BYTES - 1] = 1;
        assert_eq!(recognise(&other), Head::Foreign);
    }
}
