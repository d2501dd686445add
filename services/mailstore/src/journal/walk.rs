//! Reads a journal from where a reader knows it to its end, and changes nothing.
//!
//! Entry points: [`list`], [`read`].

use super::reader::{Reader, Record, Step};
use super::segment::{self, HEADER_OCTETS, Header, SegmentName};
use super::{Position, VolumeId};
use crate::disk::Disk;
use crate::error::StoreError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct Listed {
    /// The generation that counts of every segment.
    pub segments: BTreeMap<u64, SegmentName>,
    /// What a crash left beside them.
    pub leftovers: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
pub struct Walked {
    pub volume: VolumeId,
    pub last: SegmentName,
    /// Behind the last whole record.
    pub end: Position,
    /// Octets of a torn tail behind it.
    pub cut_octets: u64,
}

pub fn list(disk: &dyn Disk, folder: &Path) -> Result<Listed, StoreError> {
    let mut segments = BTreeMap::<u64, SegmentName>::new();
    let mut leftovers = Vec::new();
    for name in disk.list(folder).map_err(|source| StoreError::io("list", folder, source))? {
        if SegmentName::is_unfinished(&name) {
            leftovers.push(folder.join(&name));
        }
        let Some(name) = SegmentName::parse(&name) else { continue };
        let newest = segments.entry(name.number).or_insert(name);
        let older = if name > *newest { std::mem::replace(newest, name) } else { name };
        if older != *newest {
            leftovers.push(older.path(folder));
        }
    }
    for (number, expected) in segments.keys().zip(1..) {
        if *number != expected {
            let missing = SegmentName { number: expected, generation: 0 }.path(folder);
            return Err(StoreError::damaged(&missing, 0, "the segment is missing"));
        }
    }
    Ok(Listed { segments, leftovers })
}

/// Hands every record that is not known to `learn`, in order.
pub fn read(
    disk: &dyn Disk,
    folder: &Path,
    segments: &BTreeMap<u64, SegmentName>,
    known: Option<(VolumeId, Position)>,
    learn: &mut dyn FnMut(&Record, &Header) -> Result<(), StoreError>,
) -> Result<Walked, StoreError> {
    let volume = known.map(|(volume, _)| volume);
    let mut walk = Walk { disk, folder, known, volume, end: None, cut_octets: 0 };
    let last = walk.all(segments, learn)?;
    let end = walk.end.ok_or_else(|| StoreError::damaged(folder, 0, "there is no segment"))?;
    let volume = walk.volume.ok_or_else(|| StoreError::damaged(folder, 0, "there is no segment"))?;
    Ok(Walked { volume, last, end, cut_octets: walk.cut_octets })
}

struct Walk<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    known: Option<(VolumeId, Position)>,
    volume: Option<VolumeId>,
    end: Option<Position>,
    cut_octets: u64,
}

impl Walk<'_> {
    /// Reads what is not known. Returns the last segment.
    fn all(
        &mut self,
        segments: &BTreeMap<u64, SegmentName>,
        learn: &mut dyn FnMut(&Record, &Header) -> Result<(), StoreError>,
    ) -> Result<SegmentName, StoreError> {
        let first = self.known.map_or(1, |(_, position)| position.segment);
        let last = segments.last_key_value().map(|(number, name)| (*number, *name));
        let Some((last_number, last)) = last.filter(|(number, _)| *number >= first) else {
            return Err(self.is_shorter());
        };
        for name in segments.range(first..).map(|(_, name)| *name) {
            self.one(name, name.number == last_number, learn)?;
        }
        Ok(last)
    }

    fn one(
        &mut self,
        name: SegmentName,
        is_last: bool,
        learn: &mut dyn FnMut(&Record, &Header) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (file, header) = segment::open(self.disk, self.folder, name)?;
        let mut reader = Reader::new(file, name.path(self.folder), &header)?;
        let known_durable = self.begin(&mut reader, &header)?;
        let unknown = self.known.map_or(0, |(_, position)| position.next_sequence);
        loop {
            match reader.step()? {
                Step::Record(record) if record.sequence < unknown => {}
                Step::Record(record) => learn(&record, &header)?,
                Step::End => break,
                Step::Broken(broken) if !is_last || reader.was_durable(&broken, known_durable)? => {
                    return Err(reader.damaged(broken.offset, broken.what));
                }
                Step::Broken(broken) => {
                    self.cut_octets = reader.length() - broken.offset;
                    break;
                }
            }
        }
        let (offset, next_sequence) = (reader.offset(), reader.next_sequence());
        let SegmentName { number: segment, generation } = name;
        self.end = Some(Position { segment, generation, offset, next_sequence });
        if self.known.is_some_and(|(_, known)| known.next_sequence > next_sequence) && is_last {
            return Err(self.is_shorter());
        }
        Ok(())
    }

    /// Goes to the first record that is not known. Returns up to where the segment is known to have been durable.
    fn begin(&mut self, reader: &mut Reader, header: &Header) -> Result<u64, StoreError> {
        if *self.volume.get_or_insert(header.volume) != header.volume {
            return Err(reader.damaged(0, "the segment, or the index, belongs to another volume"));
        }
        if let Some(end) = self.end {
            if header.first_sequence != end.next_sequence {
                return Err(reader.damaged(0, "records are missing before this segment"));
            }
            return Ok(HEADER_OCTETS);
        }
        match self.known {
            None if header.first_sequence == 1 => Ok(HEADER_OCTETS),
            None => Err(reader.damaged(0, "the first segment does not begin with the first record")),
            // Its offsets are others now; sequences tell what is known.
            Some((_, position)) if position.generation != header.name.generation => Ok(reader.length()),
            Some((_, position)) if position.offset > reader.length() => Err(self.is_shorter()),
            Some((_, position)) => {
                reader.seek(position.offset, position.next_sequence);
                Ok(position.offset)
            }
        }
    }

    fn is_shorter(&self) -> StoreError {
        let (name, offset) = self.known.map_or((1, 0), |(_, known)| (known.segment, known.offset));
        let path = SegmentName { number: name, generation: 0 }.path(self.folder);
        StoreError::damaged(&path, offset, "the journal ends before what was durable once: mail was lost")
    }
}
