//! Reads a segment record by record, and tells a tail that a power cut tore from damage.
//!
//! A record that cannot be read is a torn tail only in the last segment, and only if nothing proves that it was durable once. Two
//! things prove it: the caller knows (the index was told of it), or a whole record stands behind it that was written when
//! everything up to here was durable. A torn tail is cut; damage is an error that names file and offset.

use super::frame::{self, HEAD_OCTETS, Head, MAGIC, Seed};
use super::segment::{HEADER_OCTETS, Header};
use crate::disk::DiskFile;
use crate::error::StoreError;
use std::path::PathBuf;
use std::sync::Arc;

/// Of the search for whole records behind a broken one.
const WINDOW_OCTETS: usize = 1024 * 1024;

/// A record with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub segment: u64,
    /// Of its head, in the segment.
    pub offset: u64,
    pub sequence: u64,
    pub kind: u32,
    pub body: Vec<u8>,
}

/// What comes next in a segment.
#[derive(Debug)]
pub enum Step {
    Record(Record),
    /// The segment ends here, behind a whole record.
    End,
    /// No whole record begins here, though there are octets.
    Broken(Broken),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub offset: u64,
    pub what: &'static str,
    /// No power cut leaves this behind.
    is_damage: bool,
}

#[derive(Debug)]
pub struct Reader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    segment: u64,
    seed: Seed,
    offset: u64,
    length: u64,
    next_sequence: u64,
}

impl Record {
    /// Where the body begins.
    pub fn body_offset(&self) -> u64 {
        self.offset + HEAD_OCTETS as u64
    }

    pub fn end(&self) -> u64 {
        self.body_offset() + self.body.len() as u64
    }
}

impl Reader {
    /// From the first record on.
    pub fn new(file: Arc<dyn DiskFile>, path: PathBuf, header: &Header) -> Result<Self, StoreError> {
        let length = file.length().map_err(|source| StoreError::io("read", &path, source))?;
        let seed = Seed::new(header.volume, header.name.number);
        let (segment, next_sequence) = (header.name.number, header.first_sequence);
        Ok(Self { file, path, segment, seed, offset: HEADER_OCTETS, length, next_sequence })
    }

    /// From a place where a record begins, or the segment ends.
    pub fn seek(&mut self, offset: u64, next_sequence: u64) {
        (self.offset, self.next_sequence) = (offset, next_sequence);
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    pub fn step(&mut self) -> Result<Step, StoreError> {
        let offset = self.offset;
        if offset == self.length {
            return Ok(Step::End);
        }
        let (head, body) = match self.record_at(offset)? {
            Ok(whole) => whole,
            Err(what) => return Ok(Step::Broken(Broken { offset, what, is_damage: false })),
        };
        if head.sequence != self.next_sequence {
            let what = "records are missing before this one";
            return Ok(Step::Broken(Broken { offset, what, is_damage: true }));
        }
        let record = Record { segment: self.segment, offset, sequence: head.sequence, kind: head.kind, body };
        self.offset = record.end();
        self.next_sequence += 1;
        Ok(Step::Record(record))
    }

    /// The whole record at a place, or why there is none.
    fn record_at(&self, offset: u64) -> Result<Result<(Head, Vec<u8>), &'static str>, StoreError> {
        let left = self.length.saturating_sub(offset);
        let mut octets = [0; HEAD_OCTETS];
        if left < HEAD_OCTETS as u64 {
            return Ok(Err("the segment ends within the head of a record"));
        }
        self.read(&mut octets, offset)?;
        let Some(head) = Head::decode(&octets) else {
            return Ok(Err("no record begins here"));
        };
        if left - (HEAD_OCTETS as u64) < u64::from(head.length) {
            return Ok(Err("the segment ends within a record"));
        }
        let mut body = vec![0; head.length as usize];
        self.read(&mut body, offset + HEAD_OCTETS as u64)?;
        if frame::is_whole(self.seed, &octets, &body) {
            Ok(Ok((head, body)))
        } else {
            Ok(Err("the checksum of the record is wrong"))
        }
    }

    /// The first whole record behind a broken place that `proves` something.
    pub fn find_behind(
        &self,
        broken: u64,
        proves: impl Fn(&Head) -> bool,
    ) -> Result<Option<(u64, Head)>, StoreError> {
        let mut window = vec![0; WINDOW_OCTETS];
        let mut from = broken + 1;
        while from + HEAD_OCTETS as u64 <= self.length {
            let octets = usize::try_from(self.length - from).unwrap_or(WINDOW_OCTETS).min(WINDOW_OCTETS);
            self.read(&mut window[..octets], from)?;
            for at in memchr::memmem::find_iter(&window[..octets], &MAGIC) {
                let offset = from + at as u64;
                let fits = |head: &Head| self.could_follow(broken, offset, head) && proves(head);
                if self.head_at(offset)?.is_some_and(|head| fits(&head))
                    && let Ok((head, _)) = self.record_at(offset)?
                {
                    return Ok(Some((offset, head)));
                }
            }
            // A magic may lie across the border of two windows.
            from += octets.saturating_sub(MAGIC.len() - 1).max(1) as u64;
        }
        Ok(None)
    }

    /// Whether a head can be one of the records behind a broken place. Spares reading bodies of what only looks like a record.
    fn could_follow(&self, broken: u64, offset: u64, head: &Head) -> bool {
        let records_between = (offset - broken) / HEAD_OCTETS as u64 + 1;
        let sequences = self.next_sequence..=self.next_sequence.saturating_add(records_between);
        sequences.contains(&head.sequence) && head.durable <= offset
    }

    fn head_at(&self, offset: u64) -> Result<Option<Head>, StoreError> {
        let mut octets = [0; HEAD_OCTETS];
        if self.length.saturating_sub(offset) < HEAD_OCTETS as u64 {
            return Ok(None);
        }
        self.read(&mut octets, offset)?;
        Ok(Head::decode(&octets))
    }

    /// Whether what is broken here was durable once: then it is damage, and else a torn tail.
    pub fn was_durable(&self, broken: &Broken, known_durable: u64) -> Result<bool, StoreError> {
        let at = broken.offset;
        Ok(broken.is_damage
            || at < known_durable
            || self.find_behind(at, |head| head.durable > at)?.is_some())
    }

    pub fn damaged(&self, offset: u64, what: &str) -> StoreError {
        StoreError::damaged(&self.path, offset, what)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), StoreError> {
        let read = self.file.read_at(buffer, offset);
        let read = read.map_err(|source| StoreError::io("read", &self.path, source))?;
        if read == buffer.len() { Ok(()) } else { Err(self.damaged(offset, "the file became shorter")) }
    }
}
