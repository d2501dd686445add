//! COPY, MOVE and EXPUNGE.

use super::accounts::check_quota;
use super::{Store, Turn};
use crate::error::StoreError;
use crate::event::{Event, Transfer};
use crate::index::read;
use crate::index::rows::MailboxRow;
use crate::mailbox::MailboxId;
use crate::message::Copied;
use crate::number::{ModSeq, Uid, UidSet};

impl Store {
    /// Copies all of those messages of a set that are there, or none of them. Copies share the octets.
    pub async fn copy(&self, from: MailboxId, uids: UidSet, to: MailboxId) -> Result<Copied, StoreError> {
        self.change(move |turn| transfer(turn, from, &uids, to, false)).await
    }

    /// A copy whose originals vanish, in one step (RFC 6851). It needs no room in the quota of its own account.
    pub async fn move_to(&self, from: MailboxId, uids: UidSet, to: MailboxId) -> Result<Copied, StoreError> {
        self.change(move |turn| transfer(turn, from, &uids, to, true)).await
    }

    /// Messages with `\Deleted`, of a set (UID EXPUNGE, RFC 4315) or all of them. Returns which are gone.
    pub async fn expunge(&self, mailbox: MailboxId, uids: Option<UidSet>) -> Result<UidSet, StoreError> {
        let within = uids.unwrap_or_else(UidSet::all);
        self.change(move |turn| {
            let uids = read::deleted_uids(turn.index(), mailbox, &within)?;
            remove(turn, mailbox, uids)
        })
        .await
    }

    /// Those messages of a set that are there, whatever their flags, in one step. Returns which are gone by it.
    pub async fn remove(&self, mailbox: MailboxId, uids: UidSet) -> Result<UidSet, StoreError> {
        self.change(move |turn| {
            let uids = read::uids(turn.index(), mailbox, &uids)?;
            remove(turn, mailbox, uids)
        })
        .await
    }
}

fn transfer(
    turn: &mut Turn<'_>,
    from: MailboxId,
    uids: &UidSet,
    to: MailboxId,
    is_move: bool,
) -> Result<Copied, StoreError> {
    let index = turn.index();
    let (source, target) = (read::mailbox(index, from)?, read::mailbox(index, to)?);
    let uids = read::uids(index, from, uids)?;
    let uid_validity = target.info.state.uid_validity;
    if uids.is_empty() {
        return Ok(Copied { uid_validity, from: uids, to: UidSet::new() });
    }
    if !is_move || source.account != target.account {
        let name = read::account_name(index, target.account)?;
        if let Some(row) = read::account(index, &name)? {
            check_quota(&name, &row, read::octets(index, from, &uids)?)?;
        }
    }
    let to_uids = next_uids(&target, uids.len())?;
    let modseq = next(target.info.state.highest_modseq)?;
    let before = if from == to { modseq } else { source.info.state.highest_modseq };
    let copied = Copied { uid_validity, from: uids.clone(), to: to_uids.clone() };
    let transfer = Transfer { from, to, uids, to_uids, modseq };
    let event = match is_move {
        true => Event::Moved { transfer, from_modseq: next(before)? },
        false => Event::Copied(transfer),
    };
    turn.record(&event, &[])?;
    Ok(copied)
}

fn next(modseq: ModSeq) -> Result<ModSeq, StoreError> {
    modseq.next().ok_or(StoreError::NoMoreUids)
}

/// The UIDs that so many new messages get.
fn next_uids(mailbox: &MailboxRow, count: u64) -> Result<UidSet, StoreError> {
    let first = mailbox.info.state.uid_next.ok_or(StoreError::NoMoreUids)?;
    let last =
        u32::try_from(count).ok().and_then(|count| first.get().checked_add(count - 1)).and_then(Uid::new);
    let mut uids = UidSet::new();
    uids.insert_run(first, last.ok_or(StoreError::NoMoreUids)?);
    Ok(uids)
}

/// Messages that are there.
fn remove(turn: &mut Turn<'_>, mailbox: MailboxId, uids: UidSet) -> Result<UidSet, StoreError> {
    let state = read::mailbox(turn.index(), mailbox)?.info.state;
    if !uids.is_empty() {
        let modseq = next(state.highest_modseq)?;
        turn.record(&Event::Expunged { mailbox, modseq, uids: uids.clone() }, &[])?;
    }
    Ok(uids)
}
