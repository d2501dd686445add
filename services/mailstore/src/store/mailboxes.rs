//! Mailboxes of an account: list, create, delete, rename, subscribe.

use super::accounts::{next_uid_validity, the_account};
use super::{Store, Turn};
use crate::error::StoreError;
use crate::event::{AccountId, Event, NewMailbox, Transfer};
use crate::index::read;
use crate::index::rows::MailboxRow;
use crate::mailbox::{MailboxId, MailboxInfo, SpecialUse};
use crate::name::{AccountName, MailboxName};
use crate::number::{ModSeq, Uid, UidSet};

impl Store {
    /// Sorted by name; none for an account that is not there.
    pub fn mailboxes(&self, account: &AccountName) -> Result<Vec<MailboxInfo>, StoreError> {
        self.inner.readers.read(|index| {
            let Some(row) = read::account(index, account)? else { return Ok(Vec::new()) };
            let rows = read::mailboxes(index, row.id)?;
            rows.into_iter().map(|row| self.with_recent(index, row.info)).collect()
        })
    }

    pub fn mailbox(&self, account: &AccountName, name: &MailboxName) -> Result<MailboxInfo, StoreError> {
        self.inner.readers.read(|index| {
            let row = match read::account(index, account)? {
                Some(row) => read::mailbox_named(index, row.id, name)?,
                None => None,
            };
            self.with_recent(index, row.ok_or_else(|| no_mailbox(account, name))?.info)
        })
    }

    /// Also names of mailboxes that are gone (RFC 9051 section 6.3.7).
    pub fn subscriptions(&self, account: &AccountName) -> Result<Vec<MailboxName>, StoreError> {
        self.inner.readers.read(|index| match read::account(index, account)? {
            Some(row) => read::subscriptions(index, row.id),
            None => Ok(Vec::new()),
        })
    }

