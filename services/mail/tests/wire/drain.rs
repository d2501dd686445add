//! A server that is told to end.

use crate::client::Raw;
use crate::house::{House, Plan};
use mail::server::Timeouts;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const GOODBYE: &str = "421 4.3.2 Service shutting down\r\n";

async fn ended(house: &House) {
    let done = async {
        while !house.serving.is_finished() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(10), done).await.expect("it does not end");
    assert!(TcpStream::connect(house.address).await.is_err(), "it still listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sessions_end_and_a_message_that_has_begun_is_taken() {
    let house = House::open(Plan::default()).await;
    let mut idle = Raw::open(house.address).await;
    let mut busy = Raw::in_data(house.address, "a@b").await;
    let mut delivering = Raw::in_data(house.address, "later@b").await;
    busy.send("one\r\n").await;
    delivering.send(".\r\n").await;
    sleep(Duration::from_millis(100)).await;
    house.drain.cancel();
    assert_eq!(idle.rest().await, GOODBYE);
    assert_eq!(delivering.rest().await, format!("250 2.0.0 Delivered\r\n{GOODBYE}"));
    assert!(!house.serving.is_finished());
    busy.send("two\r\n.\r\n").await;
    assert_eq!(busy.rest().await, format!("250 2.0.0 Delivered\r\n{GOODBYE}"));
    ended(&house).await;
    let contents: Vec<_> = house.got().into_iter().map(|got| got.content).collect();
    assert_eq!(contents, [&b""[..], b"one\r\ntwo\r\n"]);
}

/// Catches a server that never ends because of one client, and one that breaks off a delivery that may be done a moment later.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_end_to_patience_but_no_delivery_is_cut_off() {
    let timeouts = Timeouts { drain: Duration::from_millis(200), ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let mut slow = Raw::in_data(house.address, "a@b").await;
    let mut delivering = Raw::in_data(house.address, "later@b").await;
    delivering.send(".\r\n").await;
    sleep(Duration::from_millis(100)).await;
    house.drain.cancel();
    assert_eq!(slow.rest().await, GOODBYE);
    assert_eq!(house.got().len(), 0, "the delivery takes longer than the server's patience");
    assert_eq!(delivering.rest().await, format!("250 2.0.0 Delivered\r\n{GOODBYE}"));
    ended(&house).await;
    assert_eq!(house.got().len(), 1);
}
