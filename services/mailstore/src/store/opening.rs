//! Opening a volume: the lock, the index, and what it has to learn from the journal.

use super::Config;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::Event;
use crate::index::apply::{self, Location};
use crate::index::{self, Use};
use crate::journal::opening::{Opened, Opening};
use crate::journal::{Header, Journal, Position, Record, SegmentName, VolumeId};
use rusqlite::Connection;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Records that the index learns in one transaction.
const TRANSACTION_RECORDS: u32 = 20_000;

#[derive(Debug)]
pub struct OpenedStore {
    pub journal: Journal,
    pub index: Connection,
    pub lock: File,
    pub cut_octets: u64,
}

pub fn journal_folder(config: &Config) -> PathBuf {
    config.folder.join("journal")
}

pub fn index_path(config: &Config) -> PathBuf {
    config.folder.join("index").join("index.sqlite")
}

pub fn open(config: &Config) -> Result<OpenedStore, StoreError> {
    let path = index_path(config);
    let folder = path.parent().unwrap_or(&config.folder);
    crate::disk::RealDisk.make_folder(folder).map_err(|source| StoreError::io("make", folder, source))?;
    let lock = lock(&config.folder)?;
    let (opened, index) = match existing(&path) {
        Some((index, known)) => {
            let opened = learn(config, &index, Some(known))?;
            (opened, index)
        }
        None => {
            let opened = build(config, &path)?;
            (opened, index::open(&path, Use::Write)?)
        }
    };
    crate::compaction::relocate(config, &index, &opened.segments)?;
    Ok(OpenedStore { journal: opened.journal, index, lock, cut_octets: opened.cut_octets })
}

/// One process has a volume.
pub fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| StoreError::io("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(StoreError::io("lock", &path, source)),
    }
}

/// An index of this version. Of anything else a new one is made.
pub fn existing(path: &Path) -> Option<(Connection, (VolumeId, Position))> {
    let index = index::open(path, Use::Write).ok()?;
    let known = index::known(&index)?;
    Some((index, known))
}

/// Makes an index of everything in the journal, beside its place, and puts it there when it is whole.
pub fn build(config: &Config, path: &Path) -> Result<Opened, StoreError> {
    let new = path.with_extension("new");
    let write = |source| StoreError::io("write", path, source);
    remove(&new).map_err(write)?;
    let connection = index::create(&new, new_volume()?)?;
    let opened = learn(config, &connection, None)?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(write)?;
    // The write-ahead log of an index before this one must not be taken for its own.
    for suffix in ["", "-wal", "-shm"] {
        let mut old = path.as_os_str().to_owned();
        old.push(suffix);
        remove(Path::new(&old)).map_err(write)?;
    }
    std::fs::rename(&new, path).map_err(write)?;
    let folder = path.parent().unwrap_or(path);
    crate::disk::RealDisk.sync_folder(folder).map_err(write)?;
    Ok(opened)
}

pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn new_volume() -> Result<VolumeId, StoreError> {
    let path = Path::new("/dev/urandom");
    let mut id = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut id));
    read.map_err(|source| StoreError::io("read", path, source))?;
    Ok(VolumeId(id))
}

/// Lets an index learn what it does not know of the journal.
fn learn(
    config: &Config,
    index: &Connection,
    known: Option<(VolumeId, Position)>,
) -> Result<Opened, StoreError> {
    let opening = Opening {
        disk: config.disk.clone(),
        folder: journal_folder(config),
        segment_octets_max: config.segment_octets_max,
        known,
        new_volume: new_volume()?,
    };
    let mut learned = Learned::new(index, &opening.folder);
    index.execute_batch("BEGIN IMMEDIATE")?;
    let opened = crate::journal::opening::open(opening, &mut |record, header| learned.one(record, header))?;
    let (volume, end) = (opened.journal.volume(), opened.journal.durable());
    learned.finish(volume, end)?;
    index.execute_batch("COMMIT")?;
    Ok(opened)
}

/// An index that is learning, in transactions of many records.
pub struct Learned<'a> {
    index: &'a Connection,
    folder: PathBuf,
    segment: u64,
    pending: u32,
}

impl<'a> Learned<'a> {
    pub fn new(index: &'a Connection, folder: &Path) -> Self {
        Self { index, folder: folder.to_owned(), segment: 0, pending: 0 }
    }

    pub fn one(&mut self, record: &Record, header: &Header) -> Result<(), StoreError> {
        let path = header.name.path(&self.folder);
        let result = learn_record(self.index, record, header, &mut self.segment);
        result.map_err(|error| error.at(&path, record.offset))?;
        self.pending += 1;
        if self.pending == TRANSACTION_RECORDS {
            self.pending = 0;
            let SegmentName { number: segment, generation } = header.name;
            let (offset, next_sequence) = (record.end(), record.sequence + 1);
            index::set_known(self.index, Position { segment, generation, offset, next_sequence })?;
            self.index.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
        }
        Ok(())
    }

    /// Says what is known now.
    pub fn finish(&self, volume: VolumeId, end: Position) -> Result<(), StoreError> {
        self.index.execute("UPDATE volume SET volume = ?1", [&volume.0])?;
        index::set_known(self.index, end)
    }
}

fn learn_record(
    index: &Connection,
    record: &Record,
    header: &Header,
    segment: &mut u64,
) -> Result<(), apply::ApplyError> {
    if *segment != record.segment {
        know_segment(index, header.name)?;
        *segment = record.segment;
    }
    let decoded = Event::decode(record.kind, &record.body)?;
    let offset = decoded.content_at.map(|at| record.body_offset() + at as u64);
    apply::apply(index, record.sequence, &decoded.event, Location { segment: record.segment, offset })
}

/// A segment from which messages may be read.
pub fn know_segment(index: &Connection, name: SegmentName) -> rusqlite::Result<()> {
    let sql =
        "INSERT OR IGNORE INTO segments (number, generation, octets, live_octets) VALUES (?1, ?2, 0, 0)";
    index.prepare_cached(sql)?.execute((name.number, name.generation))?;
    Ok(())
}
