//! Messages that come, and their flags.

use super::{ApplyError, Location, one_row};
use crate::event::Added;
use crate::flags::Flags;
use crate::index::rows;
use crate::mailbox::MailboxId;
use crate::number::{ModSeq, Uid, UidSet};
use rusqlite::{Connection, OptionalExtension};

/// How long the repeat of a delivery is known.
pub const DELIVERY_SECONDS: i64 = 7 * 24 * 60 * 60;
/// Keys of old deliveries go with every so many records: which ones follows from the journal alone.
const FORGET_EVERY: u64 = 64;

pub fn add(index: &Connection, sequence: u64, added: &Added, location: Location) -> Result<(), ApplyError> {
    let unseen = u64::from(!added.flags.seen);
    let numbers = Growth { messages: 1, unseen, octets: added.octets };
    let (account, uid_validity) = grow(index, added.mailbox, added.uid, added.modseq, &numbers)?;
    let sql = "INSERT INTO contents (sequence, segment, offset, octets, checksum, uses) VALUES (?1, ?2, ?3, ?4, ?5, 1)";
    let row = (sequence, location.segment, location.offset, added.octets, added.checksum);
    index.prepare_cached(sql)?.execute(row)?;
    let has_content = location.offset.is_some();
    let sql = "UPDATE segments SET octets = octets + ?2, live_octets = live_octets + ?2 WHERE number = ?1";
    if has_content {
        index.prepare_cached(sql)?.execute((location.segment, added.octets))?;
    }
    insert(index, added.mailbox, added.uid, added.modseq, &Row::new(added, sequence))?;
    if let Some(key) = &added.key {
        let sql = "INSERT OR REPLACE INTO deliveries (account, key, received, uid_validity, uid) VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = (account, &key.0[..], added.received, uid_validity, added.uid.get());
        index.prepare_cached(sql)?.execute(row)?;
        if sequence.is_multiple_of(FORGET_EVERY) {
            let sql = "DELETE FROM deliveries WHERE received <= ?1";
            index.prepare_cached(sql)?.execute([added.received.saturating_sub(DELIVERY_SECONDS)])?;
        }
    }
    Ok(())
}

/// A message's row, but for where it is.
#[derive(Debug)]
pub struct Row {
    pub bits: u8,
    pub keywords: String,
    pub received: i64,
    pub octets: u64,
    pub content: u64,
}

/// What a mailbox and its account get more of.
#[derive(Debug, Default)]
pub struct Growth {
    pub messages: u64,
    pub unseen: u64,
    pub octets: u64,
}

impl Row {
    fn new(added: &Added, content: u64) -> Self {
        let keywords = rows::keywords(&added.flags);
        Self { bits: added.flags.bits(), keywords, received: added.received, octets: added.octets, content }
    }
}

/// Counts messages that come, up to UID `last`. Returns account and UIDVALIDITY.
pub fn grow(
    index: &Connection,
    mailbox: MailboxId,
    last: Uid,
    modseq: ModSeq,
    more: &Growth,
) -> Result<(u64, u32), ApplyError> {
    let sql = "UPDATE mailboxes SET uid_next = ?2, modseq = ?3, messages = messages + ?4, unseen = unseen + ?5, \
               octets = octets + ?6 WHERE id = ?1 RETURNING account, uid_validity";
    let uid_next = last.next().map(Uid::get);
    let row = (mailbox.0, uid_next, modseq.get(), more.messages, more.unseen, more.octets);
    let mut statement = index.prepare_cached(sql)?;
    let of = statement.query_row(row, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (account, uid_validity) = of.ok_or(ApplyError::NoMailbox(mailbox))?;
    let sql = "UPDATE accounts SET messages = messages + ?2, octets = octets + ?3 WHERE id = ?1";
    index.prepare_cached(sql)?.execute((account, more.messages, more.octets))?;
    Ok((account, uid_validity))
}

pub fn insert(
    index: &Connection,
    mailbox: MailboxId,
    uid: Uid,
    modseq: ModSeq,
    row: &Row,
) -> Result<(), ApplyError> {
    let sql = "INSERT INTO messages (mailbox, uid, modseq, flags, keywords, received, octets, content) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let Row { bits, keywords, received, octets, content } = row;
    let row = (mailbox.0, uid.get(), modseq.get(), bits, keywords, received, octets, content);
    index.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub fn change_flags(
    index: &Connection,
    mailbox: MailboxId,
    modseq: ModSeq,
    changes: &[(Flags, UidSet)],
) -> Result<(), ApplyError> {
    for (flags, uids) in changes {
        let keywords = rows::keywords(flags);
        let sql = "UPDATE messages SET modseq = ?4, flags = ?5, keywords = ?6 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
        let mut found = 0;
        let mut seen_before = 0;
        for (first, last) in uids.runs() {
            seen_before += count_seen(index, mailbox, first, last)?;
            let (first, last) = (first.get(), last.get());
            let row = (mailbox.0, first, last, modseq.get(), flags.bits(), &keywords);
            found += index.prepare_cached(sql)?.execute(row)? as u64;
        }
        if found != uids.len() {
            return Err(ApplyError::Messages { expected: uids.len(), found });
        }
        let seen_now = if flags.seen { found } else { 0 };
        let sql = "UPDATE mailboxes SET unseen = unseen + ?2 - ?3 WHERE id = ?1";
        index.prepare_cached(sql)?.execute((mailbox.0, seen_before, seen_now))?;
    }
    let sql = "UPDATE mailboxes SET modseq = ?2 WHERE id = ?1";
    one_row(index, sql, (mailbox.0, modseq.get()), || ApplyError::NoMailbox(mailbox))
}

fn count_seen(index: &Connection, mailbox: MailboxId, first: Uid, last: Uid) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND flags & 1";
    index.prepare_cached(sql)?.query_row((mailbox.0, first.get(), last.get()), |row| row.get(0))
}

/// One use less for the octets of a run of messages. What nobody uses any more is forgotten.
pub fn release(index: &Connection, mailbox: MailboxId, (first, last): (u32, u32)) -> Result<(), ApplyError> {
    let sql = "SELECT content FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
    let mut statement = index.prepare_cached(sql)?;
    let mut rows = statement.query((mailbox.0, first, last))?;
    while let Some(row) = rows.next()? {
        release_one(index, row.get(0)?)?;
    }
    Ok(())
}

fn release_one(index: &Connection, content: u64) -> Result<(), ApplyError> {
    let sql = "UPDATE contents SET uses = uses - 1 WHERE sequence = ?1 RETURNING uses, segment, octets, offset IS NOT NULL";
    let (uses, segment, octets, has_content): (u64, u64, u64, bool) = index
        .prepare_cached(sql)?
        .query_row([content], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    if uses == 0 {
        index.prepare_cached("DELETE FROM contents WHERE sequence = ?1")?.execute([content])?;
        let sql = "UPDATE segments SET live_octets = live_octets - ?2 WHERE number = ?1";
        if has_content {
            index.prepare_cached(sql)?.execute((segment, octets))?;
        }
    }
    Ok(())
}
