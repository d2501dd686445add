//! Mailboxes on one volume: a journal that is the truth, an index that is derived from it, and the store that serves both.
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
//! # `Store`, which comes next
//!
//! Reads block for microseconds (SQLite, pages in memory) and are bounded; changes are durable when they return.
//!
//! ```text
//! Store::open(&Config { folder, .. }) -> Result<Store>                 cheap to clone
//! async create_account(&AccountName)                                    INBOX and the usual mailboxes, unless it is there
//! async deliver(Delivery) -> Result<Delivered>                          creates account and INBOX; no other mailbox
//! async append(Delivery) -> Result<Delivered>                           no duplicates are looked for
//! fn mailboxes(&AccountName) -> Result<Vec<MailboxInfo>>                sorted by name
//! fn mailbox(&AccountName, &MailboxName) -> Result<MailboxInfo>
//! fn subscriptions(&AccountName) -> Result<Vec<MailboxName>>            also of mailboxes that are gone
//! async create(&AccountName, &MailboxName, Option<SpecialUse>) -> Result<MailboxInfo>
//! async delete(&AccountName, &MailboxName) -> Result<()>
//! async rename(&AccountName, from: &MailboxName, to: &MailboxName) -> Result<()>
//! async subscribe(&AccountName, &MailboxName, bool) -> Result<()>
//! fn open_mailbox(&AccountName, &MailboxName, Access) -> Result<MailboxView>
//! async store_flags(MailboxId, UidSet, FlagChange, unchanged_since: Option<ModSeq>) -> Result<Flagged>
//! async copy(MailboxId, UidSet, to: MailboxId) -> Result<Copied>
//! async move_to(MailboxId, UidSet, to: MailboxId) -> Result<Copied>
//! async expunge(MailboxId, Option<UidSet>) -> Result<UidSet>            of messages with \Deleted
//! fn message(MailboxId, Uid, Range<u64>) -> Result<Bytes>
//! fn changes(MailboxId) -> watch::Receiver<ModSeq>
//! fn quota(&AccountName) -> Result<Quota { used, limit: Option<u64>, messages }>
//! async set_quota(&AccountName, Option<u64>) -> Result<()>
//!
//! MailboxView { id, name, state, recent: UidSet }                       a small handle; it holds no messages
//!   fn uids() -> Result<UidSet>
//!   fn page(&UidSet, limit: usize) -> Result<Vec<MessageInfo>>          by UID; go on behind the last one
//!   fn news(since: ModSeq) -> Result<News>
//!   fn state() -> Result<MailboxState>
//! ```

pub mod error;
pub mod flags;
pub mod mailbox;
pub mod message;
pub mod name;
pub mod number;

pub use error::StoreError;
pub use flags::{FlagChange, Flags, Keyword};
pub use mailbox::{MailboxId, MailboxInfo, MailboxState, SpecialUse};
pub use message::{Copied, Delivered, Delivery, DeliveryKey, Flagged, MessageInfo, News};
pub use name::{AccountName, MailboxName};
pub use number::{ModSeq, Uid, UidSet, UidValidity};
