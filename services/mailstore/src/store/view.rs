//! A mailbox that is open, and messages read from it.
//!
//! Reads block, for microseconds while the index is in memory; what they return is bounded by what the caller asks for. A page is as the
//! mailbox is now, so a session keeps the UIDs that it has told its client of ([`MailboxView::uids`], small), and learns the rest
//! from [`MailboxView::news`].

use super::Store;
use super::mailboxes::no_mailbox;
use crate::error::StoreError;
use crate::flags::Keyword;
use crate::index::read;
use crate::mailbox::{MailboxId, MailboxInfo, MailboxState};
use crate::message::{MessageInfo, News};
use crate::name::{AccountName, MailboxName};
use crate::number::{ModSeq, Uid, UidSet};
use bytes::Bytes;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::ops::Range;

/// SELECT takes the recent messages, EXAMINE leaves them recent for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    ReadOnly,
}

/// A handle: it holds no messages, and nothing in the store.
#[derive(Clone, Debug)]
pub struct MailboxView {
    store: Store,
    /// As it was when the mailbox was opened.
    pub info: MailboxInfo,
    /// All messages of that moment.
    pub uids: UidSet,
    /// Those that this session is the first one to be told of.
    pub recent: UidSet,
}

impl Store {
    pub fn open_mailbox(
        &self,
        account: &AccountName,
        name: &MailboxName,
        access: Access,
    ) -> Result<MailboxView, StoreError> {
        self.inner.readers.read(|index| {
            let row = match read::account(index, account)? {
                Some(row) => read::mailbox_named(index, row.id, name)?,
                None => None,
            };
            let mut info = row.ok_or_else(|| no_mailbox(account, name))?.info;
            let from = match access {
                Access::ReadWrite => self.inner.notices.claim_recent(info.id),
                Access::ReadOnly => self.inner.notices.recent_from(info.id),
            };
            let uids = read::uids(index, info.id, &UidSet::all())?;
            let recent = from.map_or_else(UidSet::new, |from| uids.from(from));
            info.state.recent = recent.len();
            Ok(MailboxView { store: self.clone(), info, uids, recent })
        })
    }

    /// A piece of a message, cut at its end. A piece that is the whole message is checked against its checksum.
    pub fn message(&self, mailbox: MailboxId, uid: Uid, range: Range<u64>) -> Result<Bytes, StoreError> {
        loop {
            let place = self.inner.readers.read(|index| read::content(index, mailbox, uid))?;
            if let Some(octets) = self.inner.contents.read(&place, &range)? {
                return Ok(octets);
            }
            let again = self.inner.readers.read(|index| read::content(index, mailbox, uid))?;
            if again == place {
                return Err(self.inner.contents.missing(&place));
            }
        }
    }

    pub(super) fn with_recent(
        &self,
        index: &Connection,
        info: MailboxInfo,
    ) -> Result<MailboxInfo, StoreError> {
        let Some(first) = self.inner.notices.recent_from(info.id) else { return Ok(info) };
        let recent = read::uids(index, info.id, &UidSet::all().from(first))?.len();
        Ok(MailboxInfo { state: MailboxState { recent, ..info.state }, ..info })
    }
}

impl MailboxView {
    pub fn id(&self) -> MailboxId {
        self.info.id
    }

    /// The numbers as they are now.
    pub fn state(&self) -> Result<MailboxState, StoreError> {
        let read =
            |index: &Connection| self.store.with_recent(index, read::mailbox(index, self.info.id)?.info);
        Ok(self.store.inner.readers.read(read)?.state)
    }

    /// At most `limit` of the messages of a set, by UID; those that are gone are left out. Go on behind the last one.
    pub fn page(&self, uids: &UidSet, limit: usize) -> Result<Vec<MessageInfo>, StoreError> {
        self.store.inner.readers.read(|index| read::page(index, self.info.id, uids, limit))
    }

    /// Those messages of a set with `\Deleted`.
    pub fn deleted(&self, within: &UidSet) -> Result<UidSet, StoreError> {
        self.store.inner.readers.read(|index| read::deleted_uids(index, self.info.id, within))
    }

    /// What happened after a moment; also the answer to CHANGEDSINCE, and to VANISHED if it is ever offered.
    pub fn news(&self, since: ModSeq) -> Result<News, StoreError> {
        self.store.inner.readers.read(|index| {
            let state = self.store.with_recent(index, read::mailbox(index, self.info.id)?.info)?.state;
            if state.highest_modseq <= since {
                return Ok(News { changed: UidSet::new(), vanished: UidSet::new(), state });
            }
            let changed = read::changed(index, self.info.id, since)?;
            let vanished = read::vanished(index, self.info.id, since)?;
            Ok(News { changed, vanished, state })
        })
    }

    /// The first message without `\Seen`.
    pub fn first_unseen(&self) -> Result<Option<Uid>, StoreError> {
        self.store.inner.readers.read(|index| read::first_unseen(index, self.info.id))
    }

    /// Keywords that messages have; those of at most so many different messages.
    pub fn keywords(&self, limit: usize) -> Result<BTreeSet<Keyword>, StoreError> {
        self.store.inner.readers.read(|index| read::keywords(index, self.info.id, limit))
    }

    /// Those of new messages that no session was told of before this one is; see [`Access`].
    pub fn recent_of(&self, new: &UidSet, access: Access) -> UidSet {
        let notices = &self.store.inner.notices;
        let from = match access {
            Access::ReadWrite => notices.claim_recent(self.info.id),
            Access::ReadOnly => notices.recent_from(self.info.id),
        };
        from.map_or_else(UidSet::new, |from| new.from(from))
    }

    pub fn message(&self, uid: Uid, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.store.message(self.info.id, uid, range)
    }

    /// CRC-32C of all of a message, for who reads it in pieces.
    pub fn checksum(&self, uid: Uid) -> Result<u32, StoreError> {
        let place = self.store.inner.readers.read(|index| read::content(index, self.info.id, uid))?;
        Ok(place.checksum)
    }

    /// The same mailbox without its UIDs, to be read from elsewhere.
    pub fn clone_handle(&self) -> Self {
        Self {
            store: self.store.clone(),
            info: self.info.clone(),
            uids: UidSet::new(),
            recent: UidSet::new(),
        }
    }
}
