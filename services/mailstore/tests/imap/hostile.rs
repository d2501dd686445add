//! Clients that mean no good.

use crate::client::Raw;
use crate::house::{House, Plan, message};
use mailstore::Flags;
use mailstore::imap::Timeouts;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_answered_with_bad_and_in_the_end_with_bye() {
    let house = House::open(Plan::default()).await;
    let mut client = Raw::ann(house.address).await;
    let nested = format!("SEARCH {}ALL", "NOT ".repeat(10_000));
    let parentheses = format!("SEARCH {}ALL{}", "(".repeat(10_000), ")".repeat(10_000));
    let fields = format!("FETCH 1 ({})", vec!["BODY.PEEK[]"; 5000].join(" "));
    let commands: [&str; 12] = [
        "",
        "NOTHING",
        "LOGIN \0 \0",
        "NOOP\0",
        "SELECT \"a\0b\"",
        "APPEND INBOX {3+}\r\na\0b",
        "SEARCH SUBJECT \"a\rb\"",
        "FETCH 0 FLAGS",
        "STORE 1 FLAGS (\\Nonsense)",
        &nested,
        &parentheses,
        &fields,
    ];
    for command in commands {
        let answer = client.answer(command).await;
        assert!(answer.starts_with("BAD "), "{:.80} {answer}", command);
    }
    // One that is right begins the count anew.
    client.ok("NOOP").await;
    client.send(&"\u{fc} x\r\n".repeat(20)).await;
    let rest = client.rest().await;
    assert_eq!(rest.matches("* BAD a command begins with a tag\r\n").count(), 20, "{rest}");
    assert!(rest.ends_with("* BYE [LIMIT] Too many errors\r\n"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_literal_without_an_end_is_not_kept() {
    let timeouts = Timeouts { command: Duration::from_millis(500), ..Timeouts::default() };
    let house = House::open(Plan { timeouts, ..Plan::default() }).await;
    let mut stranger = Raw::open(house.address).await;
    stranger.send("a LOGIN {4000000000+}\r\n").await;
    assert_eq!(stranger.line().await, "a BAD [LIMIT] a command may have 16384 octets");
    let junk = vec![b'x'; 1 << 20];
    let begun = Instant::now();
    // It is passed over, for as long as a command may take.
    while stranger.stream.get_mut().write_all(&junk).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on for ever");
    }
    house.until_empty().await;
    let mut client = Raw::ann(house.address).await;
    assert_eq!(
        client.answer("APPEND INBOX {99999999999999999999}").await,
        "NO [TOOBIG] a message may have 20971520 octets"
    );
    client.ok("NOOP").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_many_numbers_costs_little() {
    let house = House::open(Plan::default()).await;
    for number in 0..10 {
        house.put("INBOX", Flags::default(), message(number, "x")).await;
    }
    let mut client = Raw::selected(house.address, "INBOX").await;
    let begun = Instant::now();
    let numbers: Vec<String> = (1..10_000).rev().map(|number| format!("{}", number * 2)).collect();
    let found = client.ok(&format!("UID SEARCH UID {}", numbers.join(","))).await;
    assert_eq!(found, ["* SEARCH 2 4 6 8 10"]);
    assert_eq!(client.ok(&format!("UID FETCH {} UID", numbers.join(","))).await.len(), 5);
    let everything = vec!["1:*"; 12_000].join(",");
    assert_eq!(client.ok(&format!("FETCH {everything} UID")).await.len(), 10);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // A line has an end.
    let numbers: Vec<String> = (1..=100_000).map(|number| number.to_string()).collect();
    client.send(&format!("x UID FETCH {} FLAGS\r\n", numbers.join(","))).await;
    assert_eq!(client.rest().await, "* BYE [LIMIT] a line may have 65536 octets\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_a_message_is_no_nul_in_an_answer() {
    let house = House::open(Plan::default()).await;
    let large = message(1, &"a\0b\r\n".repeat(20_000));
    house.put("INBOX", Flags::default(), large.clone()).await;
    house.put("INBOX", Flags::default(), "Subject: a\0b\r\n\r\n\0\r\n").await;
    let mut client = Raw::selected(house.address, "INBOX").await;
    let said = client.ok("FETCH 1:2 (ENVELOPE BODY.PEEK[])").await.join("\r\n");
    assert!(!said.contains('\0') && said.contains(&format!("BODY[] {{{}}}", large.len())));
    assert_eq!(client.ok("FETCH 2 UID").await, ["* 2 FETCH (UID 2)"]);
}
