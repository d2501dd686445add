//! Files: what outlives the process, and what is not opened.

use super::{key, put};
use serde_json::json;
use std::os::unix::fs::FileExt;
use std::path::Path;
use understudy_core::base::fs;
use understudy_ledger::{Ledger, OpenError, Sqlite, Txn};

async fn written(path: &Path) {
    let ledger = Sqlite::open(path).unwrap();
    for n in 0..50 {
        put(&ledger, &n.to_string(), json!({ "text": format!("needle-{n}") })).await;
    }
}

#[tokio::test]
async fn a_ledger_reads_back_after_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    written(&path).await;
    let ledger = Sqlite::open(&path).unwrap();
    assert_eq!(ledger.get(&key("7")).await.unwrap().unwrap().value, json!({ "text": "needle-7" }));
    assert_eq!(put(&ledger, "more", json!(0)).await, 51, "revisions go on");
}

#[tokio::test]
async fn a_second_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let first = Sqlite::open(&path).unwrap();
    assert!(matches!(Sqlite::open(&path), Err(OpenError::InUse(_))));
    drop(first);
    Sqlite::open(&path).unwrap();
}

#[tokio::test]
async fn a_foreign_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    fs::write(&path, b"somebody's notes, longer than a header").unwrap();
    assert!(matches!(Sqlite::open(&path), Err(OpenError::Foreign(_))));
    assert_eq!(fs::read(&path).unwrap(), b"somebody's notes, longer than a header");
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = fs::read(&other).unwrap();
    assert!(matches!(Sqlite::open(&other), Err(OpenError::Foreign(_))));
    assert_eq!(fs::read(&other).unwrap(), before);
}

#[tokio::test]
async fn a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    written(&path).await;
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    assert!(matches!(Sqlite::open(&path), Err(OpenError::Version { found: 2, .. })));
}

/// Catches a ledger without a digest for each entry: SQLite itself does not notice a changed value.
#[tokio::test]
async fn one_flipped_bit_in_a_value_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    written(&path).await;
    let content = fs::read(&path).unwrap();
    let at = content.windows(9).position(|window| window == b"needle-31").unwrap();
    fs::open_update(&path).unwrap().write_at(&[content[at] ^ 1], at as u64).unwrap();
    let error = Sqlite::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("/v1/x/31"), "{error}");
}

#[tokio::test]
async fn no_flipped_byte_goes_unnoticed_or_brings_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    written(&path).await;
    let content = fs::read(&path).unwrap();
    for at in (0..content.len()).step_by(97) {
        let mut changed = content.clone();
        changed[at] ^= 0x41;
        fs::write(&path, &changed).unwrap();
        // A byte that nothing uses may change; then every entry must still read as it was.
        let Ok(ledger) = Sqlite::open(&path) else { continue };
        for n in 0..50 {
            let entry = ledger.get(&key(&n.to_string())).await.unwrap().unwrap();
            assert_eq!(entry.value, json!({ "text": format!("needle-{n}") }), "byte {at}");
        }
    }
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    written(&path).await;
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 4096]).unwrap();
    assert!(matches!(Sqlite::open(&path), Err(OpenError::Damaged { .. })));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_clear_error() {
    let error = Sqlite::open(Path::new("/nonexistent/ledger.db")).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/ledger.db"), "{error}");
}

#[tokio::test]
async fn whoever_has_stopped_waiting_does_not_stop_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Sqlite::open(&folder.path().join("ledger.db")).unwrap();
    for n in 0..20 {
        drop(ledger.txn(Txn::new().put(key("a"), json!(n))));
    }
    put(&ledger, "a", json!("last")).await;
    assert_eq!(ledger.get(&key("a")).await.unwrap().unwrap().value, json!("last"));
}
