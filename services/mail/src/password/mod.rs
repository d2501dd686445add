//! Passwords: how they are kept, and how one that a client sends is compared with what is kept.
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`hash`] | argon2id hashes as PHC strings (RFC 9106) | [`PasswordHash`] |
//! | [`scram`] | keys for SCRAM-SHA-256, and the server's side of its exchange (RFC 5802, RFC 7677) | [`scram::StoredKeys`], [`scram::ClientFirst`] |
//! | [`verifier`] | compares, with bounded work and without telling which accounts exist | [`Verifier::verify`] |
//!
//! A password is never shown, is wiped when it goes, and has a bounded length. It is compared in the form of SASLprep (RFC 4013), so that it is the same
//! whatever keyboard it was typed on. Nothing here knows accounts or sockets.

pub mod hash;
pub mod scram;
pub mod verifier;

pub use hash::{Cost, PasswordHash};
pub use verifier::{Busy, Verifier};

use std::fmt;
use zeroize::Zeroizing;

/// Of a password as it is sent: far beyond what a person types, and little work to normalise.
pub const OCTETS_MAX: usize = 512;

/// A text is no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("a password is not empty")]
    Empty,
    #[error("a password has at most {OCTETS_MAX} octets")]
    TooLong,
    #[error("a password is made of letters that can be shown and typed (RFC 4013)")]
    Letters,
}

/// A password in the form in which it is compared.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(text: &str) -> Result<Self, PasswordError> {
        if text.len() > OCTETS_MAX {
            return Err(PasswordError::TooLong);
        }
        let prepared = stringprep::saslprep(text).map_err(|_| PasswordError::Letters)?;
        // All of its letters may have been of those that mean nothing.
        if prepared.is_empty() {
            return Err(PasswordError::Empty);
        }
        Ok(Self(Zeroizing::new(prepared.into_owned())))
    }

    fn octets(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(..)")
    }
}

/// Salts and nonces.
fn random<const OCTETS: usize>() -> Result<[u8; OCTETS], NoRandomness> {
    let mut octets = [0; OCTETS];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut octets)
        .map_err(|_| NoRandomness)?;
    Ok(octets)
}

/// The system has no random numbers to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers; see getrandom(2) about a machine that has just started")]
pub struct NoRandomness;

#[cfg(test)]
mod tests;
