//! Mailboxes on one volume: a journal that is the truth, an index that is derived from it, and the store that serves both.
//!
//! # How it keeps mail
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`store`] | changes, durable when they return; reads beside them | [`Store::open`] |
//! | [`journal`] | records in segments: appended, synced together, read back, never guessed | [`journal::opening::open`] |
//! | [`event`] | what a record says, and its octets | [`event::Event`] |
//! | [`index`] | SQLite, changed by events alone; learns what it does not know | [`index::apply::apply`], [`index::read`] |
//! | [`compaction`] | segments without the octets of messages that are gone | [`Store::compact`] |
//! | [`check`] | whether a volume is whole; the index made anew | [`check::check`], [`check::repair`] |
//! | [`maildir`] | out to Maildir and in from it | [`maildir::export`], [`maildir::import`] |
//! | [`delivery_key`] | what makes two deliveries the same | [`DeliveryKey::of`] |
//! | [`imap`] | mailboxes by IMAP4rev1 | [`imap::Server`] |
//! | [`lmtp`] | mail that comes by LMTP: trace fields, quota, one answer for each recipient | [`lmtp::Inbound`] |
//! | [`login`] | whose mailbox is here, and who may read it | [`login::Accounts`] |
//! | [`pop3`] | an INBOX by POP3 | [`pop3::Server`] |
//! | [`daemon`] | `mailstore serve`: its file, its listeners, its end | [`daemon::run`] |
//! | [`disk`] | what the journal needs of a file system | [`disk::Disk`] |
//!
//! # Words
//!
//! | module | what it says |
//! | --- | --- |
//! | [`number`] | UIDs, UIDVALIDITY, MODSEQ, and sets of UIDs that stay small |
//! | [`flags`] | flags and keywords of a message, and changes of them |
//! | [`name`] | names of accounts and mailboxes |
//! | [`message`] | what is delivered or appended, and what is known of a message that is kept |
//! | [`mailbox`] | what is known of a mailbox |
//! | [`error`] | why something was not done, and whether to try again |
//!

pub mod check;
pub mod compaction;
pub mod daemon;
pub mod delivery_key;
pub mod disk;
pub mod error;
pub mod event;
pub mod flags;
mod header_field;
pub mod imap;
pub mod index;
pub mod journal;
pub mod lmtp;
pub mod login;
pub mod mailbox;
pub mod maildir;
pub mod message;
pub mod name;
pub mod number;
pub mod pop3;
pub mod store;

pub use error::StoreError;
pub use flags::{FlagChange, Flags, Keyword};
pub use mailbox::{MailboxId, MailboxInfo, MailboxState, SpecialUse};
pub use message::{Copied, Delivered, Delivery, DeliveryKey, Flagged, MessageInfo, News};
pub use name::{AccountName, MailboxName};
pub use number::{ModSeq, Places, Uid, UidSet, UidValidity};
pub use store::{Access, Config, Counts, MailboxView, Quota, Store};
