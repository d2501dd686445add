//! Whether a message is as a key says, from what is known of it: yes, no, or not known yet. Pure.
//!
//! What is known comes in three steps: what the index has, the header, and all of it. A step that says yes or no saves those behind it.

use crate::imap::flag_words;
use crate::message::MessageInfo;
use crate::number::Uid;
use mail::imap::command::Flag;
use mail::imap::command::search::{Key, When};
use mail::imap::set::Ranges;
use mail::mime::Part;
use mail::mime::text::{self, Needle};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A key, ready to be asked for many messages.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Always(bool),
    Numbers(Ranges),
    Uids(Ranges),
    Flag { flag: Flag, is_set: bool },
    Recent(bool),
    Larger(u64),
    Smaller(u64),
    Received(When, i64),
    ModSeq(u64),
    Field { name: Vec<u8>, needle: Needle },
    Sent(When, i64),
    Body(Needle),
    Text(Needle),
    Not(Box<Condition>),
    Any(Vec<Condition>),
    All(Vec<Condition>),
}

/// What `*` means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mailbox {
    pub(super) last_uid: Option<Uid>,
    pub(super) exists: u32,
}

/// What is known of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) message: &'a MessageInfo,
    pub(super) place: u32,
    pub(super) is_recent: bool,
    pub(super) header: Option<&'a [u8]>,
    pub(super) whole: Option<(&'a Part, &'a [u8])>,
}

impl Condition {
    /// As deep as the parser lets keys be in each other.
    pub(super) fn of(key: &Key, mailbox: Mailbox) -> Self {
        let inner = |key: &Key| Self::of(key, mailbox);
        match key {
            Key::All => Self::Always(true),
            Key::Numbers(set) => Self::Numbers(set.resolve((mailbox.exists > 0).then_some(mailbox.exists))),
            Key::Uids(set) => Self::Uids(set.resolve(mailbox.last_uid.map(Uid::get))),
            Key::Flag { flag, is_set } => Self::Flag { flag: flag.clone(), is_set: *is_set },
            Key::New => Self::All(vec![Self::Recent(true), Self::Flag { flag: Flag::Seen, is_set: false }]),
            Key::Old => Self::Recent(false),
            Key::Recent => Self::Recent(true),
            Key::Larger(octets) => Self::Larger(u64::from(*octets)),
            Key::Smaller(octets) => Self::Smaller(u64::from(*octets)),
            Key::Received(when, day) => Self::Received(*when, *day),
            Key::ModSeq(modseq) => Self::ModSeq(*modseq),
            Key::Header { name, text } => Self::Field { name: name.clone(), needle: Needle::new(text) },
            Key::Sent(when, day) => Self::Sent(*when, *day),
            Key::Body(text) if text.is_empty() => Self::Always(true),
            Key::Text(text) if text.is_empty() => Self::Always(true),
            Key::Body(text) => Self::Body(Needle::new(text)),
            Key::Text(text) => Self::Text(Needle::new(text)),
            Key::Not(one) => Self::Not(Box::new(inner(one))),
            Key::Or(one, other) => Self::Any(vec![inner(one), inner(other)]),
            Key::And(all) => Self::All(all.iter().map(inner).collect()),
        }
    }

