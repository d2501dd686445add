//! Clients that take their time.

use crate::client::Raw;
use crate::house::{House, Plan, message};
use mailstore::Flags;
use mailstore::imap::Timeouts;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const SHORT: Duration = Duration::from_millis(400);
/// For those who do not read.
const PATIENCE: Duration = Duration::from_secs(5);
const TIMED_OUT: &str = "* BYE Nothing came for too long\r\n";

/// Sends an octet every 20 ms, twenty times as fast as it may fall silent; what is said until the server closes.
async fn byte_by_byte(client: Raw) -> String {
    let (mut read, mut write) = client.stream.into_inner().into_split();
    let trickle = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let mut rest = Vec::new();
    // A connection that is cut while an octet comes ends with an error, behind what was said.
    let _ = timeout(Duration::from_secs(20), read.read_to_end(&mut rest)).await.expect("it goes on for ever");
    trickle.abort();
    String::from_utf8(rest).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_comes_byte_by_byte_is_given_up() {
    let timeouts = Timeouts { login: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let begun = Instant::now();
    assert_eq!(byte_by_byte(Raw::open(house.address).await).await, TIMED_OUT);
    assert!(begun.elapsed() >= SHORT);
    house.until_empty().await;
    assert_eq!(house.number("mail_timeouts_total{listener=\"imap\"}"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_comes_byte_by_byte_is_given_up() {
    let timeouts = Timeouts { command: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    assert_eq!(byte_by_byte(Raw::ann(house.address).await).await, TIMED_OUT);
    house.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_byte_by_byte_is_given_up() {
    let timeouts = Timeouts { append: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let mut client = Raw::ann(house.address).await;
    client.send("a APPEND INBOX {1000000+}\r\n").await;
    assert_eq!(byte_by_byte(client).await, TIMED_OUT);
    house.until_empty().await;
}

/// And silence, in each state.
#[tokio::test(flavor = "multi_thread")]
async fn silence_has_an_end() {
    let timeouts = Timeouts { idle: SHORT, append_pause: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    for (sent, expected) in [
        ("", TIMED_OUT),
        ("a IDLE\r\n", "+ Idling\r\n* BYE Nothing came for too long\r\n"),
        ("a APPEND INBOX {1000000+}\r\nabc", TIMED_OUT),
    ] {
        let mut client = Raw::ann(house.address).await;
        client.send(sent).await;
        assert_eq!(client.rest().await, expected, "{sent}");
    }
    house.until_empty().await;
}

/// Catches a server that keeps what is said for a client who does not take it, or lets it hold up others.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_given_up_and_holds_up_nobody() {
    let timeouts = Timeouts { reply: PATIENCE, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    house.put("INBOX", Flags::default(), message(1, &"0123456789abcdef\r\n".repeat(1_000_000))).await;
    let mut deaf = Vec::new();
    for _ in 0..8 {
        let mut client = Raw::selected(house.address, "INBOX").await;
        client.send("a FETCH 1 (BODYSTRUCTURE BODY.PEEK[])\r\n").await;
        deaf.push(client);
    }
    let begun = Instant::now();
    let mut other = Raw::selected(house.address, "INBOX").await;
    assert!(other.append("INBOX", "", "x").await.starts_with("OK "));
    assert_eq!(other.ok("FETCH 2 BODY.PEEK[]").await.join("|"), "* 2 FETCH (BODY[] {1}|x)");
    assert!(begun.elapsed() < PATIENCE, "others wait for those who do not read");
    other.ok("LOGOUT").await;
    house.until_empty().await;
    assert_eq!(house.number("mail_timeouts_total{listener=\"imap\"}"), 8);
    // Whatever sockets hold on both sides is less than all of it.
    assert!(house.number("mailstore_imap_octets_total{listener=\"imap\"}") < 100_000_000);
}
