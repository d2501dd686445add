//! What the server says, and whether it believes (RFC 5802, sections 3 and 5).

use super::keys::{Hash, hmac, sha256};
use super::message::ClientFinal;
use super::{ClientFirst, ScramError, StoredKeys};
use crate::password::{NoRandomness, random};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use subtle::ConstantTimeEq;

const NONCE_OCTETS: usize = 18;

/// The server has answered the first message, and waits for the proof.
pub struct Challenge {
    keys: StoredKeys,
    header: String,
    nonce: String,
    first_bare: String,
    text: String,
}

impl ClientFirst {
    /// With the keys of the user, or [`super::Decoys`] where there are none.
    pub fn challenge(self, keys: StoredKeys) -> Result<Challenge, NoRandomness> {
        Ok(self.challenge_with(keys, &BASE64.encode(random::<NONCE_OCTETS>()?)))
    }

    pub(super) fn challenge_with(self, keys: StoredKeys, nonce: &str) -> Challenge {
        let nonce = format!("{}{nonce}", self.nonce);
        let text = format!("r={nonce},s={},i={}", BASE64.encode(&keys.salt), keys.iterations);
        Challenge { keys, header: self.header, nonce, first_bare: self.bare, text }
    }
}

impl Challenge {
    /// `server-first-message`, to be sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The client knows the password: `server-final-message`, by which the client sees that the server knows it too.
    pub fn finish(self, message: &[u8]) -> Result<String, ScramError> {
        let last = ClientFinal::read(message)?;
        if last.channel_binding != self.header.as_bytes() || last.nonce != self.nonce {
            return Err(ScramError::Mismatch);
        }
        let about = format!("{},{},{}", self.first_bare, self.text, last.without_proof);
        let signature = hmac(&self.keys.stored, about.as_bytes());
        let client_key: Hash = std::array::from_fn(|at| last.proof[at] ^ signature[at]);
        if !bool::from(sha256(&client_key).ct_eq(&self.keys.stored)) {
            return Err(ScramError::NotProven);
        }
        Ok(format!("v={}", BASE64.encode(hmac(&self.keys.server, about.as_bytes()))))
    }
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Challenge({:?})", self.text)
    }
}
