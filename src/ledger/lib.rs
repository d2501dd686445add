//! The durable state of a site: keys with JSON values, revisions, compare-and-swap and watches.
//!
//! One trait, [`Ledger`], and for now one store behind it, [`Sqlite`]. What every store must do stands in
//! `tests/conformance/`, written against the trait. An error of [`Ledger::txn`] other than a refused
//! compare means *unknown*: read again before acting.
//!
//! This crate never decides what a value means, never keeps a transaction open while somebody waits, and
//! never opens a file that it cannot vouch for. Entry point: [`Sqlite::open`].

mod key;
mod sqlite;
mod txn;
mod watch;

pub use key::{Key, KeyError, Prefix};
pub use sqlite::{OpenError, Sqlite};
pub use txn::{Compare, Entry, Expected, Operation, Outcome, Page, Revision, Txn};
pub use watch::Watch;

use std::future::Future;
use std::pin::Pin;

/// What a ledger answers, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// The most operations of one transaction (etcd's default `--max-txn-ops`).
pub const OPERATIONS_MAX: usize = 128;
/// The largest value as JSON text; below etcd's default request limit of 1.5 MiB.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// The most entries of one page of a range.
pub const PAGE_ENTRIES_MAX: usize = 1000;

/// Durable state.
pub trait Ledger: Send + Sync {
    /// Applies all operations if all compares hold, none otherwise. Durable when it answers.
    fn txn(&self, txn: Txn) -> Answer<'_, Outcome>;

    /// The newest value of a key.
    fn get(&self, key: &Key) -> Answer<'_, Option<Entry>>;

    /// Entries below a prefix in the order of their keys, those behind `after` only, `limit` at most.
    fn range(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Answer<'_, Page>;

    /// Wakes whenever something below the prefix may have changed from now on.
    fn watch(&self, prefix: &Prefix) -> Watch;
}

/// Why the ledger did not do it, or why nobody knows whether it did.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the transaction names key {0} in two operations")]
    KeyTwice(Key),
    #[error("the transaction has {0} operations, {OPERATIONS_MAX} are allowed")]
    OperationsTooMany(usize),
    #[error("the value of {key} has {bytes} bytes, {VALUE_BYTES_MAX} are allowed")]
    ValueTooLarge { key: Key, bytes: usize },
    #[error("the ledger has no room left on its disk")]
    DiskFull(#[source] rusqlite::Error),
    #[error("the ledger cannot use its database")]
    Database(#[source] rusqlite::Error),
    #[error("the entry {0} of the ledger is damaged")]
    Damaged(String),
    #[error("the revision of the ledger is below those of its entries")]
    RevisionBack,
    #[error("the ledger has ended")]
    Ended,
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull(error),
            _ => Self::Database(error),
        }
    }
}
