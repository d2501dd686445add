//! What is delivered or appended, and what is known of a message that is kept.

use crate::flags::Flags;
use crate::mailbox::MailboxState;
use crate::name::{AccountName, MailboxName};
use crate::number::{ModSeq, Uid, UidSet, UidValidity};
use bytes::Bytes;
use jiff::Timestamp;

/// A message on its way in.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub account: AccountName,
    pub mailbox: MailboxName,
    /// As it will be read: with CRLF, with every trace header.
    pub content: Bytes,
    /// INTERNALDATE; whole seconds are kept.
    pub received: Timestamp,
    pub flags: Flags,
    /// A delivery with a key that the account has seen within seven days is answered with what became of the first. APPEND has none.
    pub key: Option<DeliveryKey>,
}

/// Names a delivery so that its repeat is known: see [`DeliveryKey::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey(pub(crate) [u8; 32]);

/// Where a message is, durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub uid_validity: UidValidity,
    pub uid: Uid,
    /// It was here before; these are the numbers of the first delivery, whatever became of it since.
    pub is_duplicate: bool,
}

/// What the index knows of a message: everything but its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageInfo {
    pub uid: Uid,
    pub modseq: ModSeq,
    pub flags: Flags,
    pub received: Timestamp,
    /// Octets (RFC822.SIZE).
    pub size: u64,
}

/// What STORE did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flagged {
    /// Messages that now have what was asked for, also those that had it before.
    pub done: UidSet,
    /// Messages that somebody changed after UNCHANGEDSINCE (RFC 7162 section 3.1.3, `MODIFIED`): left as they are.
    pub refused: UidSet,
    /// The moment at which those became what they are that were something else. None: all of them were it before.
    pub modseq: Option<ModSeq>,
}

/// What COPY, MOVE or a Maildir import did: the n-th of `from` is the n-th of `to` (RFC 4315, COPYUID).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Of the mailbox copied to.
    pub uid_validity: UidValidity,
    pub from: UidSet,
    pub to: UidSet,
}

/// What has happened in a mailbox since a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// New messages and those with other flags, that are still there: read them page by page.
    pub changed: UidSet,
    /// Of messages that were there at that moment, or came and went since.
    pub vanished: UidSet,
    /// The mailbox now; ask from its `highest_modseq` on the next time.
    pub state: MailboxState,
}
