//! The server ends: sessions are told, and what was begun is done.

use crate::client::Raw;
use crate::house::{House, Plan, message};
use mailstore::Flags;
use mailstore::imap::Timeouts;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const BYE: &str = "* BYE [UNAVAILABLE] The server goes; come again\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_are_told_at_once() {
    let house = House::open(Plan::default()).await;
    let mut stranger = Raw::open(house.address).await;
    let mut known = Raw::selected(house.address, "INBOX").await;
    let mut idler = Raw::selected(house.address, "INBOX").await;
    idler.send("i IDLE\r\n").await;
    assert_eq!(idler.line().await, "+ Idling");
    let begun = Instant::now();
    house.drain.cancel();
    for client in [&mut stranger, &mut known, &mut idler] {
        assert_eq!(client.rest().await, BYE);
    }
    drop((stranger, known, idler));
    timeout(Duration::from_secs(10), house.serving).await.expect("it does not end").unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_begun_is_answered_first() {
    let house = House::open(Plan::default()).await;
    let octets = 12_000_000;
    house.put("INBOX", Flags::default(), message(1, &"x".repeat(octets))).await;
    let mut client = Raw::selected(house.address, "INBOX").await;
    client.send("a FETCH 1 BODY.PEEK[]\r\n").await;
    assert!(client.line().await.starts_with("* 1 FETCH (BODY[] {12"));
    house.drain.cancel();
    let rest = client.rest().await;
    assert!(
        rest.len() > octets && rest.ends_with(&format!(")\r\na OK Fetched\r\n{BYE}")),
        "{}",
        &rest[octets..]
    );
}

/// Catches a drain that waits for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_is_cut_off() {
    let timeouts = Timeouts { drain: Duration::from_millis(300), ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    house.put("INBOX", Flags::default(), message(1, &"x".repeat(12_000_000))).await;
    let mut deaf = Raw::selected(house.address, "INBOX").await;
    deaf.send("a FETCH 1 BODY.PEEK[]\r\n").await;
    let mut half = Raw::ann(house.address).await;
    half.send("a APPEND INBOX {1000+}\r\nhalf").await;
    deaf.line().await;
    house.drain.cancel();
    timeout(Duration::from_secs(20), house.serving).await.expect("it does not end").unwrap();
    assert_eq!(half.rest().await, BYE);
}
