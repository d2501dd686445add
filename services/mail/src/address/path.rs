//! What stands in MAIL and RCPT: an address in brackets, nobody, or the postmaster (RFC 5321, sections 4.1.1.2, 4.1.1.3).
//!
//! A route before the address is read and ignored (section 4.1.2 and appendix C).

use super::{AddressError, Domain, Mailbox, whole};
use std::fmt;
use std::str::FromStr;

/// The name that every server has without a domain (RFC 5321, section 4.5.1).
const POSTMASTER: &str = "postmaster";

/// Who hears of failures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: nobody, for this is itself a report.
    Null,
    Mailbox(Mailbox),
}

/// Who receives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<postmaster>`: the one of this server.
    Postmaster,
    Mailbox(Mailbox),
}

impl ReversePath {
    pub fn is_ascii(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Mailbox(mailbox) => mailbox.is_ascii(),
        }
    }

    pub(crate) fn read(text: &str) -> Result<(Self, &str), AddressError> {
        if let Some(rest) = text.strip_prefix("<>") {
            return Ok((Self::Null, rest));
        }
        let (mailbox, rest) = read_mailbox(open(text)?)?;
        Ok((Self::Mailbox(mailbox), rest))
    }
}

impl ForwardPath {
    pub fn is_ascii(&self) -> bool {
        match self {
            Self::Postmaster => true,
            Self::Mailbox(mailbox) => mailbox.is_ascii(),
        }
    }

    pub(crate) fn read(text: &str) -> Result<(Self, &str), AddressError> {
        let inside = open(text)?;
        if inside.starts_with('>') {
            return Err(AddressError::Empty);
        }
        if let Some((word, rest)) = inside.split_at_checked(POSTMASTER.len())
            && word.eq_ignore_ascii_case(POSTMASTER)
            && let Some(rest) = rest.strip_prefix('>')
        {
            return Ok((Self::Postmaster, rest));
        }
        let (mailbox, rest) = read_mailbox(inside)?;
        Ok((Self::Mailbox(mailbox), rest))
    }
}

fn open(text: &str) -> Result<&str, AddressError> {
    text.strip_prefix('<').ok_or(AddressError::Brackets)
}

/// Behind the bracket.
fn read_mailbox(text: &str) -> Result<(Mailbox, &str), AddressError> {
    let (mailbox, rest) = Mailbox::read(skip_route(text)?)?;
    Ok((mailbox, rest.strip_prefix('>').ok_or(AddressError::Brackets)?))
}

/// `@one,@two:` (`A-d-l`).
fn skip_route(text: &str) -> Result<&str, AddressError> {
    let mut rest = text;
    while let Some(domain) = rest.strip_prefix('@') {
        let (_, after) = Domain::read(domain)?;
        match after.split_at_checked(1) {
            Some((":", mailbox)) => return Ok(mailbox),
            Some((",", more)) if more.starts_with('@') => rest = more,
            _ => return Err(AddressError::Route),
        }
    }
    Ok(rest)
}

impl FromStr for ReversePath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        whole(Self::read(text)?)
    }
}

impl FromStr for ForwardPath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        whole(Self::read(text)?)
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("<>"),
            Self::Mailbox(mailbox) => write!(out, "<{mailbox}>"),
        }
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => write!(out, "<{POSTMASTER}>"),
            Self::Mailbox(mailbox) => write!(out, "<{mailbox}>"),
        }
    }
}
