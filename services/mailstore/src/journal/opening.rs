//! Opening a journal: which files it is, what the caller does not know of it yet, and where it goes on.

use super::frame::Seed;
use super::reader::Record;
use super::segment::{self, Header, SegmentName};
use super::walk::{self, Listed, Walked};
use super::{Journal, Position, VolumeId};
use crate::disk::Disk;
use crate::error::StoreError;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What opening needs to be told.
#[derive(Clone, Debug)]
pub struct Opening {
    pub disk: Arc<dyn Disk>,
    pub folder: PathBuf,
    pub segment_octets_max: u64,
    /// The end of what the caller knows, of which volume. None for a caller that knows nothing.
    pub known: Option<(VolumeId, Position)>,
    /// Of a volume that does not exist yet.
    pub new_volume: VolumeId,
}

#[derive(Debug)]
pub struct Opened {
    pub journal: Journal,
    /// The generation that counts of each segment.
    pub segments: BTreeMap<u64, SegmentName>,
    /// Octets that a power cut had torn.
    pub cut_octets: u64,
}

/// Opens the journal of a folder, or makes it. `learn` gets every record that is not known, in order; then the journal is durable up to
/// its end.
pub fn open(
    opening: Opening,
    learn: &mut dyn FnMut(&Record, &Header) -> Result<(), StoreError>,
) -> Result<Opened, StoreError> {
    let Opening { disk, folder, segment_octets_max, known, new_volume } = opening;
    disk.make_folder(&folder).map_err(|source| StoreError::io("make", &folder, source))?;
    let Listed { mut segments, leftovers } = walk::list(&*disk, &folder)?;
    for path in leftovers {
        disk.remove(&path).map_err(|source| StoreError::io("remove", &path, source))?;
    }
    if segments.is_empty() {
        if known.is_some() {
            return Err(StoreError::damaged(&folder, 0, "the index knows of a journal, and there is none"));
        }
        let name = SegmentName { number: 1, generation: 0 };
        segment::create(&*disk, &folder, &Header { volume: new_volume, name, first_sequence: 1 })?;
        segments.insert(1, name);
    }
    // Names may be in memory only, after a process that died before it synced; and so may what they name.
    disk.sync_folder(&folder).map_err(|source| StoreError::io("sync", &folder, source))?;
    let Walked { last, end, cut_octets, .. } = walk::read(&*disk, &folder, &segments, known, learn)?;
    let (file, header) = segment::open(&*disk, &folder, last)?;
    if cut_octets > 0 {
        let path = last.path(&folder);
        file.set_len(end.offset).map_err(|source| StoreError::io("cut", &path, source))?;
    }
    file.sync().map_err(|source| StoreError::io("sync", &last.path(&folder), source))?;
    let journal = Journal {
        volume: header.volume,
        seed: Seed::new(header.volume, last.number),
        disk,
        folder,
        segment_octets_max,
        tail: last,
        file,
        durable: end,
        durable_before: end,
        written: end.offset,
        buffer: Vec::new(),
        next_sequence: end.next_sequence,
        is_broken: false,
    };
    Ok(Opened { journal, segments, cut_octets })
}