    /// Conditions that must all hold.
    pub(super) fn parts(&self) -> &[Condition] {
        match self {
            Self::All(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }

    /// None: that is not known yet. When all is known, there is an answer.
    pub(super) fn holds(&self, known: &Known<'_>) -> Option<bool> {
        let message = known.message;
        Some(match self {
            Self::Always(holds) => *holds,
            Self::Numbers(numbers) => numbers.contains(known.place),
            Self::Uids(uids) => uids.contains(message.uid.get()),
            Self::Flag { flag, is_set } => flag_words::has(&message.flags, flag) == *is_set,
            Self::Recent(is_recent) => known.is_recent == *is_recent,
            Self::Larger(octets) => message.size > *octets,
            Self::Smaller(octets) => message.size < *octets,
            Self::Received(when, day) => {
                is_when(*when, message.received.as_second().div_euclid(DAY_SECONDS), *day)
            }
            Self::ModSeq(modseq) => message.modseq.get() >= *modseq,
            Self::Field { name, needle } => needle.is_in_field(known.header?, name),
            // A message that does not say when it was sent was sent at no time.
            Self::Sent(when, day) => {
                text::sent(known.header?).is_some_and(|sent| is_when(*when, sent.day, *day))
            }
            Self::Body(needle) => {
                let (root, whole) = known.whole?;
                needle.is_in(root, whole)
            }
            Self::Text(needle) if needle.is_in_header(known.header?) => true,
            Self::Text(needle) => {
                let (root, whole) = known.whole?;
                needle.is_in(root, whole)
            }
            Self::Not(one) => !one.holds(known)?,
            Self::Any(all) => return decided(all, known, true),
            Self::All(all) => return decided(all, known, false),
        })
    }
}

/// One that says `by` decides for all; all of them decide the other way.
fn decided(all: &[Condition], known: &Known<'_>, by: bool) -> Option<bool> {
    let mut is_open = false;
    for one in all {
        match one.holds(known) {
            Some(holds) if holds == by => return Some(by),
            Some(_) => {}
            None => is_open = true,
        }
    }
    (!is_open).then_some(!by)
}

fn is_when(when: When, day: i64, wanted: i64) -> bool {
    match when {
        When::Before => day < wanted,
        When::On => day == wanted,
        When::Since => day >= wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;
    use crate::number::ModSeq;
    use bytes::Bytes;
    use jiff::Timestamp;
    use mail::imap::command::{Body, parse};

    const MESSAGE: &[u8] = b"From: Ann <ann@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
        Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\nHello world\r\n";

    fn condition(keys: &str) -> Condition {
        let command = parse(&Bytes::from(format!("a SEARCH CHARSET UTF-8 {keys}\r\n"))).unwrap();
        let Body::Search(search) = command.body else { panic!("{command:?}") };
        Condition::of(&search.key, Mailbox { last_uid: Uid::new(90), exists: 9 })
    }

    /// What the index says, what the header adds to it, and what is so.
    fn answers(keys: &str) -> [Option<bool>; 3] {
        let message = MessageInfo {
            uid: Uid::new(70).unwrap(),
            modseq: ModSeq::new(7).unwrap(),
            flags: Flags::seen(),
            received: Timestamp::from_second(1_000_000_000).unwrap(),
            size: MESSAGE.len() as u64,
        };
        let root = Part::of(MESSAGE);
        let index = Known { message: &message, place: 7, is_recent: false, header: None, whole: None };
        let header = Known { header: Some(&MESSAGE[..root.header.end]), ..index };
        let all = Known { whole: Some((&root, MESSAGE)), ..header };
        [index, header, all].map(|known| condition(keys).holds(&known))
    }

    #[test]
    fn the_index_decides_what_it_can() {
        for (keys, expected) in [
            ("ALL", true),
            ("SEEN", true),
            ("UNSEEN", false),
            ("NEW", false),
            ("OLD", true),
            ("7", true),
            ("8:*", false),
            ("UID 70", true),
            ("UID 71:*", false),
            ("LARGER 10 SMALLER 10000", true),
            ("ON 9-Sep-2001", true),
            ("BEFORE 9-Sep-2001", false),
            ("SINCE 9-Sep-2001", true),
            ("MODSEQ 7", true),
            ("MODSEQ 8", false),
            ("KEYWORD x", false),
            ("UNKEYWORD x", true),
            // The cheap half decides.
            ("UNSEEN TEXT hello", false),
            ("TEXT hello UNSEEN", false),
            ("OR SEEN TEXT hello", true),
            ("NOT (UNSEEN BODY x)", true),
            ("BODY \"\"", true),
        ] {
            assert_eq!(answers(keys), [Some(expected); 3], "{keys}");
        }
    }

    #[test]
    fn the_header_decides_what_is_in_it() {
        for (keys, expected) in [
            ("SUBJECT {6+}\r\ngr\u{fc}\u{df}", true),
            ("FROM EXAMPLE", true),
            ("TO ann", false),
            ("HEADER date \"\"", true),
            ("SENTON 7-Feb-1994", true),
            ("SENTSINCE 8-Feb-1994", false),
            ("TEXT ann", true),
            ("OR FROM ann BODY hello", true),
            ("FROM bob BODY hello", false),
        ] {
            assert_eq!(answers(keys), [None, Some(expected), Some(expected)], "{keys}");
        }
    }

    #[test]
    fn all_of_it_decides_the_rest() {
        for (keys, expected) in [
            ("BODY \"HELLO WORLD\"", true),
            ("BODY ann", false),
            ("TEXT nobody", false),
            ("NOT BODY x", true),
        ] {
            assert_eq!(answers(keys), [None, None, Some(expected)], "{keys}");
        }
    }
}
