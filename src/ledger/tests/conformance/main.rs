//! What every ledger must do, written against the trait; and which files SQLite's one refuses.

#![expect(clippy::unwrap_used, reason = "here a panic with its place is the message")]

mod files;
mod model;

use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use understudy_ledger::{
    Expected, Key, Ledger, LedgerError, OPERATIONS_MAX, Outcome, Sqlite, Txn, VALUE_BYTES_MAX,
};

/// A ledger with what keeps it alive. A further store joins here.
fn ledgers() -> Vec<(Arc<dyn Ledger>, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(&folder.path().join("ledger.db")).unwrap();
    vec![(Arc::new(sqlite), folder)]
}

fn key(name: &str) -> Key {
    format!("/v1/x/{name}").parse().unwrap()
}

async fn put(ledger: &dyn Ledger, name: &str, value: Value) -> u64 {
    match ledger.txn(Txn::new().put(key(name), value)).await.unwrap() {
        Outcome::Committed(revision) => revision,
        refused => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn what_was_put_is_read_with_its_revisions() {
    for (ledger, _folder) in ledgers() {
        assert_eq!(ledger.get(&key("a")).await.unwrap(), None);
        let first = put(&*ledger, "a", json!({"n": 1})).await;
        let second = put(&*ledger, "a", json!({"n": 2})).await;
        assert!(second > first);
        let entry = ledger.get(&key("a")).await.unwrap().unwrap();
        assert_eq!((entry.created, entry.modified, entry.value), (first, second, json!({"n": 2})));
    }
}

#[tokio::test]
async fn a_transaction_happens_wholly_or_not_at_all() {
    for (ledger, _folder) in ledgers() {
        let created = put(&*ledger, "a", json!(1)).await;
        let wrong = [
            (key("a"), Expected::Absent),
            (key("a"), Expected::Modified(created + 1)),
            (key("a"), Expected::Created(created + 1)),
            (key("none"), Expected::Modified(created)),
            (key("none"), Expected::Created(created)),
        ];
        for (on, expected) in wrong {
            let txn = Txn::new()
                .when(key("b"), Expected::Absent)
                .when(on.clone(), expected)
                .put(key("b"), json!(1))
                .delete(key("a"));
            assert_eq!(ledger.txn(txn).await.unwrap(), Outcome::Refused(on), "{expected:?}");
        }
        assert!(ledger.get(&key("b")).await.unwrap().is_none());
        assert_eq!(ledger.get(&key("a")).await.unwrap().unwrap().value, json!(1));
        let both =
            Txn::new().when(key("a"), Expected::Modified(created)).put(key("b"), json!(1)).delete(key("a"));
        let outcome = ledger.txn(both).await.unwrap();
        let b = ledger.get(&key("b")).await.unwrap().unwrap();
        assert_eq!(outcome, Outcome::Committed(b.modified));
        assert!(ledger.get(&key("a")).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_key_that_comes_back_is_created_anew() {
    for (ledger, _folder) in ledgers() {
        let first = put(&*ledger, "a", json!(1)).await;
        ledger.txn(Txn::new().delete(key("a"))).await.unwrap();
        let again = put(&*ledger, "a", json!(1)).await;
        let entry = ledger.get(&key("a")).await.unwrap().unwrap();
        assert_eq!((entry.created, entry.modified), (again, again));
        let stale = Txn::new().when(key("a"), Expected::Created(first)).put(key("a"), json!(2));
        assert!(matches!(ledger.txn(stale).await.unwrap(), Outcome::Refused(_)));
    }
}

#[tokio::test]
async fn of_many_who_compare_and_swap_one_wins_each_round() {
    for (ledger, _folder) in ledgers() {
        let before = put(&*ledger, "a", json!(0)).await;
        let attempts = (0..50).map(|n| {
            let ledger = Arc::clone(&ledger);
            let swap = Txn::new().when(key("a"), Expected::Modified(before)).put(key("a"), json!(n));
            tokio::spawn(async move { ledger.txn(swap).await.unwrap() })
        });
        let mut won = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            won += usize::from(matches!(attempt.await.unwrap(), Outcome::Committed(_)));
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn a_range_has_its_keys_in_order_page_by_page() {
    for (ledger, _folder) in ledgers() {
        for name in ["c", "a", "b", "b/1"] {
            put(&*ledger, name, json!(name)).await;
        }
        ledger.txn(Txn::new().put("/v1/xy/z".parse().unwrap(), json!(0))).await.unwrap();
        let prefix = "/v1/x/".parse().unwrap();
        let page = ledger.range(&prefix, None, 3).await.unwrap();
        let names: Vec<_> = page.entries.iter().map(|entry| entry.value.clone()).collect();
        assert_eq!((names, page.more), (vec![json!("a"), json!("b"), json!("b/1")], true));
        let rest = ledger.range(&prefix, Some(&page.entries[2].key), 3).await.unwrap();
        assert_eq!((rest.entries.len(), rest.more), (1, false));
    }
}

#[tokio::test]
async fn a_watch_wakes_for_its_prefix_only() {
    for (ledger, _folder) in ledgers() {
        let mut watch = ledger.watch(&"/v1/x/".parse().unwrap());
        ledger.txn(Txn::new().put("/v1/y/a".parse().unwrap(), json!(0))).await.unwrap();
        put(&*ledger, "a", json!(0)).await;
        assert!(watch.changed().await);
        let nothing_more = tokio::time::timeout(std::time::Duration::from_millis(20), watch.changed()).await;
        assert!(nothing_more.is_err());
        drop(ledger);
        assert!(!watch.changed().await, "the end of the ledger is told");
    }
}

#[tokio::test]
async fn a_watcher_that_is_far_behind_is_woken() {
    for (ledger, _folder) in ledgers() {
        let mut watch = ledger.watch(&"/v1/x/".parse().unwrap());
        for n in 0..600 {
            ledger.txn(Txn::new().put("/v1/y/a".parse().unwrap(), json!(n))).await.unwrap();
        }
        assert!(watch.changed().await, "it cannot know what it missed, so it must look");
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    for (ledger, _folder) in ledgers() {
        let twice = Txn::new().put(key("a"), json!(1)).delete(key("a"));
        assert!(matches!(ledger.txn(twice).await, Err(LedgerError::KeyTwice(_))));
        let many = (0..=OPERATIONS_MAX).fold(Txn::new(), |txn, n| txn.put(key(&n.to_string()), json!(n)));
        assert!(matches!(ledger.txn(many).await, Err(LedgerError::OperationsTooMany(_))));
        let large = Txn::new().put(key("a"), json!("x".repeat(VALUE_BYTES_MAX)));
        assert!(matches!(ledger.txn(large).await, Err(LedgerError::ValueTooLarge { .. })));
        assert!(ledger.get(&key("a")).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_changes_nothing_keeps_the_revision() {
    for (ledger, _folder) in ledgers() {
        let revision = put(&*ledger, "a", json!(1)).await;
        let outcome = ledger.txn(Txn::new().delete(key("none"))).await.unwrap();
        assert_eq!(outcome, Outcome::Committed(revision));
        assert_eq!(ledger.txn(Txn::new()).await.unwrap(), Outcome::Committed(revision));
    }
}
