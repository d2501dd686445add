//! minisign public keys and key ids.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// The eight bytes by which minisign tells keys apart; no secret and no proof.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// From the bytes behind the two-byte algorithm of a key or a signature.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The id in the second line of a minisign signature or public key file, if it is one.
    pub fn of_file(text: &str) -> Option<Self> {
        Self::of_line(text.lines().nth(1)?)
    }

    fn of_line(line: &str) -> Option<Self> {
        let bytes = STANDARD.decode(line.trim()).ok()?;
        bytes.get(2..10)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    /// As minisign prints it: a little-endian number in hexadecimal.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The text is not a minisign public key.
#[derive(Debug, thiserror::Error)]
#[error("this is not a minisign public key of two lines")]
pub struct KeyError(#[source] Option<minisign_verify::Error>);

/// A key whose signatures are trusted.
#[derive(Clone, Debug)]
pub struct PublicKey {
    id: KeyId,
    key: minisign_verify::PublicKey,
}

impl PublicKey {
    /// Reads a `.pub` file of minisign: a comment line and a base64 line.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let line = text.lines().nth(1).ok_or(KeyError(None))?.trim();
        let id = KeyId::of_line(line).ok_or(KeyError(None))?;
        let key = minisign_verify::PublicKey::from_base64(line).map_err(|error| KeyError(Some(error)))?;
        Ok(Self { id, key })
    }

    /// What minisign calls this key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn verifies(&self, content: &[u8], signature: &minisign_verify::Signature) -> bool {
        // Legacy signatures, which are not over a hash, are never made by us and not accepted.
        self.key.verify(content, signature, false).is_ok()
    }
}
