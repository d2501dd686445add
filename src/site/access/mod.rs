//! Who may say what to the operator API: roles, tokens, and how often somebody may be wrong.
//!
//! A token is known by its SHA-256 alone: neither the ledger nor the site's memory can give one back. It never
//! looks at a token of an address that was wrong too often. Entry points: [`Secret::make`], [`Tokens::holder`],
//! [`Attempts`].

mod attempts;
mod token;
mod tokens;

pub use attempts::Attempts;
pub use token::{Secret, SecretError, Token, TokenView};
pub use tokens::Tokens;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use understudy_core::model::name::Name;
use utoipa::ToSchema;

/// What a token lets its holder do; each may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See everything but tokens.
    Read,
    /// Change nodes.
    Operate,
    /// Make and end tokens.
    Admin,
}

/// The text names no role.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a role; write read, operate or admin")]
pub struct RoleError(String);

/// Who does something, as events tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user of this machine, over the site's socket.
    Socket { uid: u32 },
    /// The holder of a token.
    Token(Name),
}

impl Role {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// The role as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| RoleError(text.to_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { uid } => write!(out, "socket uid {uid}"),
            Self::Token(name) => write!(out, "token {name}"),
        }
    }
}
