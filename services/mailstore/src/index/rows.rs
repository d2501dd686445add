//! Between rows and words.

use crate::event::AccountId;
use crate::flags::{Flags, Keyword};
use crate::mailbox::{MailboxId, MailboxInfo, MailboxState};
use crate::message::MessageInfo;
use crate::name::MailboxName;
use crate::number::{ModSeq, Uid, UidValidity};
use jiff::Timestamp;
use rusqlite::{Result, Row, types::Type};

/// What [`mailbox`] reads, in this order.
pub const MAILBOX: &str = "m.id, m.account, m.name, m.special_use, m.uid_validity, m.uid_next, m.modseq, m.messages, m.unseen, \
     m.octets, EXISTS (SELECT 1 FROM subscriptions s WHERE s.account = m.account AND s.name = m.name)";
/// What [`message`] reads, in this order.
pub const MESSAGE: &str = "uid, modseq, flags, keywords, received, octets";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub id: AccountId,
    pub limit: Option<u64>,
    pub used: u64,
    pub messages: u64,
    pub last_uid_validity: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRow {
    pub account: AccountId,
    /// Nobody knows here what is recent: 0.
    pub info: MailboxInfo,
}

pub fn mailbox(row: &Row<'_>) -> Result<MailboxRow> {
    let special_use: Option<String> = row.get(3)?;
    let state = MailboxState {
        uid_validity: UidValidity::new(row.get(4)?).ok_or_else(|| wrong(4))?,
        uid_next: row.get::<_, Option<u32>>(5)?.and_then(Uid::new),
        highest_modseq: modseq(row, 6)?,
        exists: row.get(7)?,
        unseen: row.get(8)?,
        recent: 0,
        size: row.get(9)?,
    };
    let info = MailboxInfo {
        id: MailboxId(row.get(0)?),
        name: MailboxName::new(row.get_ref(2)?.as_str()?).map_err(|_| wrong(2))?,
        special_use: special_use.and_then(|text| text.parse().ok()),
        subscribed: row.get(10)?,
        state,
    };
    Ok(MailboxRow { account: AccountId(row.get(1)?), info })
}

pub fn message(row: &Row<'_>) -> Result<MessageInfo> {
    Ok(MessageInfo {
        uid: uid(row, 0)?,
        modseq: modseq(row, 1)?,
        flags: flags(row, 2, 3)?,
        received: Timestamp::from_second(row.get(4)?).unwrap_or(Timestamp::UNIX_EPOCH),
        size: row.get(5)?,
    })
}

pub fn uid(row: &Row<'_>, column: usize) -> Result<Uid> {
    Uid::new(row.get(column)?).ok_or_else(|| wrong(column))
}

pub fn modseq(row: &Row<'_>, column: usize) -> Result<ModSeq> {
    ModSeq::new(row.get(column)?).ok_or_else(|| wrong(column))
}

pub fn flags(row: &Row<'_>, bits: usize, keywords: usize) -> Result<Flags> {
    let mut flags = Flags::from_bits(row.get(bits)?).ok_or_else(|| wrong(bits))?;
    for keyword in row.get_ref(keywords)?.as_str()?.split_ascii_whitespace() {
        flags.keywords.insert(Keyword::new(keyword).map_err(|_| wrong(keywords))?);
    }
    Ok(flags)
}

/// Keywords as they are kept: atoms have no spaces.
pub fn keywords(flags: &Flags) -> String {
    let keywords: Vec<_> = flags.keywords.iter().map(Keyword::as_str).collect();
    keywords.join(" ")
}

fn wrong(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, "not what was written".into())
}
