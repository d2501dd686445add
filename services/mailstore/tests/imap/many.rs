//! A thousand clients that idle.

use crate::client::Raw;
use crate::house::{account_of, message, put};
use crate::process::{Process, many_files};
use mailstore::{Config, Flags, Store};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const SESSIONS: u64 = 1000;
const MEMORY_MIB_MAX: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sessions_idle_in_little_memory_and_are_all_woken() {
    many_files();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Config::new(folder.path())).unwrap();
    store.create_account(&account_of("ann")).await.unwrap();
    for number in 0..20 {
        put(&store, "INBOX", Flags::default(), message(number, "x")).await;
    }
    drop(store);
    let process = Process::start(folder.path()).await;
    let address = process.address;
    let mut idlers = Vec::new();
    for _ in 0..SESSIONS {
        let mut client = Raw::selected(address, "INBOX").await;
        client.send("i IDLE\r\n").await;
        assert_eq!(client.line().await, "+ Idling");
        idlers.push(client);
    }
    let (now, most) = process.memory();
    assert!(most < MEMORY_MIB_MAX, "{now} MiB, {most} MiB at most");
    let mut other = Raw::ann(address).await;
    let begun = Instant::now();
    assert!(other.append("INBOX", "", "Subject: woken\r\n\r\nx\r\n").await.starts_with("OK "));
    let mut told = JoinSet::new();
    for mut client in idlers {
        told.spawn(async move { client.line().await });
    }
    while let Some(line) = told.join_next().await {
        assert_eq!(line.unwrap(), "* 21 EXISTS");
    }
    let (took, (now, most)) = (begun.elapsed(), process.memory());
    println!("{SESSIONS} sessions: {now} MiB, {most} MiB at most; all told after {took:?}");
    assert!(took < Duration::from_secs(20) && most < MEMORY_MIB_MAX, "{took:?}, {most} MiB");
}
