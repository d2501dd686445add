//! A segment's file: its name, and the 64 octets that it begins with.
//!
//! A segment is made whole under another name: header written, synced, then renamed. So a header that is not right is damage, never
//! the trace of a crash. Compaction writes a segment anew under the next generation; of two generations the later one counts.

use super::VolumeId;
use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const HEADER_OCTETS: u64 = 64;
const MAGIC: [u8; 8] = *b"mailjrn1";
const SUFFIX: &str = ".segment";
const UNFINISHED: &str = ".new";

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    pub number: u64,
    pub generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub volume: VolumeId,
    pub name: SegmentName,
    pub first_sequence: u64,
}

impl SegmentName {
    pub fn path(self, folder: &Path) -> PathBuf {
        folder.join(format!("{:010}-{:04}{SUFFIX}", self.number, self.generation))
    }

    pub fn unfinished(self, folder: &Path) -> PathBuf {
        folder.join(format!("{:010}-{:04}{UNFINISHED}", self.number, self.generation))
    }

    /// None for a file that is no segment.
    pub fn parse(name: &str) -> Option<Self> {
        let (number, generation) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(Self { number: number.parse().ok()?, generation: generation.parse().ok()? })
    }

    pub fn is_unfinished(name: &str) -> bool {
        name.ends_with(UNFINISHED)
    }
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_OCTETS as usize] {
        let mut octets = [0; HEADER_OCTETS as usize];
        octets[0..8].copy_from_slice(&MAGIC);
        octets[8..24].copy_from_slice(&self.volume.0);
        octets[24..32].copy_from_slice(&self.name.number.to_le_bytes());
        octets[32..36].copy_from_slice(&self.name.generation.to_le_bytes());
        octets[40..48].copy_from_slice(&self.first_sequence.to_le_bytes());
        let checksum = crc32c::crc32c(&octets[..60]);
        octets[60..64].copy_from_slice(&checksum.to_le_bytes());
        octets
    }

    fn decode(octets: &[u8; HEADER_OCTETS as usize]) -> Option<Self> {
        let is_right = octets[0..8] == MAGIC && octets[60..64] == crc32c::crc32c(&octets[..60]).to_le_bytes();
        let name = SegmentName {
            number: u64::from_le_bytes(octets[24..32].try_into().ok()?),
            generation: u32::from_le_bytes(octets[32..36].try_into().ok()?),
        };
        let volume = VolumeId(octets[8..24].try_into().ok()?);
        let first_sequence = u64::from_le_bytes(octets[40..48].try_into().ok()?);
        is_right.then_some(Self { volume, name, first_sequence })
    }
}

/// Opens a segment and reads its header, which has to fit its name.
pub fn open(
    disk: &dyn Disk,
    folder: &Path,
    name: SegmentName,
) -> Result<(Arc<dyn DiskFile>, Header), StoreError> {
    let path = name.path(folder);
    let file = disk.open(&path).map_err(|source| StoreError::io("open", &path, source))?;
    let mut octets = [0; HEADER_OCTETS as usize];
    file.read_at(&mut octets, 0).map_err(|source| StoreError::io("read", &path, source))?;
    match Header::decode(&octets).filter(|header| header.name == name) {
        Some(header) => Ok((file, header)),
        None => Err(StoreError::damaged(&path, 0, "this is not the header of the segment with that name")),
    }
}

/// Makes a segment with nothing in it. It is durable, and under its name, when this returns.
pub fn create(disk: &dyn Disk, folder: &Path, header: &Header) -> Result<Arc<dyn DiskFile>, StoreError> {
    let unfinished = header.name.unfinished(folder);
    let result = write_header(disk, &unfinished, header).and_then(|file| {
        finish(disk, folder, header.name)?;
        Ok(file)
    });
    if result.is_err() {
        // It may not be there; whatever is left goes when the journal is opened.
        let _ = disk.remove(&unfinished);
    }
    result
}

/// A file with a header under the unfinished name.
pub fn write_header(disk: &dyn Disk, path: &Path, header: &Header) -> Result<Arc<dyn DiskFile>, StoreError> {
    let file = disk.create(path).map_err(|source| StoreError::io("create", path, source))?;
    file.write_at(&header.encode(), 0).map_err(|source| StoreError::io("write", path, source))?;
    file.sync().map_err(|source| StoreError::io("sync", path, source))?;
    Ok(file)
}

/// Gives a synced file its name.
pub fn finish(disk: &dyn Disk, folder: &Path, name: SegmentName) -> Result<(), StoreError> {
    let path = name.path(folder);
    disk.rename(&name.unfinished(folder), &path).map_err(|source| StoreError::io("make", &path, source))?;
    disk.sync_folder(folder).map_err(|source| StoreError::io("sync", folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_headers_read_back() {
        let name = SegmentName { number: 17, generation: 3 };
        let path = name.path(Path::new("/j"));
        assert_eq!(path, Path::new("/j/0000000017-0003.segment"));
        assert_eq!(SegmentName::parse("0000000017-0003.segment"), Some(name));
        for other in ["0000000017-0003.new", "17.segment", "x-1.segment", "1--1.segment"] {
            assert_eq!(SegmentName::parse(other), None, "{other}");
        }
        let header = Header { volume: VolumeId([9; 16]), name, first_sequence: 1 << 40 };
        let mut octets = header.encode();
        assert_eq!(Header::decode(&octets), Some(header));
        octets[41] ^= 1;
        assert_eq!(Header::decode(&octets), None);
    }
}
