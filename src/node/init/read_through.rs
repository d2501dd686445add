//! Reads every block of the root once through verity, so that a changed byte stops the boot and not, weeks
//! later, a service.

use super::slots::FoundSlot;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use understudy_core::base::fs;
use understudy_core::formats::disk_layout::Slot;
use understudy_core::formats::verity::BLOCK_BYTES;

const CHUNK_BLOCKS: u64 = 256;
const THREADS_MAX: usize = 8;

/// A block that cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum ReadThroughError {
    #[error(transparent)]
    File(#[from] fs::FsError),
    #[error("block {block} of slot {slot} on {disk} does not match its signed hash: the disk was changed")]
    Changed { block: u64, slot: Slot, disk: String },
    #[error("disk {disk} cannot read block {block} of slot {slot}")]
    Unreadable {
        block: u64,
        slot: Slot,
        disk: String,
        #[source]
        source: io::Error,
    },
}

/// Reads all of `device`, which is the slot's root under verity.
pub fn check(device: &Path, slot: &FoundSlot) -> Result<(), ReadThroughError> {
    let blocks = slot.superblock.data_blocks;
    let file = fs::open(device)?;
    let next_chunk = AtomicU64::new(0);
    let read_chunks = || {
        let mut buffer = vec![0; CHUNK_BLOCKS as usize * BLOCK_BYTES];
        loop {
            let first = next_chunk.fetch_add(CHUNK_BLOCKS, Ordering::Relaxed);
            if first >= blocks {
                return None;
            }
            let count = CHUNK_BLOCKS.min(blocks - first);
            if read(&file, first, &mut buffer[..count as usize * BLOCK_BYTES]).is_err() {
                return Some(first);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let failed = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(read_chunks)).collect();
        let failed = running.into_iter().map(|thread| match thread.join() {
            Ok(failed) => failed,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        failed.flatten().min()
    });
    failed.map_or(Ok(()), |first| Err(reason(&file, slot, first, blocks.min(first + CHUNK_BLOCKS))))
}

fn read(file: &std::fs::File, block: u64, buffer: &mut [u8]) -> io::Result<()> {
    file.read_exact_at(buffer, block * BLOCK_BYTES as u64)
}

/// Which block it was, and whether the disk or its content is to blame.
fn reason(verified: &std::fs::File, slot: &FoundSlot, first: u64, end: u64) -> ReadThroughError {
    let mut buffer = vec![0; BLOCK_BYTES];
    let block = (first..end).find(|block| read(verified, *block, &mut buffer).is_err()).unwrap_or(first);
    let (disk, slot_name) = (slot.disk.clone(), slot.slot);
    match fs::open(&slot.root).map(|plain| read(&plain, block, &mut buffer)) {
        Err(error) => error.into(),
        Ok(Err(source)) => ReadThroughError::Unreadable { block, slot: slot_name, disk, source },
        Ok(Ok(())) => ReadThroughError::Changed { block, slot: slot_name, disk },
    }
}
