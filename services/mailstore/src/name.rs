//! Names of accounts and mailboxes: what can be one, and which two are the same.

use std::fmt;
use thiserror::Error;

/// Octets of an account's name, and of a mailbox's.
pub const NAME_OCTETS_MAX: usize = 512;
/// Levels of a mailbox's name.
pub const LEVELS_MAX: usize = 32;
/// Stands between the levels of a mailbox's name.
pub const DELIMITER: char = '/';

/// As the directory calls it; it means nothing here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// UTF-8, levels with a `/` between them. `INBOX` is one name in any case, alone and as the first level (RFC 9051 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(String);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("a name has 1 to {NAME_OCTETS_MAX} octets, this one {octets}")]
    Length { octets: usize },
    #[error("name {0:?} has a control character")]
    Control(String),
    #[error(
        "mailbox name {0:?} has an empty level: take out the delimiter `{DELIMITER}` at its begin or end, or one of two"
    )]
    EmptyLevel(String),
    #[error("mailbox name {0:?} has more than {LEVELS_MAX} levels")]
    TooDeep(String),
}

impl AccountName {
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MailboxName {
    /// The text as it is after IMAP's modified UTF-7 was decoded.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text)?;
        if text.split(DELIMITER).any(str::is_empty) {
            return Err(NameError::EmptyLevel(text.to_owned()));
        }
        if text.split(DELIMITER).count() > LEVELS_MAX {
            return Err(NameError::TooDeep(text.to_owned()));
        }
        let (first, rest) = text.split_at(text.find(DELIMITER).unwrap_or(text.len()));
        let first = if first.eq_ignore_ascii_case("INBOX") { "INBOX" } else { first };
        Ok(Self(format!("{first}{rest}")))
    }

    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `self` lies below `other`, at any depth.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with(DELIMITER))
    }

    /// The mailbox that this one lies in.
    pub fn parent(&self) -> Option<Self> {
        self.0.rfind(DELIMITER).map(|at| Self(self.0[..at].to_owned()))
    }

    /// The name after `from`, which is this one or above it, was renamed `to`.
    pub fn moved(&self, from: &Self, to: &Self) -> Result<Self, NameError> {
        let rest = self.0.strip_prefix(&from.0).unwrap_or_default();
        Self::new(&format!("{to}{rest}"))
    }
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > NAME_OCTETS_MAX {
        return Err(NameError::Length { octets: text.len() });
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Control(text.to_owned()));
    }
    Ok(())
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    #[test]
    fn inbox_is_one_name_in_any_case() {
        assert_eq!(name("inBox"), MailboxName::inbox());
        assert_eq!(name("inbox/Work").as_str(), "INBOX/Work");
        assert_eq!(name("Archive/inbox").as_str(), "Archive/inbox");
        assert!(!name("Inboxes").is_inbox());
    }

    #[test]
    fn levels_are_whole() {
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            "a\0",
            "a\r\nb",
            &"x".repeat(NAME_OCTETS_MAX + 1),
            &["a"; 33].join("/"),
        ] {
            assert!(MailboxName::new(bad).is_err(), "{bad:?}");
        }
        assert!(name("a/b").is_below(&name("a")));
        assert!(!name("ab").is_below(&name("a")) && !name("a").is_below(&name("a")));
        assert_eq!(name("a/b/c").moved(&name("a/b"), &name("x")).unwrap(), name("x/c"));
        assert_eq!(name("a/b").parent(), Some(name("a")));
        assert_eq!(name("a").parent(), None);
    }
}
