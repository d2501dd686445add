//! What goes into an engine, and what comes out of it.

use super::sasl::Ask;
use std::time::Duration;

/// Something happened.
#[derive(Debug)]
pub enum Event<'a> {
    Greet,
    Received(&'a [u8]),
    Answer(Answer),
    TlsBegun,
    Ended(Ended),
}

/// Why there is nothing more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Gone,
    TimedOut,
    ShuttingDown,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Send(Vec<u8>),
    /// Before what follows is said: guessing takes time.
    Pause(Duration),
    /// One at a time.
    Ask(Ask),
    /// When all was sent.
    BeginTls,
    /// From here on the client speaks with its pair, and first of all these are passed on.
    HandOver {
        to_client: Vec<u8>,
        to_backend: Vec<u8>,
    },
    /// When all was sent.
    Close,
}

/// What became of a login, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The client has to answer this.
    Challenge(String),
    LoggedIn(Welcome),
    Refused(Refusal),
}

/// What a pair has said when it let the client's account in. No line of it is the end of a command but [`Welcome::line`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Whole lines that came before the answer to the login.
    pub before: Vec<u8>,
    /// The answer, without a tag and its CRLF: `OK [CAPABILITY ...] Logged in`, or `+OK Logged in`.
    pub line: Vec<u8>,
    /// What has come behind it.
    pub behind: Vec<u8>,
}

/// Why somebody does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    Wrong,
    /// After too many wrong passwords nothing was compared.
    TooMany,
    /// Too many logins at once.
    Busy,
    /// The directory does not answer.
    NoDirectory,
    /// The account has no mailbox: its mail is forwarded.
    NoMailbox,
    /// Its pair does not answer, or does not let us in.
    NoBackend,
    /// Another session has the mailbox.
    InUse,
}

impl Refusal {
    pub const ALL: [Self; 7] = [
        Self::Wrong,
        Self::TooMany,
        Self::Busy,
        Self::NoDirectory,
        Self::NoMailbox,
        Self::NoBackend,
        Self::InUse,
    ];

    /// In logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::TooMany => "too_many",
            Self::Busy => "busy",
            Self::NoDirectory => "no_directory",
            Self::NoMailbox => "no_mailbox",
            Self::NoBackend => "no_backend",
            Self::InUse => "in_use",
        }
    }

    /// To the client.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Wrong => "wrong name or password",
            Self::TooMany => "too many wrong passwords; try again later",
            Self::Busy => "too many logins at once; try again later",
            Self::NoDirectory => "nobody can be looked up now; try again later",
            Self::NoMailbox => "this account has no mailbox: its mail is forwarded",
            Self::NoBackend => "your mailbox cannot be reached now; try again later",
            Self::InUse => "another session has the mailbox",
        }
    }

    /// Whether it is the client's fault.
    pub(super) const fn is_wrong(self) -> bool {
        matches!(self, Self::Wrong | Self::TooMany)
    }
}
