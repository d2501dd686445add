//! One token: its secret, which is shown once, and what the site keeps of it.

use super::{Actor, Role};
use jiff::Timestamp;
use rustls::crypto::SecureRandom;
use serde::{Deserialize, Serialize};
use std::fmt;
use understudy_core::base::sha256::Sha256;
use understudy_core::model::name::Name;
use utoipa::ToSchema;

/// Lets programs that look for lost secrets find one.
const PREFIX: &str = "understudy-token-";
/// 256 bits: not to be guessed, so that a plain SHA-256 is enough to keep it.
const SECRET_BYTES: usize = 32;

/// The kernel gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the kernel gives no random bytes for a token")]
pub struct SecretError;

/// What the holder of a token has to show. Its text is in nobody's log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A token as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub name: Name,
    pub role: Role,
    /// Of the secret's text.
    pub sha256: Sha256,
    pub made: Timestamp,
    pub made_by: String,
    /// Good until then; for ever where there is none.
    pub expires: Option<Timestamp>,
}

/// A token as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    #[schema(value_type = String)]
    pub name: Name,
    pub role: Role,
    #[schema(value_type = String)]
    pub made: Timestamp,
    pub made_by: String,
    #[schema(value_type = Option<String>)]
    pub expires: Option<Timestamp>,
    pub is_expired: bool,
}

impl Secret {
    /// A new one.
    pub fn make() -> Result<Self, SecretError> {
        let mut bytes = [0; SECRET_BYTES];
        let random: &dyn SecureRandom = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut bytes).map_err(|_| SecretError)?;
        Ok(Self(format!("{PREFIX}{}", hex::encode(bytes))))
    }

    /// The text, for the one answer that shows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Token {
    /// What is kept of a new token.
    pub fn new(
        name: Name,
        role: Role,
        secret: &Secret,
        made: Timestamp,
        by: &Actor,
        expires: Option<Timestamp>,
    ) -> Self {
        Self { name, role, sha256: secret.sha256(), made, made_by: by.to_string(), expires }
    }

    /// Whether it is good no more.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }

    /// All of it but the digest.
    pub fn view(&self, now: Timestamp) -> TokenView {
        let Self { name, role, made, made_by, expires, .. } = self.clone();
        TokenView { name, role, made, made_by, expires, is_expired: self.is_expired(now) }
    }
}
