//! Transactions: what is to be stored before anything that follows from it is done.

use crate::durable::Object;
use crate::effect::Note;
use crate::key::Key;

/// Tells the answers of the ledger apart, within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// One transaction. The driver adds a compare of the leader key's create revision to each, and appends the notes to
/// the chain of events in the same transaction. A new process, and the read after an unknown answer, take a new leader key first.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    pub ticket: Ticket,
    /// In a few words, for logs.
    pub purpose: &'static str,
    /// All must hold.
    pub compares: Vec<Compare>,
    pub writes: Vec<Write>,
    pub notes: Vec<Note>,
}

/// A condition on one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    pub key: Key,
    pub expected: Expected,
}

/// What an entry must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Absent,
    /// Written by the transaction of this revision.
    Modified(u64),
}

/// A change of one entry; no object deletes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    pub key: Key,
    pub object: Option<Object>,
}
