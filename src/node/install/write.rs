//! Writes a disk image once, and in an order that never leaves half an image bootable: first the old table goes,
//! then everything behind the first MiB is written, and the beginning with boot code and table comes last.

use gptman::GPT;
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::libc;
use std::fs::File;
use std::io::{self, Cursor, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::formats::disk_layout::SECTOR_BYTES;

/// What is looked at and written at once. The beginning, which is kept for last, is one block.
pub const BLOCK_BYTES: usize = 1 << 20;
/// A disk that fails is heard of after this much, and not when all of the image waits in memory.
const FLUSH_EVERY_BYTES: u64 = 128 << 20;
/// `_IO(0x12, 127)` (kernel: include/uapi/linux/fs.h).
const BLKZEROOUT: libc::Ioctl = nix::request_code_none!(0x12, 127);
/// `_IO(0x12, 95)`
const BLKRRPART: libc::Ioctl = nix::request_code_none!(0x12, 95);

/// The disk could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("cannot clear {}", path.display())]
    Clear {
        path: PathBuf,
        #[source]
        source: Errno,
    },
    #[error("the image is longer than its manifest says")]
    TooLong,
    #[error("the image ends after {found} bytes, its manifest says {expected}")]
    TooShort { found: u64, expected: u64 },
    #[error("the image begins with no partition table")]
    Table(#[source] gptman::Error),
    #[error("cannot draw fresh partition ids")]
    Random(#[source] io::Error),
    #[error("the kernel does not read the new partition table")]
    Reread(#[source] Errno),
}

/// A disk on which an image grows.
pub struct DiskWriter {
    file: File,
    path: PathBuf,
    image_bytes: u64,
    at: u64,
    unflushed_bytes: u64,
    beginning: Vec<u8>,
}

impl DiskWriter {
    /// Clears the place of the image and the old table's copy at the disk's end.
    pub fn open(device: &Path, image_bytes: u64) -> Result<Self, WriteError> {
        let mut file = fs::open_update(device)?;
        let disk_bytes = file.seek(SeekFrom::End(0)).map_err(fs::fail("measure", device))?;
        let end = disk_bytes.saturating_sub(BLOCK_BYTES as u64).max(image_bytes).min(disk_bytes);
        for (start, bytes) in [(0, image_bytes), (end, disk_bytes - end)] {
            zero_out(&file, start, bytes)
                .map_err(|source| WriteError::Clear { path: device.to_owned(), source })?;
        }
        file.sync_all().map_err(fs::fail("flush", device))?;
        Ok(Self {
            file,
            path: device.to_owned(),
            image_bytes,
            at: 0,
            unflushed_bytes: 0,
            beginning: Vec::new(),
        })
    }

    /// The next block of the image: [`BLOCK_BYTES`] unless it is the last.
    pub fn write(&mut self, block: &[u8]) -> Result<(), WriteError> {
        if self.at + block.len() as u64 > self.image_bytes {
            return Err(WriteError::TooLong);
        }
        if self.at == 0 {
            self.beginning = block.to_vec();
        } else if block.iter().any(|byte| *byte != 0) {
            self.file.write_all_at(block, self.at).map_err(fs::fail("write", &self.path))?;
            self.unflushed_bytes += block.len() as u64;
        }
        if self.unflushed_bytes >= FLUSH_EVERY_BYTES {
            self.file.sync_data().map_err(fs::fail("flush", &self.path))?;
            self.unflushed_bytes = 0;
        }
        self.at += block.len() as u64;
        Ok(())
    }

    /// Makes the disk bootable, with partition ids of its own.
    pub fn finish(mut self) -> Result<(), WriteError> {
        if self.at != self.image_bytes {
            return Err(WriteError::TooShort { found: self.at, expected: self.image_bytes });
        }
        let flush = |file: &File, path: &Path| file.sync_all().map_err(fs::fail("flush", path));
        flush(&self.file, &self.path)?;
        let mut random = [0; 16 * 16];
        let urandom = fs::open(Path::new("/dev/urandom"))?;
        urandom.read_exact_at(&mut random, 0).map_err(WriteError::Random)?;
        let (backup_at, backup) = fresh_ids(&mut self.beginning, &self.file, self.image_bytes, &random)?;
        self.file.write_all_at(&backup, backup_at).map_err(fs::fail("write", &self.path))?;
        flush(&self.file, &self.path)?;
        self.file.write_all_at(&self.beginning, 0).map_err(fs::fail("write", &self.path))?;
        flush(&self.file, &self.path)?;
        reread(&self.file)
    }
}

/// Gives disk and partitions new GUIDs in the table at the image's beginning; returns the copy for its end.
fn fresh_ids(
    beginning: &mut [u8],
    disk: &File,
    image_bytes: u64,
    random: &[u8; 256],
) -> Result<(u64, Vec<u8>), WriteError> {
    // The table's two copies side by side, so that the library sees a disk of the image's size.
    let end_bytes = BLOCK_BYTES as u64;
    let mut image = SparseEnds {
        beginning: Cursor::new(beginning),
        end: vec![0; BLOCK_BYTES],
        at: 0,
        bytes: image_bytes,
    };
    disk.read_exact_at(&mut image.end, image_bytes - end_bytes)
        .map_err(fs::fail("read", Path::new("the disk")))?;
    let mut table = GPT::read_from(&mut image, SECTOR_BYTES).map_err(WriteError::Table)?;
    let mut ids = random.chunks_exact(16).map(|bytes| {
        let mut id: [u8; 16] = bytes.try_into().expect("chunks have 16 bytes");
        // Version 4, variant 1 (RFC 9562, section 5.4), in a GUID's byte order.
        id[7] = id[7] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        id
    });
    let mut next = || ids.next().expect("a table of ours has fewer than 15 partitions");
    table.header.disk_guid = next();
    let used: Vec<u32> =
        table.iter().filter(|(_, entry)| entry.is_used()).map(|(number, _)| number).collect();
    for number in used {
        table[number].unique_partition_guid = next();
    }
    table.write_into(&mut image).map_err(WriteError::Table)?;
    Ok((image_bytes - end_bytes, image.end))
}

/// The first and the last block of an image as one seekable thing; nothing is between them.
struct SparseEnds<'a> {
    beginning: Cursor<&'a mut [u8]>,
    end: Vec<u8>,
    at: u64,
    bytes: u64,
}

impl SparseEnds<'_> {
    fn slice(&mut self, length: usize) -> io::Result<&mut [u8]> {
        let end_start = self.bytes - self.end.len() as u64;
        let beginning = self.beginning.get_mut();
        let (part, offset): (&mut [u8], u64) = match self.at {
            at if at < beginning.len() as u64 => (beginning, at),
            at if at >= end_start => (&mut self.end, at - end_start),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let offset = offset as usize;
        let length = length.min(part.len() - offset);
        self.at += length as u64;
        Ok(&mut part[offset..offset + length])
    }
}

impl io::Read for SparseEnds<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let slice = self.slice(buffer.len())?;
        buffer[..slice.len()].copy_from_slice(slice);
        Ok(slice.len())
    }
}

