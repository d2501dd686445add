//! Accounts and their quota.

use super::{Config, Store, Turn};
use crate::error::StoreError;
use crate::event::{AccountId, Event, NewMailbox};
use crate::index::read;
use crate::index::rows::AccountRow;
use crate::mailbox::{MailboxId, SpecialUse};
use crate::name::{AccountName, MailboxName};
use crate::number::UidValidity;
use jiff::Timestamp;

/// What an account keeps, and may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Octets of all messages; a copy counts again.
    pub used: u64,
    /// None for as much as the volume has.
    pub limit: Option<u64>,
    pub messages: u64,
}

impl Store {
    /// INBOX and the usual mailboxes, unless the account is there.
    pub async fn create_account(&self, account: &AccountName) -> Result<(), StoreError> {
        if self.inner.readers.read(|index| read::account(index, account))?.is_some() {
            return Ok(());
        }
        let (account, config) = (account.clone(), self.inner.config.clone());
        self.change(move |turn| match read::account(turn.index(), &account)? {
            Some(_) => Ok(()),
            None => create(turn, &config, &account),
        })
        .await
    }

    /// All accounts that have ever had mail here, sorted.
    pub fn accounts(&self) -> Result<Vec<AccountName>, StoreError> {
        self.inner.readers.read(read::accounts)
    }

    /// Of an account that is not there: nothing used, no limit.
    pub fn quota(&self, account: &AccountName) -> Result<Quota, StoreError> {
        Ok(self.account(account)?.unwrap_or(Quota { used: 0, limit: None, messages: 0 }))
    }

    /// What an account that is there keeps and may keep.
    pub fn account(&self, account: &AccountName) -> Result<Option<Quota>, StoreError> {
        let row = self.inner.readers.read(|index| read::account(index, account))?;
        Ok(row.map(|row| Quota { used: row.used, limit: row.limit, messages: row.messages }))
    }

    /// Octets that an account may keep. What it keeps already stays, whatever the limit.
    pub async fn set_quota(&self, account: &AccountName, limit: Option<u64>) -> Result<(), StoreError> {
        self.create_account(account).await?;
        let account = account.clone();
        let limit = limit.map(|limit| limit.min(i64::MAX as u64));
        self.change(move |turn| {
            let row = the_account(turn, &account)?;
            if row.limit == limit {
                return Ok(());
            }
            turn.record(&Event::QuotaSet { account: row.id, limit }, &[])
        })
        .await
    }
}

/// The row of an account; one that is not there has no mailboxes either.
pub fn the_account(turn: &Turn<'_>, account: &AccountName) -> Result<AccountRow, StoreError> {
    read::account(turn.index(), account)?
        .ok_or_else(|| StoreError::NoMailbox { account: account.clone(), mailbox: MailboxName::inbox() })
}

/// An account must have room for so many octets more.
pub fn check_quota(account: &AccountName, row: &AccountRow, more: u64) -> Result<(), StoreError> {
    match row.limit {
        Some(limit) if row.used.saturating_add(more) > limit => {
            Err(StoreError::OverQuota { account: account.clone(), limit })
        }
        _ => Ok(()),
    }
}

/// Greater than all of the account before it, also of mailboxes that are gone. The clock makes it so for accounts that come back.
pub fn next_uid_validity(last: u32) -> Result<UidValidity, StoreError> {
    let now = u32::try_from(Timestamp::now().as_second()).unwrap_or(0);
    last.checked_add(1).and_then(|next| UidValidity::new(next.max(now))).ok_or(StoreError::NoMoreUids)
}

fn create(turn: &mut Turn<'_>, config: &Config, name: &AccountName) -> Result<(), StoreError> {
    let id = read::next_id(turn.index())?;
    let usual = config.usual_mailboxes.iter().map(|(name, special_use)| (name.clone(), Some(*special_use)));
    let inbox: (MailboxName, Option<SpecialUse>) = (MailboxName::inbox(), None);
    let mut mailboxes = Vec::new();
    let mut last_uid_validity = 0;
    for ((name, special_use), id) in std::iter::once(inbox).chain(usual).zip(id + 1..) {
        let uid_validity = next_uid_validity(last_uid_validity)?;
        last_uid_validity = uid_validity.get();
        mailboxes.push(NewMailbox { id: MailboxId(id), name, special_use, uid_validity });
    }
    turn.record(&Event::AccountCreated { account: AccountId(id), name: name.clone(), mailboxes }, &[])
}
