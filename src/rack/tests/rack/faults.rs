//! A real ledger whose answers get lost.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio_util::sync::CancellationToken;
use understudy_ledger::{
    Answer, Entry, Key, Ledger, LedgerError, Operation, Outcome, Page, Prefix, Txn, Watch,
};

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The transaction never arrives, nor does anything behind it: the process dies before.
    Before,
    /// It is stored, and nothing after it happens any more: the process dies behind it.
    After,
    /// It is stored, its answer is lost, and everything goes on.
    LosesAnswer,
    /// It is not stored, its answer is lost, and everything goes on.
    LosesRequest,
}

pub struct Faulty {
    inner: Arc<dyn Ledger>,
    strike: Strike,
    /// Stored steps until it strikes.
    left: AtomicI64,
    /// Cancelled when it struck.
    pub struck: CancellationToken,
    is_dead: AtomicBool,
}

impl Faulty {
    /// Strikes at the `nth` transaction that moves an identity, from 1.
    pub fn new(inner: Arc<dyn Ledger>, strike: Strike, nth: i64) -> Arc<Self> {
        let (left, struck) = (AtomicI64::new(nth), CancellationToken::new());
        Arc::new(Self { inner, strike, left, struck, is_dead: AtomicBool::new(false) })
    }

    /// Nothing is answered any more, or everything is again.
    pub fn set_dead(&self, is_dead: bool) {
        self.is_dead.store(is_dead, Ordering::SeqCst);
    }

    fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    fn is_struck(&self, txn: &Txn) -> bool {
        let moves = |operation: &Operation| {
            let key = operation.key().as_str();
            ["/v1/identity/", "/v1/fence/"].iter().any(|prefix| key.starts_with(prefix))
        };
        txn.operations.iter().any(moves) && self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

impl Ledger for Faulty {
    fn txn(&self, txn: Txn) -> Answer<'_, Outcome> {
        Box::pin(async move {
            if self.is_dead() {
                return pending().await;
            }
            if !self.is_struck(&txn) {
                return self.inner.txn(txn).await;
            }
            if matches!(self.strike, Strike::After | Strike::LosesAnswer) {
                self.inner.txn(txn).await?;
            }
            self.set_dead(matches!(self.strike, Strike::Before | Strike::After));
            self.struck.cancel();
            if self.is_dead() { pending().await } else { Err(LedgerError::Ended) }
        })
    }

    fn get(&self, key: &Key) -> Answer<'_, Option<Entry>> {
        if self.is_dead() { Box::pin(pending()) } else { self.inner.get(key) }
    }

    fn range(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Answer<'_, Page> {
        if self.is_dead() { Box::pin(pending()) } else { self.inner.range(prefix, after, limit) }
    }

    fn watch(&self, prefix: &Prefix) -> Watch {
        self.inner.watch(prefix)
    }
}
