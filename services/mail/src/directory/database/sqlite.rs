//! A SQLite file: write-ahead log, synchronous, foreign keys. Several processes may have it open.

use super::migrations::{Migration, VERSIONS_TABLE};
use super::{ChangeError, DatabaseError, Refusal, Row, Statement, Touches, Value};
use crate::directory::settings::QUERY_WAIT_MAX;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi, params_from_iter};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Readers do not wait for each other; more of them than this do.
const CONNECTIONS: usize = 4;

/// Whether the file is made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    MustExist,
    MayBeMade,
}

/// An open file. Clones are the same.
#[derive(Clone, Debug)]
pub struct Sqlite(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    turns: Semaphore,
    /// As many as there are turns.
    idle: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// Waits for the disk: not to be called where others wait.
    pub fn open(path: &Path, presence: Presence) -> Result<Self, DatabaseError> {
        let idle =
            (0..CONNECTIONS).map(|_| connect(path, presence)).collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self(Arc::new(Shared { turns: Semaphore::new(CONNECTIONS), idle: Mutex::new(idle) })))
    }

    pub(super) async fn select(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        self.with(move |connection| select(connection, sql, values).map_err(failed)).await?
    }

    pub(super) async fn change(&self, statements: Vec<Statement>) -> Result<(), ChangeError> {
        self.with(move |connection| change(connection, statements)).await?
    }

    pub(super) async fn migrate(&self, migrations: &'static [Migration]) -> Result<(), DatabaseError> {
        self.with(move |connection| migrate(connection, migrations).map_err(failed)).await?
    }

    /// Runs something on a thread that may wait.
    async fn with<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let shared = Arc::clone(&self.0);
        let turn = tokio::time::timeout(QUERY_WAIT_MAX, shared.turns.acquire()).await;
        // The turn is given back together with the connection, where the work ends.
        turn.map_err(|_| DatabaseError::Busy)?.map_err(|_| DatabaseError::Ending)?.forget();
        let shared = Arc::clone(&self.0);
        let work = tokio::task::spawn_blocking(move || {
            let lock = || shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let mut connection = lock().pop().ok_or(DatabaseError::Ending)?;
            let result = run(&mut connection);
            lock().push(connection);
            shared.turns.add_permits(1);
            Ok(result)
        });
        work.await.map_err(|_| DatabaseError::Ending)?
    }
}

fn failed(error: rusqlite::Error) -> DatabaseError {
    DatabaseError::Sqlite(Arc::new(error))
}

fn connect(path: &Path, presence: Presence) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, presence == Presence::MayBeMade);
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(QUERY_WAIT_MAX)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn select(connection: &Connection, sql: &str, values: Vec<Value>) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values.into_iter().map(parameter)))?;
    let mut selected = Vec::new();
    while let Some(row) = rows.next()? {
        selected.push((0..columns).map(|column| value(row.get_ref(column)?)).collect::<Result<_, _>>()?);
    }
    Ok(selected)
}

fn change(connection: &mut Connection, statements: Vec<Statement>) -> Result<(), ChangeError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for (number, Statement { sql, values, touches }) in statements.into_iter().enumerate() {
        let refused = |refusal| ChangeError::Refused { statement: number, refusal };
        let rows = run(&transaction, sql, values).map_err(|error| match refusal(&error) {
            Some(refusal) => refused(refusal),
            None => failed(error).into(),
        })?;
        if touches == Touches::One && rows != 1 {
            return Err(refused(Refusal::Rows));
        }
    }
    Ok(transaction.commit().map_err(failed)?)
}

fn run(connection: &Connection, sql: &str, values: Vec<Value>) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params_from_iter(values.into_iter().map(parameter)))
}

fn migrate(connection: &mut Connection, migrations: &[Migration]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    transaction.execute_batch(VERSIONS_TABLE)?;
    for migration in migrations {
        if migration.is_done(&select(&transaction, Migration::IS_DONE, migration.key())?) {
            continue;
        }
        transaction.execute_batch(migration.sql)?;
        run(&transaction, Migration::DONE, migration.row())?;
    }
    transaction.commit()
}

fn refusal(error: &rusqlite::Error) -> Option<Refusal> {
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return None };
    match (failure.code, failure.extended_code) {
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Some(Refusal::Reference),
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE,
        ) => Some(Refusal::Exists),
        _ => None,
    }
}

fn parameter(value: Value) -> rusqlite::types::Value {
    match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Text(text) => rusqlite::types::Value::Text(text),
        Value::Integer(number) => rusqlite::types::Value::Integer(number),
    }
}

fn value(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        value => Value::Text(value.as_str()?.to_owned()),
    })
}
