//! Clients and policies that take their time.

use crate::client::Raw;
use crate::house::{House, Plan};
use mail::server::Timeouts;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

const SHORT: Duration = Duration::from_millis(300);

/// Sends a byte every 20 ms, fifteen times as fast as it may fall silent; what is said until the server closes.
async fn byte_by_byte(client: Raw) -> String {
    let (mut read, mut write) = client.stream.into_split();
    let trickle = async move {
        while write.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let trickle = tokio::spawn(trickle);
    let mut rest = String::new();
    let all = tokio::io::AsyncReadExt::read_to_string(&mut read, &mut rest);
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("it goes on for ever").unwrap();
    trickle.abort();
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_comes_byte_by_byte_is_given_up() {
    let timeouts = Timeouts { command: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let begun = Instant::now();
    let rest = byte_by_byte(Raw::open(house.address).await).await;
    assert_eq!(rest, "421 4.4.2 Nothing came for too long\r\n");
    assert!(begun.elapsed() >= SHORT);
    house.until_empty().await;
    assert_eq!(house.number("mail_timeouts_total{listener=\"test\"}"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_comes_byte_by_byte_is_given_up() {
    let timeouts = Timeouts { content: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let rest = byte_by_byte(Raw::in_data(house.address, "a@b").await).await;
    assert_eq!(rest, "421 4.4.2 Nothing came for too long\r\n");
    house.until_empty().await;
    assert!(house.got().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_in_a_content_has_an_end() {
    let timeouts = Timeouts { content_pause: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let mut client = Raw::in_data(house.address, "a@b").await;
    client.send("half a line").await;
    assert_eq!(client.rest().await, "421 4.4.2 Nothing came for too long\r\n");
    house.until_empty().await;
}

/// Catches the server that keeps replies for a client who does not take them, or lets it hold up others.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_given_up_and_holds_up_nobody() {
    let timeouts = Timeouts { reply: SHORT, ..Timeouts::default() };
    let session = mail::engine::Limits { commands_max: u32::MAX, ..mail::engine::Limits::default() };
    let house = House::open(Plan { timeouts, session, ..Plan::default() }).await;
    let mut deaf = Raw::open(house.address).await;
    deaf.send("EHLO x\r\nMAIL FROM:<a@b>\r\n").await;
    let commands = "RCPT TO:<c@d>\r\n".repeat(1000);
    let mut sent = 0;
    while deaf.stream.write_all(commands.as_bytes()).await.is_ok() {
        sent += commands.len();
        // Whatever sockets hold on both sides is less.
        assert!(sent < 100 << 20, "the server goes on reading");
        if sent == 10 * commands.len() {
            let mut other = Raw::open(house.address).await;
            other.send("QUIT\r\n").await;
            assert_eq!(other.rest().await, "221 2.0.0 Bye\r\n");
        }
    }
    house.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_never_answers_is_answered_for() {
    let timeouts = Timeouts { question: SHORT, delivery: SHORT, ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let mut client = Raw::in_data(house.address, "later@b").await;
    client.send(".\r\nMAIL FROM:<slow@b>\r\nQUIT\r\n").await;
    let expected = "451 4.3.0 Delivery takes too long; try again later\r\n\
        451 4.3.0 Cannot tell now; try again later\r\n221 2.0.0 Bye\r\n";
    assert_eq!(client.rest().await, expected);
    house.until_empty().await;
}
