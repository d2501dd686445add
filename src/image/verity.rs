//! The hash tree of a root file system, as dm-verity reads it.

use std::io::{self, Read, Write};
use std::path::Path;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::verity::{BLOCK_BYTES, Superblock, block_digest};

/// Blocks that one thread hashes at a time.
const CHUNK_BLOCKS: usize = 512;

/// Writes superblock and tree for the file at `data` to `out`; returns the root hash.
///
/// Salt and UUID come from `label`, so that the same image has the same tree. `data` must be whole blocks.
pub fn write_tree(data: &Path, label: &str, out: &Path) -> Result<Sha256, FsError> {
    let size = fs::size(data)?;
    let superblock = superblock(label, size / BLOCK_BYTES as u64);
    let mut level = hash_data(data, &superblock.salt).map_err(fs::fail("read", data))?;
    let mut levels = Vec::new();
    while level.len() > BLOCK_BYTES {
        let above = hash_level(&level, &superblock.salt);
        levels.push(level);
        level = above;
    }
    let top = pad(level);
    let root_hash = block_digest(&superblock.salt, &top);
    levels.push(top);
    let mut file = fs::create(out)?;
    let mut write = || {
        file.write_all(&superblock.to_block())?;
        levels.iter().rev().try_for_each(|level| file.write_all(&pad(level.clone())))
    };
    write().map_err(fs::fail("write", out))?;
    Ok(root_hash)
}

fn superblock(label: &str, data_blocks: u64) -> Superblock {
    let salt = *Sha256::of_parts(&[b"understudy verity salt ", label.as_bytes()]).as_bytes();
    let name = *Sha256::of_parts(&[b"understudy verity uuid ", label.as_bytes()]).as_bytes();
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&name[..16]);
    // Version 4, variant 1 (RFC 9562, section 5.4): a fixed number in the clothes of a random one.
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    Superblock { uuid, data_blocks, salt }
}

fn pad(mut level: Vec<u8>) -> Vec<u8> {
    level.resize(level.len().next_multiple_of(BLOCK_BYTES), 0);
    level
}

fn hash_level(level: &[u8], salt: &[u8]) -> Vec<u8> {
    let level = pad(level.to_vec());
    level.chunks(BLOCK_BYTES).flat_map(|block| *block_digest(salt, block).as_bytes()).collect()
}

/// Digests of all data blocks, in order; every thread takes the next chunk.
fn hash_data(data: &Path, salt: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(data)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut digests = Vec::new();
    loop {
        let mut chunks = vec![Vec::new(); threads];
        for chunk in &mut chunks {
            (&mut file).take((CHUNK_BLOCKS * BLOCK_BYTES) as u64).read_to_end(chunk)?;
        }
        if chunks[0].is_empty() {
            return Ok(digests);
        }
        std::thread::scope(|scope| {
            let hash = |chunk: &Vec<u8>| hash_level(chunk, salt);
            let running: Vec<_> = chunks.iter().map(|chunk| scope.spawn(move || hash(chunk))).collect();
            for thread in running {
                // A panic in a hash is a bug; it is carried on, not hidden.
                match thread.join() {
                    Ok(part) => digests.extend(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_core::formats::verity::level_blocks;

    fn tree_of(blocks: usize) -> (Sha256, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let (data, out) = (folder.path().join("data"), folder.path().join("tree"));
        let content: Vec<u8> = (0..blocks * BLOCK_BYTES).map(|at| (at / 7) as u8).collect();
        fs::write(&data, &content).unwrap();
        let root_hash = write_tree(&data, "test 1", &out).unwrap();
        (root_hash, fs::read(&out).unwrap())
    }

    #[test]
    fn the_tree_has_the_size_that_its_levels_say() {
        for blocks in [1, 2, 128, 129, 1200] {
            let (root_hash, tree) = tree_of(blocks);
            let expected = 1 + level_blocks(blocks as u64).iter().sum::<u64>();
            assert_eq!(tree.len() as u64, expected * BLOCK_BYTES as u64, "{blocks} blocks");
            let superblock = Superblock::parse(&tree).unwrap();
            let top = &tree[BLOCK_BYTES..2 * BLOCK_BYTES];
            assert_eq!(block_digest(&superblock.salt, top), root_hash, "{blocks} blocks");
        }
    }

    #[test]
    fn another_label_gives_another_salt() {
        assert_ne!(superblock("mail 1", 1).salt, superblock("mail 2", 1).salt);
    }
}
