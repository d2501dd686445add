//! Mailboxes and paths: who sends, who receives (RFC 5321, sections 4.1.2 and 4.1.3; RFC 6531, section 3.3).
//!
//! An address is kept by its meaning: `"joe"@example.org` and `joe@example.org` are one, `"a@evil.com"@local` has the
//! local part `a@evil.com` and is written with its quotes again. What is read writes back to something that reads as the
//! same, and nothing that is written holds a control character or an end of line.
//!
//! It refuses what the grammar does not have: comments, folding, obsolete forms, names without a domain other than
//! `<postmaster>`. It does not know which characters Unicode assigns or how they compose: letters beyond ASCII are
//! compared as they are, in lower case. Entry points: [`Mailbox`] with its `FromStr`, [`path`], [`Mailbox::normal`].

pub mod domain;
pub mod literal;
pub mod local;
pub mod path;
mod punycode;

pub use domain::Domain;
pub use literal::Literal;
pub use local::LocalPart;
pub use path::{ForwardPath, ReversePath};

use std::fmt;
use std::str::FromStr;

/// Of a mailbox as it is written: a path has 256 with its brackets (RFC 5321, section 4.5.3.1.3).
pub const MAILBOX_OCTETS_MAX: usize = 254;

/// A text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("an address stands between `<` and `>`")]
    Brackets,
    #[error("an address has an `@` and a domain")]
    NoDomain,
    #[error("an address has something behind its end")]
    Rest,
    #[error("a local part is made of words with dots between them, or quoted")]
    LocalPart,
    #[error("a local part has at most {} octets", local::OCTETS_MAX)]
    LocalPartTooLong,
    #[error("a domain is made of names with dots between them")]
    Domain,
    #[error(
        "a domain has at most {} octets, and {} in one name",
        domain::OCTETS_MAX,
        domain::LABEL_OCTETS_MAX
    )]
    DomainTooLong,
    #[error("a literal is [IPv4] or [IPv6:...]")]
    Literal,
    #[error("an address has at most {MAILBOX_OCTETS_MAX} octets")]
    TooLong,
    #[error("a route is made of `@` and domains, with a colon at its end")]
    Route,
    #[error("nobody receives at an empty address")]
    Empty,
}

/// What stands behind the `@`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    Domain(Domain),
    Literal(Literal),
}

/// `local@host`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mailbox {
    local: LocalPart,
    host: Host,
}

impl Mailbox {
    /// Both parts have their own bounds; together they may still be too long.
    pub fn new(local: LocalPart, host: Host) -> Result<Self, AddressError> {
        let mailbox = Self { local, host };
        if mailbox.to_string().len() > MAILBOX_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(mailbox)
    }

    pub fn local(&self) -> &LocalPart {
        &self.local
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether it may be said to a server without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        let is_ascii_host = match &self.host {
            Host::Domain(domain) => domain.as_str().is_ascii(),
            Host::Literal(_) => true,
        };
        is_ascii_host && self.local.as_str().is_ascii()
    }

    /// The form by which mailboxes are looked up: lower case, U-labels as A-labels. Its local part is only good for
    /// comparing where case means something; it may be longer than an address may be.
    pub fn normal(&self) -> Self {
        let host = match &self.host {
            Host::Domain(domain) => Host::Domain(domain.normal()),
            Host::Literal(literal) => Host::Literal(*literal),
        };
        Self { local: self.local.normal(), host }
    }

    /// The address at the front of a text, and what is behind it.
    fn read(text: &str) -> Result<(Self, &str), AddressError> {
        let (local, rest) = LocalPart::read(text)?;
        let rest = rest.strip_prefix('@').ok_or(AddressError::NoDomain)?;
        let (host, rest) = Host::read(rest)?;
        Ok((Self::new(local, host)?, rest))
    }
}

impl Host {
    fn read(text: &str) -> Result<(Self, &str), AddressError> {
        if text.starts_with('[') {
            let (literal, rest) = Literal::read(text)?;
            return Ok((Self::Literal(literal), rest));
        }
        let (domain, rest) = Domain::read(text)?;
        Ok((Self::Domain(domain), rest))
    }
}

/// What was read, if nothing is behind it.
fn whole<T>((value, rest): (T, &str)) -> Result<T, AddressError> {
    if rest.is_empty() { Ok(value) } else { Err(AddressError::Rest) }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    /// Without brackets.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        whole(Self::read(text)?)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}", self.local, self.host)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(out),
            Self::Literal(literal) => literal.fmt(out),
        }
    }
}

/// Beyond ASCII, everything that can be shown (`UTF8-non-ascii` in RFC 6531, section 3.3, without controls).
fn is_beyond_ascii(letter: char) -> bool {
    !letter.is_ascii() && !letter.is_control()
}

#[cfg(test)]
mod tests;