    /// A new mailbox; those above it need not be there, and are not made.
    pub async fn create(
        &self,
        account: &AccountName,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxInfo, StoreError> {
        self.create_account(account).await?;
        let (account, name) = (account.clone(), name.clone());
        let limit = self.inner.config.mailboxes_per_account_max;
        self.change(move |turn| {
            let id = create(turn, &account, &name, special_use, limit)?;
            Ok(read::mailbox(turn.index(), id)?.info)
        })
        .await
    }

    /// With all its messages. Mailboxes below it stay.
    pub async fn delete(&self, account: &AccountName, name: &MailboxName) -> Result<(), StoreError> {
        if name.is_inbox() {
            return Err(StoreError::InboxStays);
        }
        let (account, name) = (account.clone(), name.clone());
        self.change(move |turn| {
            let mailbox = the_mailbox(turn, &account, &name)?.info.id;
            turn.record(&Event::MailboxDeleted { mailbox }, &[])
        })
        .await
    }

    /// With those below it; UIDVALIDITY and UIDs stay. INBOX keeps its name and loses its messages to the new one (RFC 9051 section 6.3.6).
    pub async fn rename(
        &self,
        account: &AccountName,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Result<(), StoreError> {
        let (account, from, to) = (account.clone(), from.clone(), to.clone());
        let limit = self.inner.config.mailboxes_per_account_max;
        self.change(move |turn| match from.is_inbox() {
            true => rename_inbox(turn, &account, &to, limit),
            false => rename(turn, &account, &from, &to),
        })
        .await
    }

    /// The mailbox need not be there.
    pub async fn subscribe(
        &self,
        account: &AccountName,
        name: &MailboxName,
        is_subscribed: bool,
    ) -> Result<(), StoreError> {
        self.create_account(account).await?;
        let (account, name) = (account.clone(), name.clone());
        let limit = self.inner.config.mailboxes_per_account_max;
        self.change(move |turn| {
            let row = the_account(turn, &account)?;
            let names = read::subscriptions(turn.index(), row.id)?;
            if names.contains(&name) == is_subscribed {
                return Ok(());
            }
            if is_subscribed && names.len() as u64 >= limit {
                return Err(StoreError::TooManyMailboxes { account: account.clone(), limit });
            }
            turn.record(&Event::Subscribed { account: row.id, name: name.clone(), is_subscribed }, &[])
        })
        .await
    }
}

pub fn no_mailbox(account: &AccountName, mailbox: &MailboxName) -> StoreError {
    StoreError::NoMailbox { account: account.clone(), mailbox: mailbox.clone() }
}

fn the_mailbox(turn: &Turn<'_>, account: &AccountName, name: &MailboxName) -> Result<MailboxRow, StoreError> {
    let id = the_account(turn, account).map_err(|_| no_mailbox(account, name))?.id;
    read::mailbox_named(turn.index(), id, name)?.ok_or_else(|| no_mailbox(account, name))
}

fn must_be_free(
    turn: &Turn<'_>,
    id: AccountId,
    account: &AccountName,
    name: &MailboxName,
) -> Result<(), StoreError> {
    match read::mailbox_named(turn.index(), id, name)? {
        None => Ok(()),
        Some(_) => Err(StoreError::MailboxExists { account: account.clone(), mailbox: name.clone() }),
    }
}

fn create(
    turn: &mut Turn<'_>,
    account: &AccountName,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
    limit: u64,
) -> Result<MailboxId, StoreError> {
    let row = the_account(turn, account)?;
    must_be_free(turn, row.id, account, name)?;
    if read::mailbox_count(turn.index(), row.id)? >= limit {
        return Err(StoreError::TooManyMailboxes { account: account.clone(), limit });
    }
    if let Some(special_use) = special_use
        && read::has_special_use(turn.index(), row.id, special_use)?
    {
        return Err(StoreError::SpecialUseTaken { account: account.clone(), special_use });
    }
    let id = MailboxId(read::next_id(turn.index())?);
    let uid_validity = next_uid_validity(row.last_uid_validity)?;
    let mailbox = NewMailbox { id, name: name.clone(), special_use, uid_validity };
    turn.record(&Event::MailboxCreated { account: row.id, mailbox }, &[])?;
    Ok(id)
}

fn rename(
    turn: &mut Turn<'_>,
    account: &AccountName,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<(), StoreError> {
    let first = the_mailbox(turn, account, from)?;
    if to.is_below(from) {
        return Err(StoreError::IntoItself(from.clone()));
    }
    must_be_free(turn, first.account, account, to)?;
    let mut names = vec![(first.info.id, to.clone())];
    for row in read::mailboxes(turn.index(), first.account)? {
        if row.info.name.is_below(from) {
            let name = row.info.name.moved(from, to)?;
            must_be_free(turn, first.account, account, &name)?;
            names.push((row.info.id, name));
        }
    }
    turn.record(&Event::MailboxesRenamed { names }, &[])
}

fn rename_inbox(
    turn: &mut Turn<'_>,
    account: &AccountName,
    to: &MailboxName,
    limit: u64,
) -> Result<(), StoreError> {
    let inbox = the_mailbox(turn, account, &MailboxName::inbox())?.info;
    let uids = read::uids(turn.index(), inbox.id, &UidSet::all())?;
    let from_modseq = inbox.state.highest_modseq.next().ok_or(StoreError::NoMoreUids)?;
    let last = u32::try_from(uids.len()).ok().and_then(Uid::new);
    let to = create(turn, account, to, None, limit)?;
    let Some(last) = last else { return Ok(()) };
    let mut to_uids = UidSet::new();
    to_uids.insert_run(Uid::MIN, last);
    let modseq = ModSeq::FIRST.next().ok_or(StoreError::NoMoreUids)?;
    let transfer = Transfer { from: inbox.id, to, uids, to_uids, modseq };
    turn.record(&Event::Moved { transfer, from_modseq }, &[])
}
