//! IMAP4rev1 as it is spoken (RFC 3501), for a server: commands in, responses out, no mailbox and no socket.
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`reader`] | takes commands with their literals from the octets that come in, bounded | [`reader::Reader::pull`] |
//! | [`command`] | what a command means | [`command::parse`] |
//! | [`set`] | sequence sets: `1:3,7:*` | [`set::Set::resolve`], [`set::compact`] |
//! | [`name`] | names of mailboxes in modified UTF-7 | [`name::decode`], [`name::encode`] |
//! | [`pattern`] | `*` and `%` of LIST | [`pattern::matches`] |
//! | [`capability`] | what a server says it can do, and when | [`capability::list`] |
//! | [`response`] | writes responses; whatever is put into one, it stays one | [`response::Writer`] |
//!
//! Spoken besides IMAP4rev1: LITERAL+ (RFC 7888), SASL-IR (4959), ID (2971), ENABLE (5161), IDLE (2177), NAMESPACE (2342), UNSELECT
//! (3691), UIDPLUS (4315), MOVE (6851), CONDSTORE (7162), SPECIAL-USE and CREATE-SPECIAL-USE (6154), LIST-EXTENDED (5258), LIST-STATUS
//! (5819), CHILDREN (3348), ESEARCH (4731), SORT (5256), QUOTA (9208), STATUS=SIZE (8438), APPENDLIMIT (7889).
//!
//! The grammar of IMAP4rev1 is imap-codec's, without the quirks that are its default: one of them takes a time that grows with the
//! square of a sequence set. What it does not have (ESEARCH, LIST-EXTENDED, CREATE-SPECIAL-USE) is read here. Its types end in
//! [`command`]: what a command holds are plain values, decoded, in bounds.

pub mod capability;
pub mod command;
pub mod name;
pub mod pattern;
pub mod reader;
pub mod response;
pub mod set;

pub use command::{Command, Tag};
pub use set::Set;
