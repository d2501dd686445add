//! SEARCH and SORT (RFC 3501, section 6.4.4; RFC 4731; RFC 5256; RFC 7162, section 3.1.5).
//!
//! imap-codec lets keys be nine deep in each other, so that what walks them may call itself.

use super::cursor::Cursor;
use super::error::CommandError;
use super::standard::{by, decoded, set};
use super::types::{Body, By, Flag};
use crate::imap::set::Set;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::core::{AString, Charset};
use imap_codec::imap_types::datetime::NaiveDate;
use imap_codec::imap_types::extensions::sort::{SortCriterion, SortKey};
use imap_codec::imap_types::search::SearchKey;

/// Of one search, those inside of others included: each costs something for every message.
pub const KEYS_MAX: usize = 256;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// SEARCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub by: By,
    pub key: Key,
    /// Nothing: the answer is that of RFC 3501.
    pub returns: Option<Returns>,
}

/// What of the result is told (RFC 4731, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returns {
    pub min: bool,
    pub max: bool,
    pub all: bool,
    pub count: bool,
}

/// SORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub by: By,
    pub key: Key,
    /// By each of them, where those before say the same; backwards where it is true.
    pub order: Vec<(Order, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Arrival,
    Cc,
    Date,
    From,
    Size,
    Subject,
    To,
}

/// What a message must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    All,
    Numbers(Set),
    Uids(Set),
    Flag {
        flag: Flag,
        is_set: bool,
    },
    New,
    Old,
    Recent,
    /// In the value of a field. No text: the field is there.
    Header {
        name: Vec<u8>,
        text: String,
    },
    Body(String),
    Text(String),
    Larger(u32),
    Smaller(u32),
    /// INTERNALDATE, in days since 1970.
    Received(When, i64),
    /// The Date field.
    Sent(When, i64),
    /// Changed then or later.
    ModSeq(u64),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    And(Vec<Key>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    On,
    Since,
}

/// Of a whole command; `cursor` stands behind its verb.
pub(super) fn read(octets: &[u8], mut cursor: Cursor<'_>, expected: By) -> Result<Body, CommandError> {
    let returns = returns(&mut cursor)?;
    let stripped;
    let octets: &[u8] = match returns {
        None => octets,
        Some(_) => {
            let verb: &[u8] = if expected == By::Uid { b"a UID SEARCH" } else { b"a SEARCH" };
            stripped = [verb, cursor.rest()].concat();
            &stripped
        }
    };
    let CommandBody::Search { charset, criteria, uid } = decoded(octets)? else {
        return Err(CommandError::Syntax);
    };
    charset.as_ref().map_or(Ok(()), known)?;
    let key = keys(criteria.as_ref())?;
    Ok(Body::Search(Search { by: by(uid), key, returns }))
}

fn returns(cursor: &mut Cursor<'_>) -> Result<Option<Returns>, CommandError> {
    if cursor.words(&["RETURN"]).is_none() {
        return Ok(None);
    }
    let mut returns = Returns::default();
    cursor.space().ok_or(CommandError::Syntax)?;
    for word in cursor.list(Cursor::atom).ok_or(CommandError::Syntax)? {
        match word.as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            _ => return Err(CommandError::NotOffered),
        }
    }
    if returns == Returns::default() {
        returns.all = true;
    }
    Ok(Some(returns))
}