impl io::Write for SparseEnds<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let slice = self.slice(bytes.len())?;
        let length = slice.len();
        slice.copy_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Seek for SparseEnds<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// By the disk's own command where it has one, and so that the disk may give the room back where that reads as zeros.
fn zero_out(file: &File, start: u64, bytes: u64) -> nix::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let (offset, length) = (start.cast_signed(), bytes.cast_signed());
    let frees = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    match fallocate(file, frees, offset, length) {
        // The disk has no such command: the kernel writes the zeros.
        Err(Errno::EOPNOTSUPP | Errno::EINVAL) => write_zeros(file, start, bytes),
        done => done,
    }
}

fn write_zeros(file: &File, start: u64, bytes: u64) -> nix::Result<()> {
    let range = [start, bytes];
    // SAFETY: the kernel reads two numbers, which live until the call returns.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), BLKZEROOUT, &raw const range) };
    Errno::result(result).map(drop)
}

fn reread(file: &File) -> Result<(), WriteError> {
    // SAFETY: this request takes no argument.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), BLKRRPART) };
    Errno::result(result).map(drop).map_err(WriteError::Reread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gptman::GPTPartitionEntry;

    const IMAGE_BYTES: u64 = 8 << 20;

    fn image() -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(IMAGE_BYTES).unwrap();
        let mut table = GPT::new_from(&mut file, SECTOR_BYTES, [1; 16]).unwrap();
        for number in 1..=7u32 {
            let first = 2048 + u64::from(number) * 1024;
            table[number] = GPTPartitionEntry {
                partition_type_guid: [2; 16],
                unique_partition_guid: [number as u8; 16],
                starting_lba: first,
                ending_lba: first + 1023,
                attribute_bits: 0,
                partition_name: format!("part-{number}").as_str().into(),
            };
        }
        table.write_into(&mut file).unwrap();
        GPT::write_protective_mbr_into(&mut file, SECTOR_BYTES).unwrap();
        file
    }

    #[test]
    fn every_disk_gets_ids_of_its_own_and_both_copies_agree() {
        let file = image();
        let mut beginning = vec![0; BLOCK_BYTES];
        file.read_exact_at(&mut beginning, 0).unwrap();
        let random: [u8; 256] = std::array::from_fn(|at| at as u8);
        let (at, backup) = fresh_ids(&mut beginning, &file, IMAGE_BYTES, &random).unwrap();
        file.write_all_at(&backup, at).unwrap();
        file.write_all_at(&beginning, 0).unwrap();
        let table = GPT::find_from(&mut &file).unwrap();
        assert_ne!(table.header.disk_guid, [1; 16]);
        let mut ids: Vec<_> = table
            .iter()
            .filter(|(_, entry)| entry.is_used())
            .map(|(_, entry)| entry.unique_partition_guid)
            .collect();
        assert_eq!(ids.len(), 7);
        ids.dedup();
        assert_eq!(ids.len(), 7);
        file.write_all_at(&[0; 512], 512).unwrap();
        let copy = GPT::read_from(&mut &file, SECTOR_BYTES).unwrap();
        assert!(copy.is_backup());
        assert_eq!(copy.header.disk_guid, table.header.disk_guid);
    }

    #[test]
    fn an_image_without_a_table_is_refused() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(IMAGE_BYTES).unwrap();
        let mut beginning = vec![0; BLOCK_BYTES];
        assert!(matches!(
            fresh_ids(&mut beginning, &file, IMAGE_BYTES, &[0; 256]),
            Err(WriteError::Table(_))
        ));
    }
}
