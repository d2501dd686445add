//! Why a command is none, in words for whoever reads the client's log.

use super::fetch::ITEMS_MAX;
use super::search::KEYS_MAX;
use super::types::Tag;
use thiserror::Error;

/// A command that is not obeyed, with its tag where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub tag: Option<Tag>,
    pub error: CommandError,
}

/// All of them are BAD but [`CommandError::Charset`], which is NO (RFC 3501, section 6.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    #[error("a command begins with a tag")]
    NoTag,
    #[error("no command behind the tag")]
    NoVerb,
    #[error("no such command, or arguments that it does not take")]
    Syntax,
    #[error("the name of a mailbox is not in modified UTF-7")]
    MailboxName,
    #[error("an extension that is not offered")]
    NotOffered,
    #[error("a flag that cannot be set")]
    Flag,
    #[error("nothing is asked for")]
    NothingAsked,
    #[error("more than {ITEMS_MAX} items are asked for")]
    TooManyItems,
    #[error("more than {KEYS_MAX} search keys")]
    TooManyKeys,
    #[error("a character set other than UTF-8 and US-ASCII")]
    Charset,
    #[error("text that is not in its character set")]
    NotInCharset,
}
