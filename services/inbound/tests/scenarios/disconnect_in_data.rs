//! A client that goes away in the middle of a message: nothing of it is delivered, and nothing of it is kept.

use crate::client::{Raw, code, mail, python};
use crate::house::{House, PLAN};
use crate::process::until;

#[test]
fn half_a_message_is_no_message() {
    let mut house = House::open(PLAN);
    let half = mail(&[], "half").content;
    for text in [half.clone(), half.clone() + &"x\r\n".repeat(300_000), half.clone() + ".", half + ".\r"] {
        let mut client = Raw::in_data(house.smtp, &["ann@example.org"]);
        client.send(&text);
        drop(client);
    }
    // BDAT that is not the last.
    let mut client = Raw::open(house.smtp);
    for line in ["MAIL FROM:<a@b.example>", "RCPT TO:<ann@example.org>", "BDAT 7\r\nhello"] {
        assert!(client.ask(line).starts_with("250 "), "{line}");
    }
    drop(client);
    until("the sessions end", || house.number("mail_sessions{listener=\"smtp\"}") == 0);
    assert_eq!(house.number("inbound_spool_octets"), 0);
    let told = python(house.smtp, &[mail(&["ann@example.org"], "whole")]);
    assert_eq!(told[0].2.as_deref().map(code), Some("250 2.0.0"));
    let kept = house.stores[0].inbox("ann@example.org");
    assert!(kept.len() == 1 && kept[0].contains("Subject: whole"), "{kept:?}");
}

/// The message was whole, and nobody is there to hear its answer: it may be there, and its repeat is not there twice.
#[test]
fn a_client_that_does_not_wait_for_the_answer() {
    let mut house = House::open(PLAN);
    let mut client = Raw::in_data(house.smtp, &["ann@example.org"]);
    client.send(&(mail(&[], "one").content + ".\r\n"));
    drop(client);
    until("the session ends", || house.number("mail_sessions{listener=\"smtp\"}") == 0);
    python(house.smtp, &[mail(&["ann@example.org"], "one")]);
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 1);
}
