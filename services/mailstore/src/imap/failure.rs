//! Why a command is not answered with OK, and what its client is told of it: the log keeps the rest.

use super::wire::Ended;
use crate::error::StoreError;
use mail::imap::response::{Code, Condition};
use mail::login::LoginError;
use thiserror::Error;

/// A command that was not obeyed. Its text is for the client.
#[derive(Clone, Debug, Error)]
pub(super) enum Failure {
    #[error("Log in first")]
    NotLoggedIn,
    #[error("You are logged in already")]
    LoggedIn,
    #[error("Select a mailbox first")]
    NotSelected,
    #[error("There is no message with that number")]
    NoSuchNumber,
    #[error("What was said is no answer")]
    NoAnswer,
    #[error("Cancelled")]
    Cancelled,
    #[error("Begin TLS first")]
    TlsFirst,
    #[error("There is no TLS to begin")]
    NoTls,
    #[error("No such mechanism")]
    NoMechanism,
    #[error("{0}")]
    Login(LoginError),
    #[error("The mailbox is open for reading only")]
    ReadOnly,
    #[error("Some of the messages are gone")]
    SomeAreGone,
    #[error("That cannot be the name of a mailbox")]
    Name,
    #[error("No such mailbox")]
    NoMailbox,
    /// To copy or to append to.
    #[error("No such mailbox; create it first")]
    NoTarget,
    #[error("No such special use")]
    SpecialUse,
    #[error("That is no keyword that can be kept")]
    Keyword,
    #[error("A message without octets is not kept")]
    NothingToKeep,
    #[error("There is no such quota root")]
    NoQuotaRoot,
    #[error("Quotas are not yours to set")]
    QuotaIsGiven,
    #[error("{}", told(.0))]
    Store(#[from] StoreError),
    #[error("Something broke here")]
    Broken,
    /// The session is over.
    #[error("The session ends")]
    Ended(Ended),
}

impl Failure {
    pub(super) fn condition(&self) -> Condition {
        match self {
            Self::NotLoggedIn
            | Self::LoggedIn
            | Self::NotSelected
            | Self::NoSuchNumber
            | Self::NoAnswer
            | Self::Cancelled
            | Self::NoTls => Condition::Bad,
            _ => Condition::No,
        }
    }

    pub(super) fn code(&self) -> Option<Code> {
        Some(match self {
            Self::TlsFirst => Code::PRIVACY_REQUIRED,
            Self::Login(LoginError::Wrong) => Code::AUTHENTICATION_FAILED,
            Self::Login(LoginError::TooMany) => Code::LIMIT,
            Self::Login(LoginError::Busy | LoginError::Unavailable) => Code::UNAVAILABLE,
            Self::ReadOnly => Code::READ_ONLY,
            Self::SomeAreGone => Code::Word("EXPUNGEISSUED"),
            Self::Name | Self::NothingToKeep => Code::CANNOT,
            Self::NoMailbox | Self::NoQuotaRoot => Code::NON_EXISTENT,
            Self::NoTarget => Code::TRY_CREATE,
            Self::SpecialUse => Code::USE_ATTR,
            Self::Keyword => Code::LIMIT,
            Self::QuotaIsGiven => Code::NO_PERM,
            Self::Broken => Code::SERVER_BUG,
            Self::Store(error) => return of_store(error),
            _ => return None,
        })
    }

    /// Whether nobody but we can do something about it.
    pub(super) fn is_ours(&self) -> bool {
        match self {
            Self::Broken => true,
            Self::Store(error) => {
                error.is_temporary() && !matches!(error, StoreError::OverQuota { .. } | StoreError::Full(_))
            }
            _ => false,
        }
    }
}

fn of_store(error: &StoreError) -> Option<Code> {
    Some(match error {
        StoreError::OverQuota { .. } | StoreError::Full(_) => Code::OVER_QUOTA,
        StoreError::NoMailbox { .. } | StoreError::MailboxGone => Code::NON_EXISTENT,
        StoreError::MailboxExists { .. } => Code::ALREADY_EXISTS,
        StoreError::SpecialUseTaken { .. } => Code::USE_ATTR,
        StoreError::InboxStays | StoreError::IntoItself(_) | StoreError::Name(_) => Code::CANNOT,
        StoreError::TooLarge { .. } => Code::TOO_BIG,
        StoreError::TooManyKeywords { .. } | StoreError::TooManyMailboxes { .. } | StoreError::NoMoreUids => {
            Code::LIMIT
        }
        StoreError::NoMessage(_) => Code::Word("EXPUNGEISSUED"),
        StoreError::Damaged { .. } => Code::SERVER_BUG,
        StoreError::Io { .. } | StoreError::Index(_) | StoreError::InUse { .. } | StoreError::Stopped => {
            Code::UNAVAILABLE
        }
    })
}

/// Without paths, and without what is nobody's business.
fn told(error: &StoreError) -> String {
    match error {
        StoreError::OverQuota { .. } => "There is no room for that in the quota".to_owned(),
        StoreError::Full(_) => "There is no room on the volume; try again later".to_owned(),
        StoreError::NoMailbox { .. } => "No such mailbox".to_owned(),
        StoreError::MailboxExists { .. } => "There is such a mailbox already".to_owned(),
        StoreError::SpecialUseTaken { special_use, .. } => {
            format!("Another mailbox is there for {special_use}")
        }
        StoreError::IntoItself(_) => "A mailbox cannot be renamed into itself".to_owned(),
        StoreError::TooManyMailboxes { limit, .. } => {
            format!("There may be {limit} mailboxes, and there are")
        }
        StoreError::Name(_) => "That cannot be the name of a mailbox".to_owned(),
        StoreError::Damaged { .. } => "A message is damaged".to_owned(),
        StoreError::Io { .. } | StoreError::Index(_) | StoreError::InUse { .. } | StoreError::Stopped => {
            "The mailbox cannot be reached now; try again later".to_owned()
        }
        StoreError::MailboxGone
        | StoreError::InboxStays
        | StoreError::NoMessage(_)
        | StoreError::TooLarge { .. }
        | StoreError::TooManyKeywords { .. }
        | StoreError::NoMoreUids => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::Arc;

    #[test]
    fn a_client_is_told_nothing_of_our_files() {
        let source = Arc::new(std::io::Error::other("secret"));
        let failure: Failure =
            StoreError::Io { action: "read", path: PathBuf::from("/var/secret"), source }.into();
        assert!(!failure.to_string().contains("secret") && failure.is_ours());
        assert_eq!(failure.code(), Some(Code::UNAVAILABLE));
        assert_eq!(Failure::from(StoreError::MailboxGone).code(), Some(Code::NON_EXISTENT));
    }

    #[test]
    fn bad_is_what_a_client_should_have_known() {
        assert_eq!(Failure::NotSelected.condition(), Condition::Bad);
        assert_eq!(Failure::SomeAreGone.condition(), Condition::No);
        assert!(!Failure::from(StoreError::InboxStays).is_ours());
    }
}
