//! What a record of the journal says: something that happened, with every number it gave out.
//!
//! An event holds the outcome and not the wish (`this message has UID 7`, not `append this`), so that applying all events in order gives
//! the same index at any time. It is never changed once written; a new kind of event gets a new number in [`Event::kind`].

mod codec;
mod decode;
mod encode;

pub use decode::{DecodeError, Decoded};

use crate::flags::Flags;
use crate::mailbox::{MailboxId, SpecialUse};
use crate::message::DeliveryKey;
use crate::name::{AccountName, MailboxName};
use crate::number::{ModSeq, Uid, UidSet, UidValidity};

/// Names an account on its volume for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub(crate) u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    AccountCreated {
        account: AccountId,
        name: AccountName,
        /// All of them subscribed.
        mailboxes: Vec<NewMailbox>,
    },
    MailboxCreated {
        account: AccountId,
        mailbox: NewMailbox,
    },
    MailboxDeleted {
        mailbox: MailboxId,
    },
    /// A mailbox and those below it, all at once.
    MailboxesRenamed {
        names: Vec<(MailboxId, MailboxName)>,
    },
    Subscribed {
        account: AccountId,
        name: MailboxName,
        is_subscribed: bool,
    },
    Added(Added),
    Copied(Transfer),
    /// A copy whose originals vanish at `from_modseq`.
    Moved {
        transfer: Transfer,
        from_modseq: ModSeq,
    },
    FlagsChanged {
        mailbox: MailboxId,
        modseq: ModSeq,
        /// What the messages have now.
        changes: Vec<(Flags, UidSet)>,
    },
    Expunged {
        mailbox: MailboxId,
        modseq: ModSeq,
        uids: UidSet,
    },
    QuotaSet {
        account: AccountId,
        limit: Option<u64>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMailbox {
    pub id: MailboxId,
    pub name: MailboxName,
    pub special_use: Option<SpecialUse>,
    pub uid_validity: UidValidity,
}

/// A new message. Its octets follow the fields in the record, until compaction has dropped those of a message that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    pub mailbox: MailboxId,
    pub uid: Uid,
    pub modseq: ModSeq,
    pub flags: Flags,
    /// Seconds since 1970.
    pub received: i64,
    pub key: Option<DeliveryKey>,
    pub octets: u64,
    /// CRC-32C of the octets.
    pub checksum: u32,
    pub has_content: bool,
}

/// The n-th of `uids` became the n-th of `to_uids`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub from: MailboxId,
    pub to: MailboxId,
    pub uids: UidSet,
    pub to_uids: UidSet,
    /// Of the copies.
    pub modseq: ModSeq,
}

impl Event {
    /// What the journal calls it.
    pub fn kind(&self) -> u32 {
        match self {
            Self::AccountCreated { .. } => 1,
            Self::MailboxCreated { .. } => 2,
            Self::MailboxDeleted { .. } => 3,
            Self::MailboxesRenamed { .. } => 4,
            Self::Subscribed { .. } => 5,
            Self::Added(Added { has_content: true, .. }) => 6,
            Self::Added(Added { has_content: false, .. }) => 7,
            Self::Copied(_) => 8,
            Self::Moved { .. } => 9,
            Self::FlagsChanged { .. } => 10,
            Self::Expunged { .. } => 11,
            Self::QuotaSet { .. } => 12,
        }
    }
}

#[cfg(test)]
mod tests;
