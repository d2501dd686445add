//! Questions to the index. Each reads a bounded part of it.

use super::rows::{self, AccountRow, MailboxRow};
use crate::error::StoreError;
use crate::event::AccountId;
use crate::flags::{Flags, Keyword};
use crate::mailbox::{MailboxId, SpecialUse};
use crate::message::{DeliveryKey, MessageInfo};
use crate::name::{AccountName, MailboxName};
use crate::number::{ModSeq, Uid, UidSet, UidValidity};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeSet;

/// Where a message's octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentPlace {
    pub segment: u64,
    pub generation: u32,
    pub offset: u64,
    pub octets: u64,
    pub checksum: u32,
}

pub fn account(index: &Connection, name: &AccountName) -> Result<Option<AccountRow>, StoreError> {
    let sql = "SELECT id, quota, octets, messages, last_uid_validity FROM accounts WHERE name = ?1";
    let row = index.prepare_cached(sql)?.query_row([name.as_str()], |row| {
        Ok(AccountRow {
            id: AccountId(row.get(0)?),
            limit: row.get(1)?,
            used: row.get(2)?,
            messages: row.get(3)?,
            last_uid_validity: row.get(4)?,
        })
    });
    Ok(row.optional()?)
}

pub fn account_name(index: &Connection, account: AccountId) -> Result<AccountName, StoreError> {
    let sql = "SELECT name FROM accounts WHERE id = ?1";
    let name: String = index.prepare_cached(sql)?.query_row([account.0], |row| row.get(0))?;
    Ok(AccountName::new(&name)?)
}

/// Names of all accounts, sorted.
pub fn accounts(index: &Connection) -> Result<Vec<AccountName>, StoreError> {
    let mut statement = index.prepare_cached("SELECT name FROM accounts ORDER BY name")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    names.iter().map(|name| Ok(AccountName::new(name)?)).collect()
}

pub fn mailbox(index: &Connection, id: MailboxId) -> Result<MailboxRow, StoreError> {
    let sql = format!("SELECT {} FROM mailboxes m WHERE m.id = ?1", rows::MAILBOX);
    let row = index.prepare_cached(&sql)?.query_row([id.0], rows::mailbox).optional()?;
    row.ok_or(StoreError::MailboxGone)
}

pub fn mailbox_named(
    index: &Connection,
    account: AccountId,
    name: &MailboxName,
) -> Result<Option<MailboxRow>, StoreError> {
    let sql = format!("SELECT {} FROM mailboxes m WHERE m.account = ?1 AND m.name = ?2", rows::MAILBOX);
    Ok(index.prepare_cached(&sql)?.query_row((account.0, name.as_str()), rows::mailbox).optional()?)
}

/// All of an account, by name.
pub fn mailboxes(index: &Connection, account: AccountId) -> Result<Vec<MailboxRow>, StoreError> {
    let sql = format!("SELECT {} FROM mailboxes m WHERE m.account = ?1 ORDER BY m.name", rows::MAILBOX);
    let mut statement = index.prepare_cached(&sql)?;
    Ok(statement.query_map([account.0], rows::mailbox)?.collect::<Result<_, _>>()?)
}

pub fn mailbox_count(index: &Connection, account: AccountId) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM mailboxes WHERE account = ?1";
    Ok(index.prepare_cached(sql)?.query_row([account.0], |row| row.get(0))?)
}

pub fn has_special_use(index: &Connection, account: AccountId, use_: SpecialUse) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM mailboxes WHERE account = ?1 AND special_use = ?2";
    Ok(index.prepare_cached(sql)?.exists((account.0, use_.as_str()))?)
}

