//! A mailbox with many messages: what a client asks first of it, in bounded memory.

use crate::client::Raw;
use crate::house::{account_of, message, put};
use crate::process::Process;
use mailstore::{Config, Flags, MailboxName, Store, Uid, UidSet};
use std::path::Path;
use std::time::Instant;

/// Different ones; the others are copies of these, which the server cannot know.
const ORIGINALS: u32 = 500;
/// A build for tests is slower by far.
const COPIES: u32 = if cfg!(debug_assertions) { 80 } else { 200 };
const MEMORY_MIB_MAX: u64 = 64;

async fn build(folder: &Path) {
    let store = Store::open(&Config::new(folder)).unwrap();
    store.create_account(&account_of("ann")).await.unwrap();
    for number in 1..=ORIGINALS {
        put(&store, "INBOX", Flags::default(), message(number, &"a line of text\r\n".repeat(20))).await;
    }
    let inbox = store.mailbox(&account_of("ann"), &MailboxName::inbox()).unwrap().id;
    let mut originals = UidSet::new();
    originals.insert_run(Uid::MIN, Uid::new(ORIGINALS).unwrap());
    for _ in 1..COPIES {
        store.copy(inbox, originals.clone(), inbox).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_mailbox_is_selected_listed_and_searched_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path()).await;
    let process = Process::start(folder.path()).await;
    let (before, _) = process.memory();
    let mut client = Raw::ann(process.address).await;
    let messages = u64::from(ORIGINALS * COPIES);
    let mut took = Vec::new();
    for (command, lines, last) in [
        ("SELECT INBOX", 8, None),
        ("FETCH 1:* FLAGS", messages, Some(format!("* {messages} FETCH (FLAGS ())"))),
        ("SEARCH SUBJECT \"message 77\"", 1, None),
        ("SEARCH UNSEEN UNDELETED", 1, None),
        ("UID SORT (REVERSE DATE) UTF-8 1:2000", 1, None),
        ("STORE 1:* +FLAGS.SILENT (\\Seen)", 0, None),
        ("SEARCH UNSEEN", 1, Some("* SEARCH".to_owned())),
    ] {
        let begun = Instant::now();
        let said = client.ok(command).await;
        took.push(format!("{command}: {:?}", begun.elapsed()));
        assert_eq!(said.len() as u64, lines, "{command}");
        if let Some(last) = last {
            assert_eq!(said.last(), Some(&last));
        }
        if command.contains("message 77") {
            let expected = u64::from(COPIES);
            assert_eq!(said[0].split(' ').count() as u64 - 2, expected, "{command}");
        }
    }
    let (_, most) = process.memory();
    println!("{messages} messages, {} MiB more at most: {}", most - before, took.join("; "));
    assert!(most - before < MEMORY_MIB_MAX, "{most} MiB at most, {before} before");
}
