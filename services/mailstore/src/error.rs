//! Why something was not done.

use crate::name::{AccountName, MailboxName, NameError};
use std::path::PathBuf;
use thiserror::Error;

/// Everything that a store answers instead of doing it. What it answers this to has left no trace.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("account {account} may keep {limit} octets, and this would be more")]
    OverQuota { account: AccountName, limit: u64 },
    #[error("account {account} has no mailbox {mailbox}")]
    NoMailbox { account: AccountName, mailbox: MailboxName },
    #[error("the mailbox was deleted")]
    MailboxGone,
    #[error("account {account} has a mailbox {mailbox} already")]
    MailboxExists { account: AccountName, mailbox: MailboxName },
    #[error("account {account} has another mailbox for {special_use}")]
    SpecialUseTaken { account: AccountName, special_use: crate::mailbox::SpecialUse },
    #[error("INBOX cannot be deleted")]
    InboxStays,
    #[error("mailbox {0} cannot be renamed into itself")]
    IntoItself(MailboxName),
    #[error("there is no message {0} in the mailbox")]
    NoMessage(crate::number::Uid),
    #[error("the message has {octets} octets, more than {limit}")]
    TooLarge { octets: u64, limit: u64 },
    #[error("more than {limit} keywords on a message")]
    TooManyKeywords { limit: usize },
    #[error("account {account} has {limit} mailboxes, and may not have more")]
    TooManyMailboxes { account: AccountName, limit: u64 },
    #[error("the mailbox has used up its UIDs: move its messages to a new one")]
    NoMoreUids,
    #[error("bad name")]
    Name(#[from] NameError),
    #[error("no room on the volume: nothing was changed; make room, and try again")]
    Full {
        #[source]
        source: std::io::Error,
    },
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("damage in {path} at octet {offset}: {what}; run `mailstore check` on the store's folder", path = path.display())]
    Damaged { path: PathBuf, offset: u64, what: String },
    #[error("{path} is in use by another process", path = path.display())]
    InUse { path: PathBuf },
    #[error(
        "the store no longer takes changes after a failure of its volume: restart it when the volume is well"
    )]
    Stopped,
}

impl StoreError {
    /// Whether the same may work later: a 4xx reply rather than a 5xx.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::OverQuota { .. }
                | Self::Full { .. }
                | Self::Io { .. }
                | Self::Damaged { .. }
                | Self::InUse { .. }
                | Self::Stopped
        )
    }
}
