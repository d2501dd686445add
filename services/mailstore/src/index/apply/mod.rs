//! Changes the index as an event says. Nothing here decides anything: the same events give the same index.
//!
//! An event that does not fit what is there is an error: the journal would be damaged in a way that its checksums do not see, or this
//! code wrong. The index is then rolled back by the caller.

mod mailboxes;
mod messages;
mod transfers;

pub use messages::DELIVERY_SECONDS;

use crate::error::StoreError;
use crate::event::{AccountId, DecodeError, Event};
use rusqlite::Connection;
use thiserror::Error;

/// Where the octets of a message that was added are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    pub segment: u64,
    /// None where compaction dropped them.
    pub offset: Option<u64>,
}

#[derive(Debug, Error)]
pub enum ApplyError {
    #[error("an event speaks of account {0:?}, which is not there")]
    NoAccount(AccountId),
    #[error("an event speaks of mailbox {0:?}, which is not there")]
    NoMailbox(crate::mailbox::MailboxId),
    #[error("an event speaks of {expected} messages, of which {found} are there")]
    Messages { expected: u64, found: u64 },
    #[error("an event cannot be read")]
    Decode(#[from] DecodeError),
    #[error("the index does not take it")]
    Index(#[from] rusqlite::Error),
}

impl ApplyError {
    /// Where the event's record is: damage, unless SQLite failed.
    pub fn at(self, path: &std::path::Path, offset: u64) -> StoreError {
        match self {
            Self::Index(error) => error.into(),
            other => {
                let cause = std::error::Error::source(&other).map(|cause| format!(": {cause}"));
                StoreError::damaged(path, offset, format!("{other}{}", cause.unwrap_or_default()))
            }
        }
    }
}

/// Applies the event of one record.
pub fn apply(index: &Connection, sequence: u64, event: &Event, location: Location) -> Result<(), ApplyError> {
    match event {
        Event::AccountCreated { account, name, mailboxes } => {
            mailboxes::create_account(index, *account, name, mailboxes)
        }
        Event::MailboxCreated { account, mailbox } => mailboxes::create(index, *account, mailbox),
        Event::MailboxDeleted { mailbox } => mailboxes::delete(index, *mailbox),
        Event::MailboxesRenamed { names } => mailboxes::rename(index, names),
        Event::Subscribed { account, name, is_subscribed } => {
            mailboxes::subscribe(index, *account, name, *is_subscribed)
        }
        Event::Added(added) => messages::add(index, sequence, added, location),
        Event::FlagsChanged { mailbox, modseq, changes } => {
            messages::change_flags(index, *mailbox, *modseq, changes)
        }
        Event::Expunged { mailbox, modseq, uids } => transfers::expunge(index, *mailbox, *modseq, uids),
        Event::Copied(transfer) => transfers::copy(index, transfer),
        Event::Moved { transfer, from_modseq } => {
            transfers::copy(index, transfer)?;
            transfers::expunge(index, transfer.from, *from_modseq, &transfer.uids)
        }
        Event::QuotaSet { account, limit } => mailboxes::set_quota(index, *account, *limit),
    }
}

/// Executes a change that has to hit one row.
fn one_row(
    index: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    or: impl FnOnce() -> ApplyError,
) -> Result<(), ApplyError> {
    match index.prepare_cached(sql)?.execute(parameters)? {
        1 => Ok(()),
        _ => Err(or()),
    }
}
