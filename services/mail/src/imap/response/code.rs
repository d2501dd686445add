//! Conditions, and codes for programs behind them (RFC 3501, section 7.1; RFC 4315, 5530, 7162).

use super::Writer;
use crate::imap::command::Flag;
use crate::imap::set::Ranges;

/// How something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Ok,
    No,
    Bad,
    /// The session ends.
    Bye,
    /// It begins with a client that is known.
    PreAuth,
}

impl Condition {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::PreAuth => "PREAUTH",
        }
    }
}

/// What stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// One that is a word, such as `TRYCREATE`.
    Word(&'static str),
    /// From [`crate::imap::capability::list`].
    Capability(String),
    UidNext(u32),
    UidValidity(u32),
    /// The number of the first one.
    Unseen(u32),
    HighestModSeq(u64),
    /// `\*` stands for keywords that are new.
    PermanentFlags {
        flags: Vec<Flag>,
        may_add: bool,
    },
    AppendUid {
        uid_validity: u32,
        uid: u32,
    },
    /// None of both is empty.
    CopyUid {
        uid_validity: u32,
        from: Ranges,
        to: Ranges,
    },
    /// Not empty.
    Modified(Ranges),
    BadCharset,
}

impl Code {
    pub const ALERT: Self = Self::Word("ALERT");
    pub const ALREADY_EXISTS: Self = Self::Word("ALREADYEXISTS");
    pub const AUTHENTICATION_FAILED: Self = Self::Word("AUTHENTICATIONFAILED");
    pub const CANNOT: Self = Self::Word("CANNOT");
    pub const CLOSED: Self = Self::Word("CLOSED");
    pub const LIMIT: Self = Self::Word("LIMIT");
    pub const NON_EXISTENT: Self = Self::Word("NONEXISTENT");
    pub const NO_PERM: Self = Self::Word("NOPERM");
    pub const OVER_QUOTA: Self = Self::Word("OVERQUOTA");
    pub const PRIVACY_REQUIRED: Self = Self::Word("PRIVACYREQUIRED");
    pub const READ_ONLY: Self = Self::Word("READ-ONLY");
    pub const READ_WRITE: Self = Self::Word("READ-WRITE");
    pub const SERVER_BUG: Self = Self::Word("SERVERBUG");
    pub const TOO_BIG: Self = Self::Word("TOOBIG");
    pub const TRY_CREATE: Self = Self::Word("TRYCREATE");
    pub const UNAVAILABLE: Self = Self::Word("UNAVAILABLE");
    pub const USE_ATTR: Self = Self::Word("USEATTR");

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.push("[");
        match self {
            Self::Word(word) => writer.push(word),
            Self::Capability(words) => writer.push(&format!("CAPABILITY {words}")),
            Self::UidNext(uid) => writer.push(&format!("UIDNEXT {uid}")),
            Self::UidValidity(validity) => writer.push(&format!("UIDVALIDITY {validity}")),
            Self::Unseen(number) => writer.push(&format!("UNSEEN {number}")),
            Self::HighestModSeq(modseq) => writer.push(&format!("HIGHESTMODSEQ {modseq}")),
            Self::PermanentFlags { flags, may_add } => {
                writer.push("PERMANENTFLAGS ");
                writer.flag_list(flags, may_add.then_some("\\*"));
            }
            Self::AppendUid { uid_validity, uid } => writer.push(&format!("APPENDUID {uid_validity} {uid}")),
            Self::CopyUid { uid_validity, from, to } => {
                writer.push(&format!("COPYUID {uid_validity} {from} {to}"));
            }
            Self::Modified(numbers) => writer.push(&format!("MODIFIED {numbers}")),
            Self::BadCharset => writer.push("BADCHARSET (UTF-8 US-ASCII)"),
        }
        writer.push("]");
    }
}
