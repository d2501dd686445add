//! When a manifest may be used: signed by a trusted key, not expired, not older than one trusted before.

use super::key::{KeyId, PublicKey};
use crate::formats::manifest::{MANIFEST_FORMAT, Manifest};
use std::ops::Deref;

/// A value whose signature was checked. Only this module makes one.
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What a verifier trusts, and when it looks.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    /// Any of these may have signed.
    pub keys: Vec<PublicKey>,
    /// The moment to compare expiry with.
    pub now: jiff::Timestamp,
    /// The newest version that was trusted before: nothing older is.
    pub oldest_version: Option<semver::Version>,
}

/// Why a manifest must not be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("the signature file is not a minisign signature")]
    SignatureFormat(#[source] Option<minisign_verify::Error>),
    #[error("the manifest is signed with key {signer}, which is not trusted (trusted: {trusted})")]
    UnknownKey { signer: KeyId, trusted: String },
    #[error("the manifest does not match its signature by key {0}: it was changed after signing")]
    Changed(KeyId),
    #[error("the manifest is signed but not readable")]
    Format(#[source] serde_json::Error),
    #[error("the manifest has format {0}, this version reads format {MANIFEST_FORMAT}")]
    FormatNumber(u32),
    #[error("the manifest names key {named} but is signed with key {signer}")]
    KeyMismatch { named: String, signer: KeyId },
    #[error("the manifest of {name} {version} expired at {at}")]
    Expired { name: String, version: semver::Version, at: jiff::Timestamp },
    #[error("{name} {version} is older than {trusted}, which was trusted before")]
    Older { name: String, version: semver::Version, trusted: semver::Version },
}

impl TrustPolicy {
    /// Checks the signature first, and reads nothing of the manifest before that.
    pub fn verify_manifest(&self, content: &[u8], signature: &str) -> Result<Verified<Manifest>, TrustError> {
        let signer = self.signer(content, signature)?;
        let manifest: Manifest = serde_json::from_slice(content).map_err(TrustError::Format)?;
        if manifest.format != MANIFEST_FORMAT {
            return Err(TrustError::FormatNumber(manifest.format));
        }
        if manifest.key_id != signer.to_string() {
            return Err(TrustError::KeyMismatch { named: manifest.key_id, signer });
        }
        let (name, version) = (manifest.name.to_string(), manifest.version.clone());
        if manifest.expires <= self.now {
            return Err(TrustError::Expired { name, version, at: manifest.expires });
        }
        match &self.oldest_version {
            Some(trusted) if version < *trusted => {
                Err(TrustError::Older { name, version, trusted: trusted.clone() })
            }
            _ => Ok(Verified(manifest)),
        }
    }

    fn signer(&self, content: &[u8], signature: &str) -> Result<KeyId, TrustError> {
        let signer = KeyId::of_file(signature).ok_or(TrustError::SignatureFormat(None))?;
        let decoded = minisign_verify::Signature::decode(signature)
            .map_err(|error| TrustError::SignatureFormat(Some(error)))?;
        let mut same_id = self.keys.iter().filter(|key| key.id() == signer).peekable();
        if same_id.peek().is_none() {
            let trusted = self.keys.iter().map(|key| key.id().to_string()).collect::<Vec<_>>().join(", ");
            return Err(TrustError::UnknownKey { signer, trusted });
        }
        if same_id.any(|key| key.verifies(content, &decoded)) {
            Ok(signer)
        } else {
            Err(TrustError::Changed(signer))
        }
    }
}
