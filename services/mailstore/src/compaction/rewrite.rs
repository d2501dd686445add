//! One segment, written anew under its next generation.

use crate::disk::DiskFile;
use crate::error::StoreError;
use crate::event::{Added, Event};
use crate::journal::frame::{Head, Seed};
use crate::journal::{Header, Reader, Record, SegmentName, Step, segment};
use crate::store::Store;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

const BUFFER_OCTETS: usize = 1024 * 1024;

#[derive(Debug)]
pub struct Rewritten {
    pub name: SegmentName,
    /// Sequence and offset of every message whose octets were kept.
    pub offsets: Vec<(u64, u64)>,
    pub content_octets: u64,
    pub freed_octets: u64,
}

/// It has its name, and is durable, when this returns. The old file is still there.
pub fn rewrite(store: &Store, old: SegmentName) -> Result<Rewritten, StoreError> {
    let folder = store.inner.folder();
    let disk = &*store.inner.config.disk;
    let live = live(store, old)?;
    let (file, header) = segment::open(disk, &folder, old)?;
    let mut reader = Reader::new(file, old.path(&folder), &header)?;
    let name = SegmentName { generation: old.generation + 1, ..old };
    let path = name.unfinished(&folder);
    // One that an attempt before this left.
    let _ = disk.remove(&path);
    let mut copy =
        Copy::new(segment::write_header(disk, &path, &Header { name, ..header })?, path.clone(), &header);
    let copied = copy_all(&mut reader, &mut copy, &live);
    if let Err(error) = copied.and_then(|()| segment::finish(disk, &folder, name)) {
        // Whatever is left goes when the volume is opened.
        let _ = disk.remove(&path);
        return Err(error);
    }
    let freed_octets = reader.length().saturating_sub(copy.written);
    Ok(Rewritten { name, offsets: copy.offsets, content_octets: copy.content_octets, freed_octets })
}

/// Sequences of those records whose message somebody has.
fn live(store: &Store, name: SegmentName) -> Result<HashSet<u64>, StoreError> {
    store.inner.readers.read(|index| {
        let mut statement = index.prepare_cached("SELECT sequence FROM contents WHERE segment = ?1")?;
        let sequences = statement.query_map([name.number], |row| row.get(0))?;
        Ok(sequences.collect::<Result<_, _>>()?)
    })
}

fn copy_all(reader: &mut Reader, copy: &mut Copy, live: &HashSet<u64>) -> Result<(), StoreError> {
    loop {
        match reader.step()? {
            Step::Record(record) => copy.one(record, live, reader)?,
            Step::End => return copy.finish(),
            Step::Broken(broken) => return Err(reader.damaged(broken.offset, broken.what)),
        }
    }
}

struct Copy {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    seed: Seed,
    written: u64,
    buffer: Vec<u8>,
    offsets: Vec<(u64, u64)>,
    content_octets: u64,
}

impl Copy {
    fn new(file: Arc<dyn DiskFile>, path: PathBuf, header: &Header) -> Self {
        let seed = Seed::new(header.volume, header.name.number);
        let (written, buffer) = (segment::HEADER_OCTETS, Vec::new());
        Self { file, path, seed, written, buffer, offsets: Vec::new(), content_octets: 0 }
    }

    fn one(&mut self, record: Record, live: &HashSet<u64>, reader: &Reader) -> Result<(), StoreError> {
        let decoded = Event::decode(record.kind, &record.body);
        let decoded = decoded.map_err(|error| reader.damaged(record.offset, &error.to_string()))?;
        match (decoded.event, decoded.content_at) {
            (Event::Added(added), Some(at)) if live.contains(&record.sequence) => {
                let offset = self.put(record.sequence, record.kind, &record.body)?;
                self.offsets.push((record.sequence, offset + at as u64));
                self.content_octets += added.octets;
            }
            (Event::Added(added), Some(_)) => {
                let event = Event::Added(Added { has_content: false, ..added });
                self.put(record.sequence, event.kind(), &event.encode())?;
            }
            _ => {
                self.put(record.sequence, record.kind, &record.body)?;
            }
        }
        Ok(())
    }

    /// Returns where the body is.
    fn put(&mut self, sequence: u64, kind: u32, body: &[u8]) -> Result<u64, StoreError> {
        // All of it is durable before it has a name: nothing here is ever a torn tail.
        let durable = self.written + self.buffer.len() as u64;
        let head = Head { length: body.len() as u32, kind, sequence, durable };
        self.buffer.extend_from_slice(&head.encode(self.seed, &[body]));
        let offset = self.written + self.buffer.len() as u64;
        self.buffer.extend_from_slice(body);
        if self.buffer.len() > BUFFER_OCTETS {
            self.write()?;
        }
        Ok(offset)
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let written = self.file.write_at(&self.buffer, self.written);
        written.map_err(|source| StoreError::io("write", &self.path, source))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.write()?;
        self.file.sync().map_err(|source| StoreError::io("sync", &self.path, source))
    }
}
