//! What goes wrong, and what to do then.

use super::database::{DatabaseError, SchemaError};
use std::fmt;

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pair,
    Domain,
    Account,
    Alias,
    /// An account or an alias: both are addresses.
    Address,
    Mailbox,
    Target,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Domain => "domain",
            Self::Account => "account",
            Self::Alias => "alias",
            Self::Address => "address",
            Self::Mailbox => "mailbox",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// Why aliases and forwards of an address lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolvable {
    #[error("they lead back to themselves")]
    Loop,
    #[error("they go through more than {} others", super::resolve::DEPTH_MAX)]
    TooDeep,
    #[error("they lead to more than {} addresses", super::resolve::ADDRESSES_MAX)]
    TooMany,
}

/// The directory cannot answer, or does not change.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("there is no {kind} {name}")]
    NoSuch { kind: Kind, name: String },
    #[error("there is already the {kind} {name}")]
    AlreadyThere { kind: Kind, name: String },
    #[error("the {kind} {name} is in use")]
    InUse { kind: Kind, name: String },
    #[error("mail to {address} cannot be delivered: its aliases or forwards are wrong, {why}")]
    Unresolvable { address: String, why: Unresolvable },
    #[error("the directory holds a {what} that cannot be: {value}")]
    Damaged { what: &'static str, value: String },
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the directory does not answer")]
    Database(#[from] DatabaseError),
}

impl DirectoryError {
    pub(super) fn no_such(kind: Kind, name: impl fmt::Display) -> Self {
        Self::NoSuch { kind, name: name.to_string() }
    }

    pub(super) fn already_there(kind: Kind, name: impl fmt::Display) -> Self {
        Self::AlreadyThere { kind, name: name.to_string() }
    }

    pub(super) fn in_use(kind: Kind, name: impl fmt::Display) -> Self {
        Self::InUse { kind, name: name.to_string() }
    }

    /// Whether the caller asked for something that cannot be; everything else is the directory's fault.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::NoSuch { .. } | Self::AlreadyThere { .. } | Self::InUse { .. } | Self::Unresolvable { .. }
        )
    }

    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuch { kind: Kind::Target | Kind::Address, .. } => {
                "see what there is: mailctl account list; mailctl alias list".to_owned()
            }
            Self::NoSuch { kind, .. } => format!("see what there is: mailctl {kind} list"),
            Self::AlreadyThere { kind: Kind::Address | Kind::Target, name } => {
                format!("see what it is: mailctl account show '{name}'; mailctl alias show '{name}'")
            }
            Self::AlreadyThere { kind, name } => format!("see it: mailctl {kind} show '{name}'"),
            Self::InUse { kind: Kind::Pair, name } => {
                format!("see for what: mailctl mailbox list --pair {name}")
            }
            Self::InUse { name, .. } => {
                format!(
                    "see for what: mailctl account list --domain {name}; mailctl alias list --domain {name}"
                )
            }
            Self::Unresolvable { address, .. } => {
                format!("follow them from: mailctl alias show '{address}'; mailctl account show '{address}'")
            }
            Self::Damaged { .. } => {
                "mailctl wrote nothing like it; correct the row in the database".to_owned()
            }
            Self::Schema(error) => error.hint().to_owned(),
            Self::Database(error) => error.hint().to_owned(),
        }
    }
}
