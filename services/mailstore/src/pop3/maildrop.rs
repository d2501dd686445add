//! An INBOX as a session sees it: the messages of one moment, locked against other sessions (RFC 1939 sections 4 and 5).

use crate::error::StoreError;
use crate::name::{AccountName, MailboxName};
use crate::number::{Uid, UidSet};
use crate::store::{Access, MailboxView, Store};
use bytes::Bytes;
use mail::pop3::MessageHead;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tracing::warn;

/// In a list, the newest ones: there are some 100 octets in memory for each. The rest is there when these are gone.
pub const MESSAGES_MAX: u32 = 200_000;
/// In the lists of all sessions.
pub const LISTED_MAX: u32 = 5_000_000;
/// Of a message on its way.
pub const PIECE_OCTETS: u64 = 64 * 1024;
/// Messages that are read from the index at once.
const PAGE: usize = 1000;

/// Those of a store.
#[derive(Debug)]
pub struct Maildrops {
    store: Store,
    locks: Locks,
    room: Arc<Semaphore>,
}

/// Why a client does not get one.
#[derive(Clone, Debug, Error)]
pub enum NoMaildrop {
    #[error("another session has it")]
    InUse,
    #[error("the sessions that there are have {LISTED_MAX} messages already")]
    NoRoom,
    #[error("it cannot be read")]
    Store(#[from] StoreError),
    #[error("reading it broke")]
    Broken,
}

/// The messages of one session.
#[derive(Debug)]
pub struct Maildrop {
    store: Store,
    view: Arc<MailboxView>,
    /// By their places.
    messages: Vec<(Uid, u64)>,
    lock: Lock,
    _room: OwnedSemaphorePermit,
}

/// Accounts that a session has.
#[derive(Clone, Debug, Default)]
struct Locks(Arc<Mutex<HashSet<AccountName>>>);

/// An account is this session's until this is dropped.
#[derive(Debug)]
struct Lock {
    locks: Locks,
    account: AccountName,
}

impl Maildrops {
    pub fn new(store: Store) -> Self {
        Self { store, locks: Locks::default(), room: Arc::new(Semaphore::new(LISTED_MAX as usize)) }
    }

    pub async fn open(&self, account: &AccountName) -> Result<Maildrop, NoMaildrop> {
        let lock = self.locks.take(account).ok_or(NoMaildrop::InUse)?;
        let (store, room) = (self.store.clone(), Arc::clone(&self.room));
        spawn_blocking(move || open(store, room, lock)).await.map_err(|_| NoMaildrop::Broken)?
    }
}

impl Maildrop {
    pub fn account(&self) -> &AccountName {
        &self.lock.account
    }

    /// What the client is told of them.
    pub fn heads(&self) -> Vec<MessageHead> {
        let validity = self.view.info.state.uid_validity;
        let head = |&(uid, octets): &(Uid, u64)| MessageHead { octets, id: format!("{validity}.{uid}") };
        self.messages.iter().map(head).collect()
    }

    pub fn octets(&self, place: usize) -> u64 {
        self.messages.get(place).map_or(0, |(_, octets)| *octets)
    }

    /// Some octets of a message, from `begin` on; at least one before its end.
    pub async fn piece(&self, place: usize, begin: u64) -> Result<Bytes, NoMaildrop> {
        let uid = self.messages.get(place).map_or(Uid::MAX, |(uid, _)| *uid);
        let view = Arc::clone(&self.view);
        let read = spawn_blocking(move || view.message(uid, begin..begin + PIECE_OCTETS)).await;
        let piece = read.map_err(|_| NoMaildrop::Broken)??;
        // The index said that there is more.
        if piece.is_empty() { Err(StoreError::NoMessage(uid).into()) } else { Ok(piece) }
    }

    /// For good, and durable when this returns. Those that somebody else has deleted meanwhile are gone as well.
    pub async fn delete(&self, places: &[usize]) -> Result<(), NoMaildrop> {
        let uid = |place: &usize| self.messages.get(*place).map(|(uid, _)| *uid);
        let uids: UidSet = places.iter().filter_map(uid).collect();
        Ok(self.store.remove(self.view.id(), uids).await.map(drop)?)
    }
}

fn open(store: Store, room: Arc<Semaphore>, lock: Lock) -> Result<Maildrop, NoMaildrop> {
    let account = &lock.account;
    // Messages that no session was told of stay so: that is said by IMAP.
    let view = store.open_mailbox(account, &MailboxName::inbox(), Access::ReadOnly)?;
    let (all, max) = (view.uids.len(), u64::from(MESSAGES_MAX));
    let mut left = view.uids.clone();
    if let Some(first) = all.checked_sub(max).filter(|more| *more > 0).and_then(|more| left.nth(more)) {
        warn!(%account, all, max, "an INBOX is too big for POP3: only its newest messages are told");
        left = left.from(first);
    }
    let count = u32::try_from(left.len()).unwrap_or(MESSAGES_MAX);
    let room = room.try_acquire_many_owned(count).map_err(|_| NoMaildrop::NoRoom)?;
    let mut messages = Vec::with_capacity(count as usize);
    loop {
        let page = view.page(&left, PAGE)?;
        let Some(last) = page.last() else { break };
        left.remove_to(last.uid);
        messages.extend(page.iter().map(|message| (message.uid, message.size)));
    }
    Ok(Maildrop { store, view: Arc::new(view), messages, lock, _room: room })
}

impl Locks {
    /// None if another session has it.
    fn take(&self, account: &AccountName) -> Option<Lock> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone());
        is_free.then(|| Lock { locks: self.clone(), account: account.clone() })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.locks.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_one_sessions() {
        let (locks, account) = (Locks::default(), |name| AccountName::new(name).unwrap());
        let first = locks.take(&account("ann"));
        let is_free = |name| locks.take(&account(name)).is_some();
        assert!(first.is_some() && !is_free("ann") && is_free("bob") && is_free("bob"));
        drop(first);
        assert!(is_free("ann"));
    }
}
