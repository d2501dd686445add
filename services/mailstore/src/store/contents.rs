//! Octets of messages, read from the journal's segments.

use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::index::read::ContentPlace;
use crate::journal::SegmentName;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Segments that stay open.
const OPEN_MAX: usize = 32;

#[derive(Debug)]
pub struct Contents {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Those used last are at the end.
    open: Mutex<VecDeque<(SegmentName, Arc<dyn DiskFile>)>>,
}

impl Contents {
    pub fn new(disk: Arc<dyn Disk>, folder: PathBuf) -> Self {
        Self { disk, folder, open: Mutex::default() }
    }

    /// A piece of a message, cut at its end. None if compaction has replaced the segment since: ask the index again. The whole message is
    /// checked against its checksum.
    pub fn read(&self, place: &ContentPlace, range: &Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let name = SegmentName { number: place.segment, generation: place.generation };
        let path = name.path(&self.folder);
        let file = match self.file(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::io("open", &path, source)),
        };
        let end = range.end.min(place.octets);
        let begin = range.start.min(end);
        let mut octets = vec![0; usize::try_from(end - begin).unwrap_or(0)];
        let read = file.read_at(&mut octets, place.offset + begin);
        let is_whole = read.map_err(|source| StoreError::io("read", &path, source))? == octets.len();
        let is_checked = end - begin < place.octets || crc32c::crc32c(&octets) == place.checksum;
        if is_whole && is_checked {
            Ok(Some(octets.into()))
        } else {
            Err(StoreError::damaged(&path, place.offset, "this is not the message that was written"))
        }
    }

    /// The error of a segment that is not there although the index says so.
    pub fn missing(&self, place: &ContentPlace) -> StoreError {
        let name = SegmentName { number: place.segment, generation: place.generation };
        StoreError::damaged(&name.path(&self.folder), 0, "the segment is missing")
    }

    fn file(&self, name: SegmentName) -> io::Result<Arc<dyn DiskFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|(other, _)| *other == name);
        let entry = match at.and_then(|at| open.remove(at)) {
            Some(entry) => entry,
            None => (name, self.disk.open(&name.path(&self.folder))?),
        };
        let file = entry.1.clone();
        open.push_back(entry);
        if open.len() > OPEN_MAX {
            open.pop_front();
        }
        Ok(file)
    }
}
