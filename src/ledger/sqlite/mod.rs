//! The ledger on SQLite: one file, one thread that reads and writes it, one `fsync` for whatever waits.
//!
//! It refuses a file that is not ours, is damaged, is of a newer version, or is in use.

mod open;
mod store;

pub use open::OpenError;

use crate::key::{Key, Prefix};
use crate::txn::{Entry, Outcome, Page, Txn};
use crate::watch::{CHANGES_MAX, Change, Watch};
use crate::{Answer, Ledger, LedgerError, PAGE_ENTRIES_MAX};
use std::path::Path;
use std::thread::JoinHandle;
use store::Store;
use tokio::sync::{broadcast, mpsc, oneshot};

/// How many callers wait for the thread before further ones wait for a place.
const REQUESTS_MAX: usize = 1024;
/// How many waiting requests the thread takes up at once; their transactions share one `fsync`.
const GROUP_REQUESTS_MAX: usize = 128;

type Reply<T> = oneshot::Sender<Result<T, LedgerError>>;

enum Request {
    Txn(Txn, Reply<Outcome>),
    Get(Key, Reply<Option<Entry>>),
    Range { prefix: Prefix, after: Option<Key>, limit: usize, reply: Reply<Page> },
}

/// A ledger in one file.
#[derive(Debug)]
pub struct Sqlite {
    /// `None` only while it is dropped.
    requests: Option<mpsc::Sender<Request>>,
    changes: broadcast::Sender<Change>,
    thread: Option<JoinHandle<()>>,
}

impl Sqlite {
    /// Opens or creates the file, and checks every page and every entry of it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::start(open::open(path)?)
    }

    fn start(store: Store) -> Result<Self, OpenError> {
        let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
        let (changes, _) = broadcast::channel(CHANGES_MAX);
        let tell = changes.clone();
        let thread = std::thread::Builder::new().name("ledger".to_owned());
        let thread = thread.spawn(move || serve(store, waiting, &tell)).map_err(OpenError::Thread)?;
        Ok(Self { requests: Some(requests), changes, thread: Some(thread) })
    }

    fn ask<T: Send + 'static>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Answer<'_, T> {
        let (reply, answer) = oneshot::channel();
        let request = request(reply);
        Box::pin(async move {
            let requests = self.requests.as_ref().ok_or(LedgerError::Ended)?;
            requests.send(request).await.map_err(|_| LedgerError::Ended)?;
            answer.await.map_err(|_| LedgerError::Ended)?
        })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told by every request since.
            let _ = thread.join();
        }
    }
}

impl Ledger for Sqlite {
    fn txn(&self, txn: Txn) -> Answer<'_, Outcome> {
        match txn.check() {
            Ok(()) => self.ask(|reply| Request::Txn(txn, reply)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn get(&self, key: &Key) -> Answer<'_, Option<Entry>> {
        self.ask(|reply| Request::Get(key.clone(), reply))
    }

    fn range(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Answer<'_, Page> {
        let (prefix, after, limit) = (prefix.clone(), after.cloned(), limit.min(PAGE_ENTRIES_MAX));
        self.ask(|reply| Request::Range { prefix, after, limit, reply })
    }

    fn watch(&self, prefix: &Prefix) -> Watch {
        Watch::new(prefix.clone(), self.changes.subscribe())
    }
}

/// Answers until nobody can ask any more.
fn serve(mut store: Store, mut requests: mpsc::Receiver<Request>, changes: &broadcast::Sender<Change>) {
    let mut group = Vec::with_capacity(GROUP_REQUESTS_MAX);
    while requests.blocking_recv_many(&mut group, GROUP_REQUESTS_MAX) > 0 {
        let (mut txns, mut replies) = (Vec::new(), Vec::new());
        for request in group.drain(..) {
            match request {
                Request::Txn(txn, reply) => {
                    txns.push(txn);
                    replies.push(reply);
                }
                // Whoever asked may have stopped waiting: nothing is owed to them then.
                Request::Get(key, reply) => drop(reply.send(store.get(&key))),
                Request::Range { prefix, after, limit, reply } => {
                    drop(reply.send(store.range(&prefix, after.as_ref(), limit)));
                }
            }
        }
        for ((result, txn), reply) in store.write(&txns).into_iter().zip(&txns).zip(replies) {
            if matches!(result, Ok(Outcome::Committed(_))) && !txn.operations.is_empty() {
                let keys: Change = txn.operations.iter().map(|operation| operation.key().clone()).collect();
                // Nobody watching is fine.
                let _ = changes.send(keys);
            }
            drop(reply.send(result));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::txn::Operation;
    use serde_json::json;

    fn puts(count: usize, bytes: usize) -> Txn {
        let put = |at| Operation::Put {
            key: format!("/v1/x/{at}").parse().unwrap(),
            value: json!("x".repeat(bytes)),
        };
        Txn { compares: Vec::new(), operations: (0..count).map(put).collect() }
    }

    #[tokio::test]
    async fn a_full_disk_reaches_the_caller_and_leaves_nothing_half_done() {
        let folder = tempfile::tempdir().unwrap();
        let store = open::open(&folder.path().join("ledger.db")).unwrap();
        store.limit_pages(30);
        let ledger = Sqlite::start(store).unwrap();
        let error = ledger.txn(puts(20, 20_000)).await.unwrap_err();
        assert!(matches!(error, LedgerError::DiskFull(_)), "{error:?}");
        let found = ledger.range(&"/v1/x/".parse().unwrap(), None, 100).await.unwrap();
        assert!(found.entries.is_empty());
        ledger.txn(puts(2, 100)).await.unwrap();
    }

    #[tokio::test]
    async fn one_transaction_too_many_does_not_take_its_neighbours_along() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open::open(&folder.path().join("ledger.db")).unwrap();
        store.limit_pages(30);
        let results = store.write(&[puts(1, 10), puts(20, 20_000), puts(2, 10)]);
        assert!(matches!(results[0], Ok(Outcome::Committed(1))), "{results:?}");
        assert!(matches!(results[1], Err(LedgerError::DiskFull(_))), "{results:?}");
        assert!(matches!(results[2], Ok(Outcome::Committed(2))), "{results:?}");
    }
}
