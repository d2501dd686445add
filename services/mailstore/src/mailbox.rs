//! What is known of a mailbox.

use crate::name::MailboxName;
use crate::number::{ModSeq, Uid, UidValidity};
use std::fmt;
use std::str::FromStr;

/// Names a mailbox for as long as it exists, whatever it is renamed to. Never given twice on a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId(pub(crate) u64);

/// What a mailbox is for (RFC 6154 section 2). An account has at most one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecialUse {
    Archive,
    Drafts,
    Flagged,
    Junk,
    Sent,
    Trash,
}

/// A row of LIST, and what STATUS wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxInfo {
    pub id: MailboxId,
    pub name: MailboxName,
    pub special_use: Option<SpecialUse>,
    pub subscribed: bool,
    pub state: MailboxState,
}

/// The numbers of a mailbox at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxState {
    pub uid_validity: UidValidity,
    /// What the next message gets. None when all UIDs are used: then nothing can be added.
    pub uid_next: Option<Uid>,
    pub exists: u64,
    pub unseen: u64,
    /// Messages that no session has been told of yet.
    pub recent: u64,
    pub highest_modseq: ModSeq,
    /// Octets of all messages (STATUS=SIZE, RFC 8438).
    pub size: u64,
}

impl SpecialUse {
    pub const ALL: [Self; 6] =
        [Self::Archive, Self::Drafts, Self::Flagged, Self::Junk, Self::Sent, Self::Trash];

    /// Without IMAP's backslash.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "Archive",
            Self::Drafts => "Drafts",
            Self::Flagged => "Flagged",
            Self::Junk => "Junk",
            Self::Sent => "Sent",
            Self::Trash => "Trash",
        }
    }
}

impl FromStr for SpecialUse {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