pub(super) fn sort(
    order: &[SortCriterion],
    charset: &Charset<'_>,
    wanted: &[SearchKey<'_>],
    by: By,
) -> Result<Sort, CommandError> {
    known(charset)?;
    let mut criteria = Vec::new();
    for SortCriterion { reverse, key } in order {
        let order = match key {
            SortKey::Arrival => Order::Arrival,
            SortKey::Cc => Order::Cc,
            SortKey::Date => Order::Date,
            SortKey::From => Order::From,
            SortKey::Size => Order::Size,
            SortKey::Subject => Order::Subject,
            SortKey::To => Order::To,
            // RFC 5957 is not offered.
            SortKey::DisplayFrom | SortKey::DisplayTo => return Err(CommandError::NotOffered),
        };
        // Said again it changes nothing.
        if !criteria.iter().any(|(known, _)| *known == order) {
            criteria.push((order, *reverse));
        }
    }
    Ok(Sort { by, key: keys(wanted)?, order: criteria })
}

fn known(charset: &Charset<'_>) -> Result<(), CommandError> {
    let is_known = ["UTF-8", "US-ASCII"].iter().any(|known| charset.as_ref().eq_ignore_ascii_case(known));
    if is_known { Ok(()) } else { Err(CommandError::Charset) }
}

fn keys(wire: &[SearchKey<'_>]) -> Result<Key, CommandError> {
    let mut left = KEYS_MAX;
    all(wire, &mut left)
}

fn all(wire: &[SearchKey<'_>], left: &mut usize) -> Result<Key, CommandError> {
    let mut all = wire.iter().map(|one| key(one, left)).collect::<Result<Vec<_>, _>>()?;
    Ok(if all.len() == 1 { all.remove(0) } else { Key::And(all) })
}

fn key(wire: &SearchKey<'_>, left: &mut usize) -> Result<Key, CommandError> {
    *left = left.checked_sub(1).ok_or(CommandError::TooManyKeys)?;
    Ok(match wire {
        SearchKey::And(keys) => all(keys.as_ref(), left)?,
        SearchKey::Not(one) => Key::Not(Box::new(key(one, left)?)),
        SearchKey::Or(one, other) => Key::Or(Box::new(key(one, left)?), Box::new(key(other, left)?)),
        SearchKey::All => Key::All,
        SearchKey::SequenceSet(numbers) => Key::Numbers(set(numbers)),
        SearchKey::Uid(uids) => Key::Uids(set(uids)),
        SearchKey::New => Key::New,
        SearchKey::Old => Key::Old,
        SearchKey::Recent => Key::Recent,
        SearchKey::Larger(octets) => Key::Larger(*octets),
        SearchKey::Smaller(octets) => Key::Smaller(*octets),
        SearchKey::ModSequence { modseq, .. } => Key::ModSeq(*modseq),
        SearchKey::Body(text) => Key::Body(string(text)?),
        SearchKey::Text(text) => Key::Text(string(text)?),
        SearchKey::Header(name, text) => Key::Header { name: name.as_ref().to_vec(), text: string(text)? },
        SearchKey::Bcc(text) => field("bcc", text)?,
        SearchKey::Cc(text) => field("cc", text)?,
        SearchKey::From(text) => field("from", text)?,
        SearchKey::Subject(text) => field("subject", text)?,
        SearchKey::To(text) => field("to", text)?,
        SearchKey::Before(date) => Key::Received(When::Before, day(date)),
        SearchKey::On(date) => Key::Received(When::On, day(date)),
        SearchKey::Since(date) => Key::Received(When::Since, day(date)),
        SearchKey::SentBefore(date) => Key::Sent(When::Before, day(date)),
        SearchKey::SentOn(date) => Key::Sent(When::On, day(date)),
        SearchKey::SentSince(date) => Key::Sent(When::Since, day(date)),
        flag => return flag_key(flag),
    })
}

fn flag_key(wire: &SearchKey<'_>) -> Result<Key, CommandError> {
    let (flag, is_set) = match wire {
        SearchKey::Answered => (Flag::Answered, true),
        SearchKey::Deleted => (Flag::Deleted, true),
        SearchKey::Draft => (Flag::Draft, true),
        SearchKey::Flagged => (Flag::Flagged, true),
        SearchKey::Seen => (Flag::Seen, true),
        SearchKey::Keyword(word) => (Flag::Keyword(word.as_ref().to_owned()), true),
        SearchKey::Unanswered => (Flag::Answered, false),
        SearchKey::Undeleted => (Flag::Deleted, false),
        SearchKey::Undraft => (Flag::Draft, false),
        SearchKey::Unflagged => (Flag::Flagged, false),
        SearchKey::Unseen => (Flag::Seen, false),
        SearchKey::Unkeyword(word) => (Flag::Keyword(word.as_ref().to_owned()), false),
        _ => return Err(CommandError::NotOffered),
    };
    Ok(Key::Flag { flag, is_set })
}

fn field(name: &str, text: &AString<'_>) -> Result<Key, CommandError> {
    Ok(Key::Header { name: name.as_bytes().to_vec(), text: string(text)? })
}

fn string(text: &AString<'_>) -> Result<String, CommandError> {
    std::str::from_utf8(text.as_ref()).map(str::to_owned).map_err(|_| CommandError::NotInCharset)
}

fn day(date: &NaiveDate) -> i64 {
    let midnight = date.as_ref().and_time(Default::default());
    midnight.and_utc().timestamp().div_euclid(DAY_SECONDS)
}
