//! What is asked of a ledger and what it answers.

use crate::key::Key;
use crate::{LedgerError, OPERATIONS_MAX, VALUE_BYTES_MAX};
use serde_json::Value;
use std::collections::BTreeSet;

/// Grows by one with every transaction that changed something, over the whole ledger.
pub type Revision = u64;

/// Operations that happen together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    /// All must hold.
    pub compares: Vec<Compare>,
    pub operations: Vec<Operation>,
}

/// A condition on one key.
#[derive(Clone, Debug)]
pub struct Compare {
    pub key: Key,
    pub expected: Expected,
}

/// What a key must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It has no value.
    Absent,
    /// Its value was written by the transaction of this revision.
    Modified(Revision),
    /// It has had a value without a gap since this revision.
    Created(Revision),
}

/// A change of one key.
#[derive(Clone, Debug)]
pub enum Operation {
    Put { key: Key, value: Value },
    Delete { key: Key },
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, at this revision.
    Committed(Revision),
    /// This key was not as expected; nothing was done.
    Refused(Key),
}

/// A key with its newest value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Key,
    pub value: Value,
    pub created: Revision,
    pub modified: Revision,
}

/// A part of a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Whether more follow the last of these.
    pub more: bool,
}

impl Txn {
    /// Nothing, to be added to.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition.
    pub fn when(mut self, key: Key, expected: Expected) -> Self {
        self.compares.push(Compare { key, expected });
        self
    }

    /// Adds a write.
    pub fn put(mut self, key: Key, value: Value) -> Self {
        self.operations.push(Operation::Put { key, value });
        self
    }

    /// Adds a deletion.
    pub fn delete(mut self, key: Key) -> Self {
        self.operations.push(Operation::Delete { key });
        self
    }

    /// Refuses what no store can do, the same way for every store.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        if self.operations.len() > OPERATIONS_MAX {
            return Err(LedgerError::OperationsTooMany(self.operations.len()));
        }
        let mut seen = BTreeSet::new();
        for operation in &self.operations {
            let key = operation.key();
            if !seen.insert(key) {
                return Err(LedgerError::KeyTwice(key.clone()));
            }
            if let Operation::Put { key, value } = operation {
                let bytes = value.to_string().len();
                if bytes > VALUE_BYTES_MAX {
                    return Err(LedgerError::ValueTooLarge { key: key.clone(), bytes });
                }
            }
        }
        Ok(())
    }
}

impl Operation {
    /// The key that it changes.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}
