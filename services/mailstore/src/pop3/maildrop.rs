//! An INBOX as a session sees it: the messages of one moment, locked against other sessions (RFC 1939 sections 4 and 5).

use crate::error::StoreError;
use crate::name::{AccountName, MailboxName};
use crate::number::{Uid, UidSet};
use crate::store::{Access, MailboxView, Store};
use bytes::Bytes;
use mail::pop3::MessageHead;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;
use tracing::{error, warn};

/// In a list, the newest ones: there are some 100 octets in memory for each. The rest is there when these are gone.
pub const MESSAGES_MAX: u64 = 200_000;
/// Of a message on its way.
pub const PIECE_OCTETS: u64 = 64 * 1024;
/// Messages that are read from the index at once.
const PAGE: usize = 1000;

/// Accounts that a session has.
#[derive(Clone, Debug, Default)]
pub struct Locks(Arc<Mutex<HashSet<AccountName>>>);

/// An account is this session's until this is dropped.
#[derive(Debug)]
pub struct Lock {
    locks: Locks,
    account: AccountName,
}

impl Locks {
    /// None if another session has it.
    pub fn take(&self, account: &AccountName) -> Option<Lock> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone());
        is_free.then(|| Lock { locks: self.clone(), account: account.clone() })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.locks.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}

/// The messages of one session.
#[derive(Debug)]
pub struct Maildrop {
    store: Store,
    view: Arc<MailboxView>,
    /// By their places.
    messages: Vec<(Uid, u64)>,
    lock: Lock,
}

impl Maildrop {
    pub async fn open(store: &Store, lock: Lock) -> Result<Self, StoreError> {
        let (own, account) = (store.clone(), lock.account.clone());
        let read = spawn_blocking(move || read(&own, &account)).await;
        let (view, messages) = read.map_err(|error| broken(&error))??;
        Ok(Self { store: store.clone(), view: Arc::new(view), messages, lock })
    }

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
    pub async fn piece(&self, place: usize, begin: u64) -> Result<Bytes, StoreError> {
        let uid = self.messages.get(place).map_or(Uid::MAX, |(uid, _)| *uid);
        let view = Arc::clone(&self.view);
        let read = spawn_blocking(move || view.message(uid, begin..begin + PIECE_OCTETS)).await;
        let piece = read.map_err(|error| broken(&error))??;
        // The index and the journal differ.
        if piece.is_empty() { Err(StoreError::NoMessage(uid)) } else { Ok(piece) }
    }

    /// For good, and durable when this returns. Those that somebody else has deleted meanwhile are gone as well.
    pub async fn delete(&self, places: &[usize]) -> Result<(), StoreError> {
        let uid = |place: &usize| self.messages.get(*place).map(|(uid, _)| *uid);
        let uids: UidSet = places.iter().filter_map(uid).collect();
        self.store.remove(self.view.id(), uids).await.map(drop)
    }
}

fn read(store: &Store, account: &AccountName) -> Result<(MailboxView, Vec<(Uid, u64)>), StoreError> {
    // Messages that no session was told of stay so: that is said by IMAP.
    let view = store.open_mailbox(account, &MailboxName::inbox(), Access::ReadOnly)?;
    let mut left = view.uids.clone();
    let count = left.len();
    if let Some(first) =
        count.checked_sub(MESSAGES_MAX).filter(|more| *more > 0).and_then(|more| left.nth(more))
    {
        warn!(%account, messages = count, told = MESSAGES_MAX, "an INBOX is too big for POP3: only its newest messages are told");
        left = left.from(first);
    }
    let mut messages = Vec::with_capacity(usize::try_from(left.len()).unwrap_or(0));
    loop {
        let page = view.page(&left, PAGE)?;
        let Some(last) = page.last() else { break };
        left.remove_to(last.uid);
        messages.extend(page.iter().map(|message| (message.uid, message.size)));
    }
    Ok((view, messages))
}

/// A thread that panicked, or a runtime that ends.
fn broken(error: &tokio::task::JoinError) -> StoreError {
    error!(%error, "reading a maildrop broke");
    StoreError::Stopped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_one_sessions() {
        let (locks, account) = (Locks::default(), |name| AccountName::new(name).unwrap());
        let first = locks.take(&account("ann"));
        assert!(
            first.is_some() && locks.take(&account("ann")).is_none() && locks.take(&account("bob")).is_some()
        );
        drop(first);
        assert!(locks.take(&account("ann")).is_some());
    }
}
