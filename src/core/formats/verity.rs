//! dm-verity as this platform uses it: SHA-256, 4096-byte blocks, one superblock before the tree.
//!
//! The layout is that of cryptsetup's on-disk format version 1, so `veritysetup` reads it.

use crate::base::sha256::Sha256;
use sha2::{Digest, Sha256 as Hasher};

/// Bytes of a data block and of a hash block.
pub const BLOCK_BYTES: usize = 4096;
/// Bytes of a salt; the format would allow 256.
pub const SALT_BYTES: usize = 32;
/// Digests in one block of the tree.
pub const DIGESTS_PER_BLOCK: u64 = (BLOCK_BYTES / 32) as u64;
const SIGNATURE: &[u8; 8] = b"verity\0\0";
const SUPERBLOCK_BYTES: usize = 512;

/// What stands in the first block of a verity partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Identifies the tree; no secret, no meaning.
    pub uuid: [u8; 16],
    /// Blocks of the root file system.
    pub data_blocks: u64,
    /// Hashed before every block.
    pub salt: [u8; SALT_BYTES],
}

/// Why a partition does not hold a verity tree of ours.
#[derive(Debug, thiserror::Error)]
pub enum SuperblockError {
    #[error("the verity superblock is shorter than {SUPERBLOCK_BYTES} bytes")]
    Short,
    #[error("no verity superblock is there")]
    Signature,
    #[error("the verity superblock asks for something other than SHA-256 over 4096-byte blocks")]
    Parameters,
    #[error("the verity superblock claims no data blocks")]
    Empty,
}

impl Superblock {
    /// The block as it stands on disk.
    pub fn to_block(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK_BYTES];
        block[..8].copy_from_slice(SIGNATURE);
        block[8..12].copy_from_slice(&1u32.to_le_bytes()); // format version
        block[12..16].copy_from_slice(&1u32.to_le_bytes()); // hash type: salt first
        block[16..32].copy_from_slice(&self.uuid);
        block[32..38].copy_from_slice(b"sha256");
        block[64..68].copy_from_slice(&(BLOCK_BYTES as u32).to_le_bytes());
        block[68..72].copy_from_slice(&(BLOCK_BYTES as u32).to_le_bytes());
        block[72..80].copy_from_slice(&self.data_blocks.to_le_bytes());
        block[80..82].copy_from_slice(&(SALT_BYTES as u16).to_le_bytes());
        block[88..88 + SALT_BYTES].copy_from_slice(&self.salt);
        block
    }

    /// Reads the first block of a verity partition; refuses parameters that we never write.
    pub fn parse(block: &[u8]) -> Result<Self, SuperblockError> {
        if block.len() < SUPERBLOCK_BYTES {
            return Err(SuperblockError::Short);
        }
        if &block[..8] != SIGNATURE {
            return Err(SuperblockError::Signature);
        }
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&block[16..32]);
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&block[88..88 + SALT_BYTES]);
        let mut data_blocks = [0; 8];
        data_blocks.copy_from_slice(&block[72..80]);
        let found = Self { uuid, data_blocks: u64::from_le_bytes(data_blocks), salt };
        if found.to_block()[..SUPERBLOCK_BYTES] != block[..SUPERBLOCK_BYTES] {
            return Err(SuperblockError::Parameters);
        }
        if found.data_blocks == 0 { Err(SuperblockError::Empty) } else { Ok(found) }
    }
}

/// The digest of one block: salt first.
pub fn block_digest(salt: &[u8], block: &[u8]) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(salt);
    hasher.update(block);
    let digest: [u8; 32] = hasher.finalize().into();
    Sha256::from(digest)
}

/// Blocks of each level of the tree, the top (one block) first.
pub fn level_blocks(data_blocks: u64) -> Vec<u64> {
    let mut levels = vec![data_blocks.div_ceil(DIGESTS_PER_BLOCK)];
    while let Some(&below) = levels.last().filter(|&&blocks| blocks > 1) {
        levels.push(below.div_ceil(DIGESTS_PER_BLOCK));
    }
    levels.reverse();
    levels
}

/// The device-mapper table's parameters for a root and its tree (kernel: device-mapper/verity).
pub fn table_parameters(root: &str, tree: &str, superblock: &Superblock, root_hash: &Sha256) -> String {
    let Superblock { data_blocks, salt, .. } = superblock;
    let salt = hex::encode(salt);
    format!("1 {root} {tree} {BLOCK_BYTES} {BLOCK_BYTES} {data_blocks} 1 sha256 {root_hash} {salt}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn superblock() -> Superblock {
        Superblock { uuid: [7; 16], data_blocks: 1000, salt: [9; SALT_BYTES] }
    }

    #[test]
    fn a_superblock_reads_back() {
        assert_eq!(Superblock::parse(&superblock().to_block()).unwrap(), superblock());
    }

    #[test]
    fn a_superblock_with_any_other_parameter_is_refused() {
        // Version, hash type, algorithm, block sizes, salt size, a byte behind the salt.
        for at in [8, 12, 33, 64, 68, 80, 200] {
            let mut block = superblock().to_block();
            block[at] ^= 1;
            assert!(matches!(Superblock::parse(&block), Err(SuperblockError::Parameters)), "byte {at}");
        }
        let mut block = superblock().to_block();
        block[0] = 0;
        assert!(matches!(Superblock::parse(&block), Err(SuperblockError::Signature)));
        assert!(matches!(Superblock::parse(&block[..100]), Err(SuperblockError::Short)));
    }

    #[test]
    fn levels_end_with_one_block() {
        assert_eq!(level_blocks(1), [1]);
        assert_eq!(level_blocks(128), [1]);
        assert_eq!(level_blocks(129), [1, 2]);
        assert_eq!(level_blocks(128 * 128 + 1), [1, 2, 129]);
    }
}
