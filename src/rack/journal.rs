//! Events, told in order and once. Notes of a transaction are stored with it and wait there until the journal has them,
//! so that a crash between the two loses none; what was only seen is told from memory.

use crate::store::{self, StoreError};
use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use understudy_ledger::{Entry, Key, Ledger};
use understudy_plan::effect::Note;

/// Notes that wait for a journal that is away; the oldest of those that were only seen go first.
const WAITING_MAX: usize = 1024;
/// How long a journal may take.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Notes that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub notes: Vec<Note>,
    /// Where they are stored until they are told: to be deleted in the transaction that appends them to the events.
    pub stored: Option<Key>,
}

/// The journal did not take an event, or nobody knows whether it did.
#[derive(Debug, thiserror::Error)]
#[error("the journal did not take an event")]
pub struct JournalError(#[source] pub Box<dyn Error + Send + Sync>);

/// The site's events.
pub trait Journal: Send + Sync {
    /// Appends the notes, in order, and deletes [`Told::stored`] in the same transaction.
    fn record(&self, told: Told) -> Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send + '_>>;

    /// Wakes somebody; must return at once. The same note is recorded as well.
    fn page(&self, note: &Note);
}

/// What has not been told, in order.
#[derive(Debug, Default)]
pub struct Waiting {
    queue: VecDeque<Told>,
    is_out: bool,
    has_failed: bool,
    pub lost: u64,
}

impl Waiting {
    /// What a process before this one stored and did not tell.
    pub async fn load(ledger: &dyn Ledger) -> Result<Self, StoreError> {
        Ok(Self { queue: stored(ledger).await?.into(), ..Self::default() })
    }

    /// Adds what is stored and not known here: notes of a transaction whose answer was lost.
    pub fn find(&mut self, stored: Vec<Told>) {
        for told in stored {
            if self.queue.iter().all(|known| known.stored != told.stored) {
                self.push(told);
            }
        }
    }

    /// Adds to the end.
    pub fn push(&mut self, told: Told) {
        self.queue.push_back(told);
        if self.queue.len() > WAITING_MAX {
            // The first may be out already.
            let oldest = self.queue.iter().skip(1).position(|told| told.stored.is_none());
            if let Some(at) = oldest {
                self.queue.remove(at + 1);
                self.lost += 1;
            }
        }
    }

    /// The next one, if none is out.
    pub fn take_next(&mut self) -> Option<Told> {
        let told = self.queue.front().filter(|_| !self.is_out)?.clone();
        self.is_out = true;
        Some(told)
    }

    /// How it ended.
    pub fn ended(&mut self, is_told: bool) {
        (self.is_out, self.has_failed) = (false, !is_told);
        if is_told {
            self.queue.pop_front();
        }
    }

    /// Whether the last one failed: a pause is due.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }
}

/// What is stored and not told, in order.
pub async fn stored(ledger: &dyn Ledger) -> Result<Vec<Told>, StoreError> {
    let entries = store::range(ledger, &store::untold()).await?;
    let read = |entry: Entry| {
        let notes = serde_json::from_value(entry.value).map_err(StoreError::Untold)?;
        Ok(Told { notes, stored: Some(entry.key) })
    };
    entries.into_iter().map(read).collect()
}

/// Tells it. What is gone from where it was stored has been told before.
pub async fn tell(
    journal: Arc<dyn Journal>,
    ledger: Arc<dyn Ledger>,
    told: Told,
) -> Result<(), JournalError> {
    if let Some(key) = &told.stored {
        let entry = ledger.get(key).await.map_err(|error| JournalError(Box::new(error)))?;
        if entry.is_none() {
            return Ok(());
        }
    }
    journal.record(told).await
}
