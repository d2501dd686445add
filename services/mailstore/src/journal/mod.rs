//! The truth: records in segments, appended, never changed.
//!
//! [`Journal::append`] takes records into memory, [`Journal::sync`] writes and syncs all of them at once, so that many deliveries
//! share one fdatasync; nothing may be said of a record before that. [`Journal::cut_back`] takes back what was not synced. Opening
//! ([`opening::open`]) hands the records that the caller does not know to it, in order, and cuts a tail that a power cut tore; what was
//! durable and is not whole is an error with file and offset, and never skipped.
//!
//! What a record means is in [`crate::event`]; here it is octets.

pub mod frame;
pub mod opening;
pub mod reader;
pub mod segment;
pub mod walk;

pub use opening::Opened;
pub use reader::{Broken, Reader, Record, Step};
pub use segment::{Header, SegmentName};

use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use frame::{BODY_OCTETS_MAX, HEAD_OCTETS, Head, Seed};
use std::path::PathBuf;
use std::sync::Arc;

/// Octets that wait in memory before they are written without being synced.
const BUFFER_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// Random, made with the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId(pub [u8; 16]);

/// The end of what is known of a journal: everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub segment: u64,
    pub generation: u32,
    pub offset: u64,
    /// Of the record that begins here.
    pub next_sequence: u64,
}

/// Where a record went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub segment: u64,
    /// Of its body.
    pub body_offset: u64,
    pub sequence: u64,
}

#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    volume: VolumeId,
    segment_octets_max: u64,
    tail: SegmentName,
    file: Arc<dyn DiskFile>,
    seed: Seed,
    /// Behind the last record that is durable.
    durable: Position,
    /// The same before the last sync.
    durable_before: Position,
    /// In the file, maybe not durable.
    written: u64,
    /// Not in the file.
    buffer: Vec<u8>,
    next_sequence: u64,
    /// It could not be cut back: what is in the file is not known.
    is_broken: bool,
}

impl Journal {
    pub fn volume(&self) -> VolumeId {
        self.volume
    }

    /// Everything before it is durable.
    pub fn durable(&self) -> Position {
        self.durable
    }

    /// Everything that was appended, durable or not, is before it.
    pub fn end(&self) -> Position {
        let offset = self.written + self.buffer.len() as u64;
        Position { offset, next_sequence: self.next_sequence, ..self.durable }
    }

    /// The file that records go to.
    pub fn tail_path(&self) -> PathBuf {
        self.tail.path(&self.folder)
    }

    /// The sequence that the next record gets.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Adds a record whose body is `fields` and then `content`. It is nothing before [`Journal::sync`].
    pub fn append(&mut self, kind: u32, fields: &[u8], content: &[u8]) -> Result<Place, StoreError> {
        if self.is_broken {
            return Err(StoreError::Stopped);
        }
        self.begin_segment_if_full()?;
        let octets = fields.len() as u64 + content.len() as u64;
        let limit = u64::from(BODY_OCTETS_MAX);
        let length = u32::try_from(octets).ok().filter(|length| *length <= BODY_OCTETS_MAX);
        let length = length.ok_or(StoreError::TooLarge { octets, limit })?;
        let head = Head { length, kind, sequence: self.next_sequence, durable: self.durable.offset };
        let offset = self.written + self.buffer.len() as u64;
        self.buffer.extend_from_slice(&head.encode(self.seed, &[fields, content]));
        self.buffer.extend_from_slice(fields);
        self.buffer.extend_from_slice(content);
        self.next_sequence += 1;
        let body_offset = offset + HEAD_OCTETS as u64;
        let place = Place { segment: self.tail.number, body_offset, sequence: head.sequence };
        if self.buffer.len() > BUFFER_OCTETS_MAX {
            self.write()?;
        }
        Ok(place)
    }

    /// Makes everything that was appended durable.
    pub fn sync(&mut self) -> Result<Position, StoreError> {
        if self.is_broken {
            return Err(StoreError::Stopped);
        }
        self.write()?;
        self.durable_before = self.durable;
        if self.written > self.durable.offset {
            self.file.sync().map_err(|source| self.io("sync", source))?;
            self.durable.offset = self.written;
            self.durable.next_sequence = self.next_sequence;
        }
        Ok(self.durable)
    }

    /// Takes back everything that was appended and not synced. If that fails, the journal takes nothing more.
    pub fn cut_back(&mut self) -> Result<(), StoreError> {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_OCTETS_MAX);
        self.next_sequence = self.durable.next_sequence;
        self.written = self.durable.offset;
        self.is_broken = true;
        let end = self.durable.offset;
        self.file.set_len(end).and_then(|()| self.file.sync()).map_err(|source| self.io("cut", source))?;
        self.is_broken = false;
        Ok(())
    }

    /// Takes back what the last sync made durable, as long as nothing was appended since.
    pub fn take_back_sync(&mut self) -> Result<(), StoreError> {
        self.durable = self.durable_before;
        self.cut_back()
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if !self.buffer.is_empty() {
            let written = self.file.write_at(&self.buffer, self.written);
            written.map_err(|source| self.io("write", source))?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// A record stays whole in one segment, and a segment begins only where everything before is durable.
    fn begin_segment_if_full(&mut self) -> Result<(), StoreError> {
        let has_all_durable = self.buffer.is_empty() && self.written == self.durable.offset;
        if !has_all_durable || self.durable.offset < self.segment_octets_max {
            return Ok(());
        }
        let name = SegmentName { number: self.tail.number + 1, generation: 0 };
        let header = Header { volume: self.volume, name, first_sequence: self.next_sequence };
        self.file = self.create(&header)?;
        self.tail = name;
        self.seed = Seed::new(self.volume, name.number);
        self.written = segment::HEADER_OCTETS;
        let SegmentName { number: segment, generation } = name;
        self.durable = Position { segment, generation, offset: self.written, ..self.durable };
        self.durable_before = self.durable;
        Ok(())
    }

    /// A segment that was half made must not stay: records would go on before it.
    fn create(&mut self, header: &Header) -> Result<Arc<dyn DiskFile>, StoreError> {
        segment::create(&*self.disk, &self.folder, header).inspect_err(|_| {
            let removed = self.disk.remove(&header.name.path(&self.folder));
            let is_gone = removed.is_ok() || !self.has(header.name);
            self.is_broken = !is_gone || self.disk.sync_folder(&self.folder).is_err();
        })
    }

    fn has(&self, name: SegmentName) -> bool {
        let names = self.disk.list(&self.folder);
        names.map_or(true, |names| names.iter().any(|other| SegmentName::parse(other) == Some(name)))
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> StoreError {
        StoreError::io(action, &self.tail_path(), source)
    }
}

#[cfg(test)]
mod tests;
