//! The secret itself.

use rustls::crypto::SecureRandom;
use rustls::crypto::ring;
use std::fmt;
use zeroize::Zeroizing;

const SECRET_BYTES: usize = 32;

/// 32 random bytes. They are wiped when dropped and cannot be printed.
pub struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

impl Secret {
    /// A fresh one; `None` when the kernel gives no random bytes.
    pub(super) fn random() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        fill(bytes.as_mut_slice())?;
        Some(Self(bytes))
    }

    /// One that was written down; `None` for another length.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        if bytes.len() != SECRET_BYTES {
            return None;
        }
        secret.copy_from_slice(bytes);
        Some(Self(secret))
    }

    /// The bytes, for encryption only.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(not shown)")
    }
}

/// Random bytes of the kernel; `None` when it gives none.
pub(super) fn fill(bytes: &mut [u8]) -> Option<()> {
    let random: &dyn SecureRandom = ring::default_provider().secure_random;
    random.fill(bytes).ok()
}
