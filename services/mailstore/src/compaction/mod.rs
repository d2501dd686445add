//! Gives back the room of messages that are gone: segments are written anew without their octets.
//!
//! Every record stays, with its sequence; of a message that nobody has any more only the octets go. So a rebuild after compaction gives
//! the same as before. The new file gets the next generation in its name, whole and synced, before the index hears of it and
//! before the old one goes; whichever of these steps a power cut hits, opening finds one of the two and looks again where the
//! messages in it are ([`relocate`]).
//!
//! Entry point: [`Store::compact`].

mod rewrite;

use crate::error::StoreError;
use crate::event::{Added, Event};
use crate::journal::{Reader, SegmentName, Step, segment};
use crate::store::{Config, Store};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What was given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    pub segments: u64,
    pub freed_octets: u64,
}

impl Store {
    /// Writes those full segments anew of whose messages' octets at least half are not wanted any more. Reads and changes go on beside it.
    pub async fn compact(&self) -> Result<Compacted, StoreError> {
        let _one_at_a_time = self.inner.compaction.lock().await;
        let mut compacted = Compacted::default();
        let candidates = self.inner.readers.read(candidates)?;
        for name in candidates {
            let store = self.clone();
            let rewritten = tokio::task::spawn_blocking(move || rewrite::rewrite(&store, name)).await;
            let rewritten = rewritten.map_err(|_| StoreError::Stopped)??;
            compacted.freed_octets += rewritten.freed_octets;
            compacted.segments += 1;
            let (new, old) = (rewritten.name, name.path(&self.inner.folder()));
            let (offsets, octets) = (rewritten.offsets, rewritten.content_octets);
            self.change(move |turn| {
                let index = turn.change_index();
                set_offsets(index, new, &offsets)?;
                Ok(set_sizes(index, new, octets)?)
            })
            .await?;
            let removed = self.inner.config.disk.remove(&old);
            removed.map_err(|source| StoreError::io("remove", &old, source))?;
        }
        Ok(compacted)
    }
}

/// Segments that get no more records, and are worth it.
fn candidates(index: &Connection) -> Result<Vec<SegmentName>, StoreError> {
    let sql = "SELECT number, generation FROM segments WHERE number < (SELECT max(number) FROM segments) \
               AND octets > 0 AND live_octets * 2 <= octets ORDER BY number";
    let mut statement = index.prepare_cached(sql)?;
    let names =
        statement.query_map([], |row| Ok(SegmentName { number: row.get(0)?, generation: row.get(1)? }))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Tells the index where the messages of a segment are: sequence and offset of each. The octets of others are gone.
fn set_offsets(index: &Connection, name: SegmentName, offsets: &[(u64, u64)]) -> Result<(), rusqlite::Error> {
    index.prepare_cached("UPDATE contents SET offset = NULL WHERE segment = ?1")?.execute([name.number])?;
    let mut set = index.prepare_cached("UPDATE contents SET offset = ?2 WHERE sequence = ?1")?;
    for (sequence, offset) in offsets {
        set.execute((sequence, offset))?;
    }
    Ok(())
}

fn set_sizes(index: &Connection, name: SegmentName, octets: u64) -> Result<(), rusqlite::Error> {
    let sql = "UPDATE segments SET generation = ?2, octets = ?3, live_octets = \
               (SELECT coalesce(sum(octets), 0) FROM contents WHERE segment = ?1 AND offset IS NOT NULL) \
               WHERE number = ?1";
    index.prepare_cached(sql)?.execute((name.number, name.generation, octets))?;
    Ok(())
}

/// Corrects an index that was last told of other generations of some segments.
pub fn relocate(
    config: &Config,
    index: &Connection,
    segments: &BTreeMap<u64, SegmentName>,
) -> Result<(), StoreError> {
    let mut statement = index.prepare("SELECT number, generation FROM segments")?;
    let known = statement
        .query_map([], |row| Ok(SegmentName { number: row.get(0)?, generation: row.get(1)? }))?
        .collect::<Result<Vec<_>, _>>()?;
    for name in
        known.into_iter().filter_map(|known| segments.get(&known.number).filter(|name| **name != known))
    {
        let found = contents(config, *name)?;
        let offsets: Vec<_> = found.iter().map(|content| (content.sequence, content.offset)).collect();
        index.execute_batch("BEGIN IMMEDIATE")?;
        set_offsets(index, *name, &offsets)?;
        set_sizes(index, *name, found.iter().map(|content| content.octets).sum())?;
        index.execute_batch("COMMIT")?;
    }
    Ok(())
}

struct Content {
    sequence: u64,
    offset: u64,
    octets: u64,
}

/// Where the messages of a segment are.
fn contents(config: &Config, name: SegmentName) -> Result<Vec<Content>, StoreError> {
    let folder = config.folder.join("journal");
    let (file, header) = segment::open(&*config.disk, &folder, name)?;
    let mut reader = Reader::new(file, name.path(&folder), &header)?;
    let mut found = Vec::new();
    loop {
        match reader.step()? {
            Step::End => return Ok(found),
            Step::Broken(broken) => return Err(reader.damaged(broken.offset, broken.what)),
            Step::Record(record) => {
                let decoded = Event::decode(record.kind, &record.body);
                let decoded = decoded.map_err(|error| reader.damaged(record.offset, &error.to_string()))?;
                if let (Event::Added(Added { octets, .. }), Some(at)) = (decoded.event, decoded.content_at) {
                    let (sequence, offset) = (record.sequence, record.body_offset() + at as u64);
                    found.push(Content { sequence, offset, octets });
                }
            }
        }
    }
}
