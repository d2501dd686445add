//! Wake-ups. A watch carries no value: whoever wakes reads again.

use crate::key::{Key, Prefix};
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// How many changes a slow watcher may be behind before it is told to read everything again.
pub(crate) const CHANGES_MAX: usize = 256;

/// The keys of one committed transaction.
pub(crate) type Change = Arc<[Key]>;

/// Wakes when something below a prefix may have changed.
#[derive(Debug)]
pub struct Watch {
    prefix: Prefix,
    changes: Receiver<Change>,
}

impl Watch {
    pub(crate) fn new(prefix: Prefix, changes: Receiver<Change>) -> Self {
        Self { prefix, changes }
    }

    /// Waits for a change, or for more of them than were kept. False when the ledger has ended.
    pub async fn changed(&mut self) -> bool {
        loop {
            match self.changes.recv().await {
                Ok(keys) if keys.iter().any(|key| self.prefix.contains(key)) => return true,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}
