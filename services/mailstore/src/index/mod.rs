//! What can be asked of a volume's mail, in SQLite, derived from the journal alone.
//!
//! [`apply::apply`] is the only thing that changes it: one event after another, each with its sequence, so that a rebuild gives the
//! same rows. [`read`] has the questions. It is committed behind the journal's sync and not synced itself: after a power cut it knows
//! less than the journal, and learns the rest when the store opens. It never knows more.

pub mod apply;
pub mod compare;
pub mod read;
pub mod rows;

use crate::error::StoreError;
use crate::journal::{Position, VolumeId};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::Path;

/// Changes with `schema.sql`, and with what `apply` does. An index of another one is made anew.
const SCHEMA: u32 = 1;
const WRITER_CACHE_KIB: i32 = 32 * 1024;
const READER_CACHE_KIB: i32 = 1024;
/// Of the write-ahead log, before it goes into the file. Each time costs two syncs.
const CHECKPOINT_PAGES: u32 = 4000;
const STATEMENTS_MAX: usize = 64;

/// Whether a connection may change the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Write,
    Read,
}

/// Opens an index that is there.
pub fn open(path: &Path, use_: Use) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    match use_ {
        Use::Write => {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        }
        Use::Read => {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        }
    }
    Ok(connection)
}

/// Makes an empty index that is not crash-safe: it becomes one when it is whole, synced and renamed.
pub fn create(path: &Path, volume: VolumeId) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.execute_batch(include_str!("schema.sql"))?;
    connection.execute(
        "INSERT INTO volume (schema, volume, next_id, segment, generation, offset, next_sequence) VALUES (?1, ?2, 1, 0, 0, 0, 0)",
        (SCHEMA, &volume.0),
    )?;
    Ok(connection)
}

/// What the index knows of which journal. None for an index that has to be made anew: of another version, or no index at all.
pub fn known(connection: &Connection) -> Option<(VolumeId, Position)> {
    let row = connection.query_row(
        "SELECT volume, segment, generation, offset, next_sequence FROM volume WHERE schema = ?1",
        [SCHEMA],
        |row| {
            let [segment, offset, next_sequence] = [row.get(1)?, row.get(3)?, row.get(4)?];
            let generation = row.get(2)?;
            Ok((VolumeId(row.get(0)?), Position { segment, generation, offset, next_sequence }))
        },
    );
    row.optional().ok().flatten().filter(|(_, position)| position.next_sequence > 0)
}

/// Says that everything before `position` is applied. Belongs to the transaction that applied it.
pub fn set_known(connection: &Connection, position: Position) -> Result<(), StoreError> {
    let Position { segment, generation, offset, next_sequence } = position;
    let sql = "UPDATE volume SET segment = ?1, generation = ?2, offset = ?3, next_sequence = ?4";
    connection.prepare_cached(sql)?.execute((segment, generation, offset, next_sequence))?;
    Ok(())
}
