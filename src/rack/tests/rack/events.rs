//! Events in the real ledger, as a site keeps them: appended and taken out of where they waited in one transaction.

use serde_json::json;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use understudy_ledger::{Expected, Key, Ledger, Outcome, Prefix, Txn};
use understudy_plan::effect::Note;
use understudy_rack::{Journal, JournalError, Told};

pub struct Events {
    ledger: Arc<dyn Ledger>,
}

impl Events {
    pub fn new(ledger: Arc<dyn Ledger>) -> Arc<Self> {
        Arc::new(Self { ledger })
    }

    async fn append(&self, told: Told) -> Result<(), JournalError> {
        let failed = |error| JournalError(Box::new(error));
        let prefix: Prefix = "/v1/event/".parse().unwrap();
        let first = self.ledger.range(&prefix, None, 1000).await.map_err(failed)?.entries.len();
        let mut txn = Txn::new();
        for (number, note) in told.notes.iter().enumerate() {
            let key: Key = prefix.key(&format!("{:010}", first + number)).unwrap();
            txn = txn.when(key.clone(), Expected::Absent).put(key, json!(note));
        }
        if let Some(stored) = told.stored {
            txn = txn.delete(stored);
        }
        let outcome = self.ledger.txn(txn).await.map_err(failed)?;
        assert!(matches!(outcome, Outcome::Committed(_)));
        Ok(())
    }
}

impl Journal for Events {
    fn record(&self, told: Told) -> Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send + '_>> {
        Box::pin(self.append(told))
    }

    fn page(&self, _note: &Note) {}
}

/// All that was told.
pub async fn all(ledger: &dyn Ledger) -> Vec<Note> {
    let prefix = "/v1/event/".parse().unwrap();
    let entries = ledger.range(&prefix, None, 1000).await.unwrap().entries;
    entries.into_iter().map(|entry| serde_json::from_value(entry.value).unwrap()).collect()
}
