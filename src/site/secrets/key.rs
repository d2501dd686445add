//! The key under which secrets are at rest, and the file that holds it.

use super::secret::{Secret, fill};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
/// Of XChaCha20 (draft-irtf-cfrg-xchacha-03, section 2): long enough to be drawn at random for ever.
const NONCE_BYTES: usize = 24;
/// Digits of a key's fingerprint.
const FINGERPRINT_DIGITS: usize = 16;

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("cannot use the key of the identities' secrets")]
    File(#[source] FsError),
    #[error("{} is missing, and the ledger holds secrets that only its key opens", .0.display())]
    Missing(PathBuf),
    #[error("{} holds no key of secrets, which has {KEY_BYTES} bytes in hexadecimal", .0.display())]
    Format(PathBuf),
    #[error("{} is not the key that the secrets of the ledger were encrypted with", .0.display())]
    Wrong(PathBuf),
    #[error("{} may be read by others than its owner (mode {mode:o})", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("the kernel gives no random bytes for the key of secrets")]
    Random,
}

/// A secret as the ledger holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtRest {
    pub epoch: Epoch,
    /// Which key opens it.
    fingerprint: String,
    #[serde(with = "hex::serde")]
    nonce: [u8; NONCE_BYTES],
    #[serde(with = "hex::serde")]
    ciphertext: Vec<u8>,
}

/// The key.
pub struct SecretsKey {
    cipher: XChaCha20Poly1305,
    fingerprint: String,
}

impl SecretsKey {
    /// Reads the file. It is made only where `may_make` says that nothing was encrypted yet.
    pub fn open(path: &Path, may_make: bool) -> Result<Self, KeyFileError> {
        match fs::read_text(path) {
            Ok(text) => Self::read(path, &Zeroizing::new(text)),
            Err(error) if !error.is_not_found() => Err(KeyFileError::File(error)),
            Err(_) if may_make => Self::make(path),
            Err(_) => Err(KeyFileError::Missing(path.to_owned())),
        }
    }

    fn read(path: &Path, text: &str) -> Result<Self, KeyFileError> {
        let mode = fs::mode(path).map_err(KeyFileError::File)?;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
        }
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| KeyFileError::Format(path.to_owned()))?;
        Ok(Self::of(&bytes))
    }

    fn make(path: &Path) -> Result<Self, KeyFileError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(bytes.as_mut_slice()).ok_or(KeyFileError::Random)?;
        let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(bytes.as_slice()))));
        fs::write_secret_atomic(path, text.as_bytes()).map_err(KeyFileError::File)?;
        Ok(Self::of(&bytes))
    }

    fn of(bytes: &[u8; KEY_BYTES]) -> Self {
        let cipher = XChaCha20Poly1305::new(bytes.into());
        let mut named = Zeroizing::new(b"understudy secrets key ".to_vec());
        named.extend_from_slice(bytes);
        Self { cipher, fingerprint: Sha256::of(&named).to_string()[..FINGERPRINT_DIGITS].to_owned() }
    }

    /// Whether this is the key that opens it.
    pub fn must_be_of(&self, path: &Path, at_rest: &AtRest) -> Result<(), KeyFileError> {
        match at_rest.fingerprint == self.fingerprint {
            true => Ok(()),
            false => Err(KeyFileError::Wrong(path.to_owned())),
        }
    }

    /// As the ledger holds it; `None` when the kernel gives no random bytes.
    pub fn encrypt(&self, identity: &Name, epoch: Epoch, secret: &Secret) -> Option<AtRest> {
        let mut nonce = [0; NONCE_BYTES];
        fill(&mut nonce)?;
        let bound = bound_to(identity, epoch);
        let payload = Payload { msg: secret.expose(), aad: bound.as_bytes() };
        let ciphertext = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some(AtRest { epoch, fingerprint: self.fingerprint.clone(), nonce, ciphertext })
    }

    /// The secret; `None` if a byte of it was changed, or if it was encrypted for another identity or epoch.
    pub fn decrypt(&self, identity: &Name, at_rest: &AtRest) -> Option<Secret> {
        let bound = bound_to(identity, at_rest.epoch);
        let payload = Payload { msg: &at_rest.ciphertext, aad: bound.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(at_rest.nonce), payload).ok()?;
        Secret::of(&Zeroizing::new(opened))
    }
}

impl fmt::Debug for SecretsKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretsKey({})", self.fingerprint)
    }
}

fn bound_to(identity: &Name, epoch: Epoch) -> String {
    format!("{identity}/{epoch}")
}
