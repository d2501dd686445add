//! The values of a command.

use super::fetch::Fetch;
use super::list::{List, StatusItem};
use super::search::{Search, Sort};
use crate::imap::set::Set;
use bytes::Bytes;
use std::fmt;

/// Of a tag. A longer one is no tag: it would come back in every answer.
const TAG_OCTETS_MAX: usize = 128;

/// What the client calls a command (RFC 3501, section 2.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// Nothing, if it cannot be a tag.
    pub fn new(text: &[u8]) -> Option<Self> {
        let is_letter = |octet: &u8| octet.is_ascii_graphic() && !b"(){%*\"\\+".contains(octet);
        let is_tag = (1..=TAG_OCTETS_MAX).contains(&text.len()) && text.iter().all(is_letter);
        is_tag.then(|| Self(String::from_utf8_lossy(text).into_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What nobody may see in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Whether messages are meant by their place in the mailbox or by their UID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Number,
    Uid,
}

/// A flag that a client may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    Answered,
    Deleted,
    Draft,
    Flagged,
    Seen,
    Keyword(String),
}

/// Names of mailboxes are in UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Capability,
    Noop,
    Logout,
    StartTls,
    Login {
        name: Vec<u8>,
        password: Secret,
    },
    /// The mechanism in upper case.
    Authenticate {
        mechanism: String,
        initial: Option<Secret>,
    },
    /// In upper case.
    Enable(Vec<String>),
    /// What a client says of itself is not kept.
    Id,
    Namespace,
    Select(Select),
    Create {
        mailbox: String,
        /// `\Sent`, without its backslash.
        special_use: Option<String>,
    },
    Delete(String),
    Rename {
        from: String,
        to: String,
    },
    Subscribe(String),
    Unsubscribe(String),
    List(List),
    Lsub {
        reference: String,
        pattern: String,
    },
    Status {
        mailbox: String,
        items: Vec<StatusItem>,
    },
    Append(Append),
    Idle,
    GetQuota {
        root: String,
    },
    GetQuotaRoot {
        mailbox: String,
    },
    SetQuota,
    Check,
    Close,
    Unselect,
    /// Those of these UIDs, or all.
    Expunge(Option<Set>),
    Search(Search),
    Sort(Sort),
    Fetch(Fetch),
    Store(Store),
    Copy {
        by: By,
        set: Set,
        mailbox: String,
    },
    Move {
        by: By,
        set: Set,
        mailbox: String,
    },
}

/// SELECT and EXAMINE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    pub mailbox: String,
    pub is_read_only: bool,
    /// `(CONDSTORE)` (RFC 7162, section 3.1.8).
    pub is_condstore: bool,
}

/// A message to keep. It is a piece of the octets of the command, not a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    pub mailbox: String,
    pub flags: Vec<Flag>,
    /// Seconds since 1970.
    pub date: Option<i64>,
    pub message: Bytes,
}

/// What becomes of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Replace,
    Add,
    Remove,
}

/// STORE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    pub by: By,
    pub set: Set,
    pub change: Change,
    pub flags: Vec<Flag>,
    /// Nothing is told of what was changed.
    pub is_silent: bool,
    /// RFC 7162, section 3.1.3.
    pub unchanged_since: Option<u64>,
}
