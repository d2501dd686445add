//! Opening the file: whose it is, whether it is whole, and who else has it.

use super::store::Store;
use crate::LedgerError;
use rusqlite::{Connection, ErrorCode};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use understudy_core::base::fs::{self, FsError};

/// `UDYL` in SQLite's header (application_id), so that file(1) and we know whose it is.
const APPLICATION_ID: i32 = 0x5544_594c;
/// The layout of the tables (user_version).
const SCHEMA_VERSION: i32 = 1;
/// The first bytes of every SQLite file ("Database File Format", section 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

const SCHEMA: &str = "
    CREATE TABLE entries (
        key TEXT PRIMARY KEY, value TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
        digest BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE revision (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL) STRICT;
    INSERT INTO revision VALUES (1, 0);";

/// Why the file is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot look at the ledger")]
    File(#[from] FsError),
    #[error("{} is not a ledger of understudy", .0.display())]
    Foreign(PathBuf),
    #[error("the ledger {} has version {found}, this program reads version {SCHEMA_VERSION}", path.display())]
    Version { path: PathBuf, found: i32 },
    #[error("the ledger {} is damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("the ledger {} is in use by another program", .0.display())]
    InUse(PathBuf),
    #[error("there is no room on the disk of the ledger {}", path.display())]
    DiskFull {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("cannot open the ledger {}", path.display())]
    Database {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("cannot start the ledger's thread")]
    Thread(#[source] io::Error),
}

pub fn open(path: &Path) -> Result<Store, OpenError> {
    let is_new = is_new(path)?;
    let refuse = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse(path.to_owned()),
        Some(ErrorCode::DiskFull) => OpenError::DiskFull { path: path.to_owned(), source: error },
        Some(ErrorCode::NotADatabase) => OpenError::Foreign(path.to_owned()),
        Some(ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { path: path.to_owned(), what: error.to_string() }
        }
        _ => OpenError::Database { path: path.to_owned(), source: error },
    };
    let connection = Connection::open(path).map_err(refuse)?;
    // Whoever has the file keeps it: waiting would not help.
    connection.busy_timeout(Duration::ZERO).map_err(refuse)?;
    // Exclusive: a second program is refused at its first read, whatever it is. Before that read, or SQLite makes a
    // file for shared memory, for which a full disk has no room.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(refuse)?;
    // Checked before anything is written, so that a file of somebody else stays as it is.
    if !is_new {
        check_owner(&connection, path, refuse)?;
    }
    configure(&connection).map_err(refuse)?;
    if is_new {
        create(&connection).map_err(refuse)?;
    }
    check_pages(&connection, path, refuse)?;
    let store = Store::new(connection);
    store.check().map_err(|error| match error {
        LedgerError::Database(source) | LedgerError::DiskFull(source) => refuse(source),
        other => OpenError::Damaged { path: path.to_owned(), what: other.to_string() },
    })?;
    Ok(store)
}

fn is_new(path: &Path) -> Result<bool, OpenError> {
    let mut file = match fs::open(path) {
        Err(error) if error.is_not_found() => return Ok(true),
        file => file?,
    };
    let mut start = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).map_err(fs::fail("read", path))?;
    match start.as_slice() {
        [] => Ok(true),
        start if start == MAGIC => Ok(false),
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}

fn check_owner(
    connection: &Connection,
    path: &Path,
    refuse: impl Fn(rusqlite::Error) -> OpenError,
) -> Result<(), OpenError> {
    let number =
        |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(&refuse);
    if number("application_id")? != APPLICATION_ID {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    match number("user_version")? {
        SCHEMA_VERSION => Ok(()),
        found => Err(OpenError::Version { path: path.to_owned(), found }),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// The mark is set in the transaction that makes the tables: a crash in between leaves an empty database.
fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN EXCLUSIVE; {SCHEMA}
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    ))
}

fn check_pages(
    connection: &Connection,
    path: &Path,
    refuse: impl Fn(rusqlite::Error) -> OpenError,
) -> Result<(), OpenError> {
    let what: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(&refuse)?;
    if what == "ok" { Ok(()) } else { Err(OpenError::Damaged { path: path.to_owned(), what }) }
}
