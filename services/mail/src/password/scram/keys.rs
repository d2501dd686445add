//! What is kept of a password for SCRAM: enough to check a proof, and not enough to make one (RFC 5802, section 3).

use super::super::{NoRandomness, Password, random};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::{digest, hmac, pbkdf2};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Of new keys. Clients do the work; RFC 7677, section 4, wants 4096 or more.
pub const ITERATIONS: u32 = 15_000;
const ITERATIONS_MIN: u32 = 4096;
/// Beyond this a client would take a login for one that hangs.
const ITERATIONS_MAX: u32 = 1_000_000;
const SALT_OCTETS: usize = 16;
const SALT_OCTETS_MAX: usize = 64;
pub(super) const HASH_OCTETS: usize = digest::SHA256_OUTPUT_LEN;

pub(super) type Hash = [u8; HASH_OCTETS];

/// A text is none that [`StoredKeys`] are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "SCRAM keys are SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER, with 4096 to 1000000 iterations (RFC 5803)"
)]
pub struct KeysError;

/// StoredKey and ServerKey, with what they were made from besides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKeys {
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored: Hash,
    pub(super) server: Hash,
}

impl StoredKeys {
    /// Of a new password.
    pub fn new(password: &Password) -> Result<Self, NoRandomness> {
        Ok(Self::derive(password, random::<SALT_OCTETS>()?.to_vec(), ITERATIONS))
    }

    pub(super) fn derive(password: &Password, salt: Vec<u8>, iterations: u32) -> Self {
        let mut salted = Zeroizing::new([0; HASH_OCTETS]);
        let rounds = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.octets(), &mut *salted);
        let client = Zeroizing::new(hmac(&*salted, b"Client Key"));
        Self { iterations, salt, stored: sha256(&*client), server: hmac(&*salted, b"Server Key") }
    }
}

/// Makes keys for accounts that do not exist: the same for the same name, and nobody's.
///
/// Without them a client would tell from the salt of a challenge, or from its absence, which accounts exist.
pub struct Decoys(hmac::Key);

impl Decoys {
    /// The secret is the same on all servers that a client may ask, and stays the same as long as salts do.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub fn keys(&self, account: &str) -> StoredKeys {
        let part = |name: &str| -> Hash {
            let mut signing = hmac::Context::with_key(&self.0);
            signing.update(name.as_bytes());
            signing.update(account.as_bytes());
            signing.sign().as_ref().try_into().expect("is a SHA-256")
        };
        let salt = part("salt ")[..SALT_OCTETS].to_vec();
        StoredKeys { iterations: ITERATIONS, salt, stored: part("stored "), server: part("server ") }
    }
}

impl fmt::Debug for Decoys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Decoys(..)")
    }
}

pub(super) fn hmac(key: &[u8], message: &[u8]) -> Hash {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    tag.as_ref().try_into().expect("is a SHA-256")
}

pub(super) fn sha256(octets: &[u8]) -> Hash {
    digest::digest(&digest::SHA256, octets).as_ref().try_into().expect("is a SHA-256")
}

const SCHEME: &str = "SCRAM-SHA-256";

impl FromStr for StoredKeys {
    type Err = KeysError;

    fn from_str(text: &str) -> Result<Self, KeysError> {
        let [scheme, made_from, keys] = parts(text, '$')?;
        let [iterations, salt] = parts(made_from, ':')?;
        let [stored, server] = parts(keys, ':')?;
        let iterations: u32 = iterations.parse().map_err(|_| KeysError)?;
        let salt = BASE64.decode(salt).map_err(|_| KeysError)?;
        let is_bounded = (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations)
            && (1..=SALT_OCTETS_MAX).contains(&salt.len());
        if scheme != SCHEME || !is_bounded {
            return Err(KeysError);
        }
        Ok(Self { iterations, salt, stored: key(stored)?, server: key(server)? })
    }
}

fn parts<const N: usize>(text: &str, separator: char) -> Result<[&str; N], KeysError> {
    let parts: Vec<_> = text.splitn(N + 1, separator).collect();
    parts.try_into().map_err(|_| KeysError)
}

fn key(text: &str) -> Result<Hash, KeysError> {
    BASE64.decode(text).ok().and_then(|octets| octets.try_into().ok()).ok_or(KeysError)
}

impl fmt::Display for StoredKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{SCHEME}${}:{}", self.iterations, BASE64.encode(&self.salt))?;
        write!(out, "${}:{}", BASE64.encode(self.stored), BASE64.encode(self.server))
    }
}

impl fmt::Debug for StoredKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("StoredKeys(..)")
    }
}