pub fn subscriptions(index: &Connection, account: AccountId) -> Result<Vec<MailboxName>, StoreError> {
    let mut statement =
        index.prepare_cached("SELECT name FROM subscriptions WHERE account = ?1 ORDER BY name")?;
    let names =
        statement.query_map([account.0], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    names.iter().map(|name| Ok(MailboxName::new(name)?)).collect()
}

pub fn next_id(index: &Connection) -> Result<u64, StoreError> {
    Ok(index.prepare_cached("SELECT next_id FROM volume")?.query_row([], |row| row.get(0))?)
}

/// What became of a delivery with this key, received after `since`.
pub fn delivery(
    index: &Connection,
    account: AccountId,
    key: &DeliveryKey,
    since: i64,
) -> Result<Option<(UidValidity, Uid)>, StoreError> {
    let sql = "SELECT uid_validity, uid FROM deliveries WHERE account = ?1 AND key = ?2 AND received > ?3";
    let row = index.prepare_cached(sql)?.query_row((account.0, &key.0[..], since), |row| {
        Ok((UidValidity::new(row.get(0)?).unwrap_or(UidValidity::MIN), rows::uid(row, 1)?))
    });
    Ok(row.optional()?)
}

/// At most `limit` of the messages of a set that are there, by UID.
pub fn page(
    index: &Connection,
    mailbox: MailboxId,
    uids: &UidSet,
    limit: usize,
) -> Result<Vec<MessageInfo>, StoreError> {
    let columns = rows::MESSAGE;
    let sql = format!(
        "SELECT {columns} FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid LIMIT ?4"
    );
    let mut statement = index.prepare_cached(&sql)?;
    let mut messages = Vec::new();
    for (first, last) in uids.runs() {
        let left = (limit - messages.len()) as u64;
        if left == 0 {
            break;
        }
        for message in statement.query_map((mailbox.0, first.get(), last.get(), left), rows::message)? {
            messages.push(message?);
        }
    }
    Ok(messages)
}

/// Those of a set that are there.
pub fn uids(index: &Connection, mailbox: MailboxId, within: &UidSet) -> Result<UidSet, StoreError> {
    select_uids(index, mailbox, within, "")
}

pub fn deleted_uids(index: &Connection, mailbox: MailboxId, within: &UidSet) -> Result<UidSet, StoreError> {
    debug_assert_eq!(Flags::deleted().bits(), 8);
    select_uids(index, mailbox, within, "AND flags & 8")
}

/// The first message without `\Seen`.
pub fn first_unseen(index: &Connection, mailbox: MailboxId) -> Result<Option<Uid>, StoreError> {
    let sql = "SELECT uid FROM messages WHERE mailbox = ?1 AND NOT flags & 1 ORDER BY uid LIMIT 1";
    Ok(index.prepare_cached(sql)?.query_row([mailbox.0], |row| rows::uid(row, 0)).optional()?)
}

/// What stands together in the keywords of messages: at most `limit` of such rows.
pub fn keywords(
    index: &Connection,
    mailbox: MailboxId,
    limit: usize,
) -> Result<BTreeSet<Keyword>, StoreError> {
    let sql = "SELECT DISTINCT keywords FROM messages WHERE mailbox = ?1 AND keywords <> '' LIMIT ?2";
    let mut statement = index.prepare_cached(sql)?;
    let rows = statement.query_map((mailbox.0, limit as u64), |row| row.get::<_, String>(0))?;
    let mut keywords = BTreeSet::new();
    for row in rows {
        keywords.extend(row?.split_ascii_whitespace().filter_map(|word| Keyword::new(word).ok()));
    }
    Ok(keywords)
}

fn select_uids(
    index: &Connection,
    mailbox: MailboxId,
    within: &UidSet,
    condition: &str,
) -> Result<UidSet, StoreError> {
    let sql = format!(
        "SELECT uid FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 {condition} ORDER BY uid"
    );
    let mut statement = index.prepare_cached(&sql)?;
    let mut uids = UidSet::new();
    for (first, last) in within.runs() {
        for uid in statement.query_map((mailbox.0, first.get(), last.get()), |row| rows::uid(row, 0))? {
            uids.insert(uid?);
        }
    }
    Ok(uids)
}

/// Octets of the messages of a set.
pub fn octets(index: &Connection, mailbox: MailboxId, uids: &UidSet) -> Result<u64, StoreError> {
    let sql = "SELECT total(octets) FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
    let mut statement = index.prepare_cached(sql)?;
    let mut sum = 0;
    for (first, last) in uids.runs() {
        let octets: f64 = statement.query_row((mailbox.0, first.get(), last.get()), |row| row.get(0))?;
        sum += octets as u64;
    }
    Ok(sum)
}

/// Messages that came or changed after a moment, and are there.
pub fn changed(index: &Connection, mailbox: MailboxId, since: ModSeq) -> Result<UidSet, StoreError> {
    let sql = "SELECT uid FROM messages WHERE mailbox = ?1 AND modseq > ?2";
    let mut statement = index.prepare_cached(sql)?;
    let mut uids = UidSet::new();
    for uid in statement.query_map((mailbox.0, since.get()), |row| rows::uid(row, 0))? {
        uids.insert(uid?);
    }
    Ok(uids)
}

/// Messages that vanished after a moment.
pub fn vanished(index: &Connection, mailbox: MailboxId, since: ModSeq) -> Result<UidSet, StoreError> {
    let sql = "SELECT first_uid, last_uid FROM vanished WHERE mailbox = ?1 AND modseq > ?2";
    let mut statement = index.prepare_cached(sql)?;
    let mut uids = UidSet::new();
    for run in
        statement.query_map((mailbox.0, since.get()), |row| Ok((rows::uid(row, 0)?, rows::uid(row, 1)?)))?
    {
        let (first, last) = run?;
        uids.insert_run(first, last);
    }
    Ok(uids)
}

pub fn content(index: &Connection, mailbox: MailboxId, uid: Uid) -> Result<ContentPlace, StoreError> {
    let sql = "SELECT c.segment, s.generation, c.offset, c.octets, c.checksum FROM messages m \
               JOIN contents c ON c.sequence = m.content JOIN segments s ON s.number = c.segment \
               WHERE m.mailbox = ?1 AND m.uid = ?2";
    let row = index.prepare_cached(sql)?.query_row((mailbox.0, uid.get()), |row| {
        Ok(ContentPlace {
            segment: row.get(0)?,
            generation: row.get(1)?,
            offset: row.get(2)?,
            octets: row.get(3)?,
            checksum: row.get(4)?,
        })
    });
    row.optional()?.ok_or(StoreError::NoMessage(uid))
}
