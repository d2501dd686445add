//! Messages that are copied, moved or expunged.

use super::messages::{self, Growth, Row};
use super::{ApplyError, one_row};
use crate::event::Transfer;
use crate::mailbox::MailboxId;
use crate::number::{ModSeq, Uid, UidSet};
use rusqlite::{Connection, params};

/// Messages that are in memory at once.
const PAGE: usize = 500;

pub fn copy(index: &Connection, transfer: &Transfer) -> Result<(), ApplyError> {
    let mut to = transfer.to_uids.iter();
    let mut growth = Growth::default();
    for (first, last) in transfer.uids.runs() {
        let mut next = Some(first);
        while let Some(first) = next {
            let page = page(index, transfer.from, first, last)?;
            next = page.last().filter(|_| page.len() == PAGE).and_then(|(uid, _)| uid.next());
            for (_, row) in &page {
                let Some(uid) = to.next() else { break };
                messages::insert(index, transfer.to, uid, transfer.modseq, row)?;
                index
                    .prepare_cached("UPDATE contents SET uses = uses + 1 WHERE sequence = ?1")?
                    .execute([row.content])?;
                growth.messages += 1;
                growth.unseen += u64::from(row.bits & 1 == 0);
                growth.octets += row.octets;
            }
        }
    }
    let (expected, found) = (transfer.uids.len(), growth.messages);
    match transfer.to_uids.last() {
        Some(last) if expected == found => {
            messages::grow(index, transfer.to, last, transfer.modseq, &growth).map(|_| ())
        }
        _ => Err(ApplyError::Messages { expected, found }),
    }
}

fn page(index: &Connection, mailbox: MailboxId, first: Uid, last: Uid) -> rusqlite::Result<Vec<(Uid, Row)>> {
    let sql = "SELECT uid, flags, keywords, received, octets, content FROM messages \
               WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid LIMIT ?4";
    let mut statement = index.prepare_cached(sql)?;
    let rows = statement.query_map((mailbox.0, first.get(), last.get(), PAGE as u64), |row| {
        let [bits, received] = [row.get::<_, i64>(1)?, row.get(3)?];
        let (keywords, octets, content) = (row.get(2)?, row.get(4)?, row.get(5)?);
        let row_of = Row { bits: bits as u8, keywords, received, octets, content };
        Ok((crate::index::rows::uid(row, 0)?, row_of))
    })?;
    rows.collect()
}

pub fn expunge(
    index: &Connection,
    mailbox: MailboxId,
    modseq: ModSeq,
    uids: &UidSet,
) -> Result<(), ApplyError> {
    let mut gone = Growth::default();
    for (first, last) in uids.runs() {
        let (first, last) = (first.get(), last.get());
        let run = count(index, mailbox, first, last)?;
        gone.messages += run.messages;
        gone.unseen += run.unseen;
        gone.octets += run.octets;
        messages::release(index, mailbox, (first, last))?;
        let sql = "DELETE FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
        index.prepare_cached(sql)?.execute((mailbox.0, first, last))?;
        let sql = "INSERT INTO vanished (mailbox, modseq, first_uid, last_uid) VALUES (?1, ?2, ?3, ?4)";
        index.prepare_cached(sql)?.execute((mailbox.0, modseq.get(), first, last))?;
    }
    let (expected, found) = (uids.len(), gone.messages);
    if expected != found {
        return Err(ApplyError::Messages { expected, found });
    }
    let sql = "UPDATE accounts SET messages = messages - ?2, octets = octets - ?3 \
               WHERE id = (SELECT account FROM mailboxes WHERE id = ?1)";
    index.prepare_cached(sql)?.execute((mailbox.0, gone.messages, gone.octets))?;
    let sql = "UPDATE mailboxes SET modseq = ?2, messages = messages - ?3, unseen = unseen - ?4, octets = octets - ?5 \
               WHERE id = ?1";
    let row = params![mailbox.0, modseq.get(), gone.messages, gone.unseen, gone.octets];
    one_row(index, sql, row, || ApplyError::NoMailbox(mailbox))
}

fn count(index: &Connection, mailbox: MailboxId, first: u32, last: u32) -> rusqlite::Result<Growth> {
    let sql = "SELECT count(*), coalesce(sum(flags & 1 = 0), 0), coalesce(sum(octets), 0) FROM messages \
               WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
    index.prepare_cached(sql)?.query_row((mailbox.0, first, last), |row| {
        Ok(Growth { messages: row.get(0)?, unseen: row.get(1)?, octets: row.get(2)? })
    })
}
