//! The secrets of identities: one for each epoch, made here, encrypted at rest, sealed to its holder.
//!
//! The ledger holds ciphertext under the key of a file beside it, and only that of an identity's newest epoch: with
//! the next one the old secret is gone. Who may have a secret is decided by whoever calls [`Secrets::of`]; an epoch
//! below the newest is refused here as well. No secret is ever logged, shown or put into an event.
//!
//! Entry points: [`Secrets::open`], [`Secrets::of`], [`Recipient::seal`].

mod key;
mod seal;
mod secret;

pub use key::KeyFileError;
pub use seal::{Recipient, SealError};
pub use secret::Secret;

use key::{AtRest, SecretsKey};
use std::path::Path;
use std::sync::Arc;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_ledger::{
    Entry, Expected, Key, KeyError, Ledger, LedgerError, Outcome, PAGE_ENTRIES_MAX, Prefix, Txn,
};

/// How often somebody else may store a secret first; two requests of one node race once.
const TRIES_MAX: usize = 4;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("cannot use the ledger for secrets")]
    Ledger(#[from] LedgerError),
    #[error("cannot name a secret's entry of the ledger")]
    Key(#[from] KeyError),
    #[error("the secret in {0} of the ledger is not understood")]
    Entry(Key),
    #[error(
        "the secret in {0} of the ledger was changed by somebody without the key, or belongs to another identity"
    )]
    Forged(Key),
    #[error("epoch {asked} of {identity} is over; its newest is {newest}")]
    Stale { identity: Name, asked: Epoch, newest: Epoch },
    #[error("an identity that was never assigned has no secret")]
    Never,
    #[error("the secret of {0} is being changed by somebody else, again and again")]
    Contended(Name),
    #[error("the kernel gives no random bytes for a secret")]
    Random,
}

/// All secrets of a site.
pub struct Secrets {
    ledger: Arc<dyn Ledger>,
    key: SecretsKey,
}

fn prefix() -> Prefix {
    "/v1/secret/".parse().expect("a constant that follows the rules of prefixes")
}

impl Secrets {
    /// Reads the key file, or makes it for a ledger without secrets. A file that is missing beside secrets, or that
    /// is not the one that they were encrypted with, is refused: with it every secret would be lost silently.
    pub async fn open(path: &Path, ledger: Arc<dyn Ledger>) -> Result<Self, SecretsError> {
        let stored = all(&*ledger).await?;
        let key = SecretsKey::open(path, stored.is_empty())?;
        for (_, at_rest) in &stored {
            key.must_be_of(path, at_rest)?;
        }
        Ok(Self { ledger, key })
    }

    /// The identity's secret at this epoch. It is made when it is asked for first, in the place of the one of the
    /// epoch before.
    pub async fn of(&self, identity: &Name, epoch: Epoch) -> Result<Secret, SecretsError> {
        if epoch == Epoch::NEVER {
            return Err(SecretsError::Never);
        }
        let key = prefix().key(identity.as_str())?;
        for _ in 0..TRIES_MAX {
            let known = self.ledger.get(&key).await?;
            let (expected, newest) = match &known {
                None => (Expected::Absent, Epoch::NEVER),
                Some(entry) => (Expected::Modified(entry.modified), read(entry)?.epoch),
            };
            if newest > epoch {
                return Err(SecretsError::Stale { identity: identity.clone(), asked: epoch, newest });
            }
            if let Some(entry) = known.filter(|_| newest == epoch) {
                let opened = self.key.decrypt(identity, &read(&entry)?);
                return opened.ok_or(SecretsError::Forged(key));
            }
            let secret = Secret::random().ok_or(SecretsError::Random)?;
            let at_rest = self.key.encrypt(identity, epoch, &secret).ok_or(SecretsError::Random)?;
            let value = serde_json::to_value(at_rest).expect("our own struct has string keys");
            let txn = Txn::new().when(key.clone(), expected).put(key.clone(), value);
            // Refused, or nobody knows: the next try reads what is there before anything else.
            if let Ok(Outcome::Committed(_)) = self.ledger.txn(txn).await {
                return Ok(secret);
            }
        }
        Err(SecretsError::Contended(identity.clone()))
    }
}

fn read(entry: &Entry) -> Result<AtRest, SecretsError> {
    serde_json::from_value(entry.value.clone()).map_err(|_| SecretsError::Entry(entry.key.clone()))
}

async fn all(ledger: &dyn Ledger) -> Result<Vec<(Key, AtRest)>, SecretsError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = ledger.range(&prefix(), after.as_ref(), PAGE_ENTRIES_MAX).await?;
        for entry in &page.entries {
            found.push((entry.key.clone(), read(entry)?));
        }
        match page.entries.last() {
            Some(last) if page.more => after = Some(last.key.clone()),
            _ => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests;
