//! The words of the directory. A value of these types is good; nobody checks again.

use crate::address::{AddressError, Host, Mailbox};
use crate::config::Octets;
use crate::password::{PasswordHash, scram::StoredKeys};
use std::fmt;
use std::str::FromStr;

/// Of an address in the form in which it is looked up.
pub const ADDRESS_OCTETS_MAX: usize = 254;

/// A name cannot be one of the directory's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("is no address: {0}")]
    Address(#[from] AddressError),
    #[error("is an address at a literal; the directory has domains")]
    Literal,
    #[error("is no domain: {0}")]
    Domain(AddressError),
    #[error("is longer than {ADDRESS_OCTETS_MAX} octets in lower case and A-labels")]
    TooLong,
    #[error("is no name of a pair: 1 to 63 of a-z, 0-9 and hyphens inside")]
    Pair,
    #[error("is no place in the network such as 10.0.0.7:143, [fd00::7]:143 or store-1.example:143")]
    Endpoint,
    #[error("is no character to separate a tag: one of + - _ . = #")]
    Separator,
}

/// An address by which mailboxes and aliases are looked up: lower case, A-labels. An account's name is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    text: String,
    local: String,
    domain: String,
}

impl Address {
    pub fn of(mailbox: &Mailbox) -> Result<Self, NameError> {
        let normal = mailbox.normal();
        let Host::Domain(domain) = normal.host() else { return Err(NameError::Literal) };
        let text = normal.to_string();
        if text.len() > ADDRESS_OCTETS_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Self { text, local: normal.local().as_str().to_owned(), domain: domain.as_str().to_owned() })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// By its meaning, without quotes.
    pub fn local(&self) -> &str {
        &self.local
    }

    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// `user@domain` and `tag` for `user+tag@domain`.
    pub fn without_tag(&self, separator: char) -> Option<(Self, String)> {
        let (user, tag) = self.local.split_once(separator)?;
        let local = crate::address::LocalPart::new(user).ok()?;
        let host = Host::Domain(self.domain.parse().ok()?);
        if user.is_empty() {
            return None;
        }
        Some((Self::of(&Mailbox::new(local, host).ok()?).ok()?, tag.to_owned()))
    }
}

impl FromStr for Address {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::of(&text.parse::<Mailbox>()?)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A storage pair, such as `store-7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairName(String);

impl PairName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PairName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_letter = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        let is_name = (1..=63).contains(&text.len())
            && text.bytes().all(is_letter)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_name { Ok(Self(text.to_owned())) } else { Err(NameError::Pair) }
    }
}

impl fmt::Display for PairName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Host and port. An IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_address = text.parse::<std::net::SocketAddr>().is_ok_and(|address| address.port() != 0);
        let is_name = text.rsplit_once(':').is_some_and(|(host, port)| {
            let is_port = port.bytes().all(|octet| octet.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port != 0);
            is_port && host.is_ascii() && host.parse::<crate::address::Domain>().is_ok()
        });
        if text.len() <= 255 && (is_address || is_name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Endpoint)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Where a pair is reached, whichever of its two machines serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairAddress {
    pub lmtp: Endpoint,
    pub imap: Endpoint,
    pub pop3: Endpoint,
}

/// A domain whose mail comes here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// In lower case, with A-labels.
    pub name: String,
    /// Between user and tag; none: every local part is one of its own.
    pub separator: Option<char>,
    /// Who receives what nobody else does.
    pub catch_all: Option<Mailbox>,
}

/// The characters that may stand between user and tag.
pub const SEPARATORS: &str = "+-_.=#";

/// The form of a domain by which it is looked up.
pub fn domain_name(text: &str) -> Result<String, NameError> {
    let domain: crate::address::Domain = text.parse().map_err(NameError::Domain)?;
    Ok(domain.normal().as_str().to_owned())
}

/// Whether an account may log in. Mail comes to it either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Open,
    Locked,
}

/// What holds a mailbox, and how big it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub pair: PairName,
    /// None: no limit.
    pub quota: Option<Octets>,
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: Address,
    pub access: Access,
    /// None: no password is right.
    pub password: Option<PasswordHash>,
    pub scram: Option<StoredKeys>,
    /// None: mail to it is only forwarded.
    pub mailbox: Option<Place>,
    /// Whether the mailbox keeps what is forwarded.
    pub keeps_copy: bool,
}

/// A mailbox that receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMailbox {
    pub account: Address,
    /// Such as `lists` in `user+lists@domain`, in lower case.
    pub tag: Option<String>,
    pub pair: PairName,
    pub quota: Option<Octets>,
}

/// Everybody who receives what is sent to one address: never nobody, and no mailbox twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    pub mailboxes: Vec<LocalMailbox>,
    /// In other domains.
    pub forwards: Vec<Mailbox>,
}

/// Where mail to an address goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    Found(Destinations),
    NoSuchUser,
    /// Mail to this domain does not come here.
    NoSuchDomain,
}
