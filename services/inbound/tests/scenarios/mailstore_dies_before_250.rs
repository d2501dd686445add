//! A mailstore that dies between RCPT and its answer: the client hears 451, comes again, and the message is there once.

use crate::client::{Raw, code, mail, python};
use crate::house::{House, PLAN, Plan};
use crate::process::until;
use nix::sys::signal::Signal;

const TWO: Plan<'static> = Plan { accounts: &[("ann@example.org", 0), ("bob@example.org", 1)], ..PLAN };

/// Catches a 250 that is said of what only some mailstores have.
#[test]
fn nobody_hears_250_and_the_repeat_is_there_once() {
    let mut house = House::open(TWO);
    let to = ["ann@example.org", "bob@example.org"];
    let message = mail(&to, "one");
    let mut client = Raw::in_data(house.smtp, &to);
    client.send(&message.content);
    house.stores[1].kill();
    let reply = client.ask(".");
    assert_eq!(code(&reply), "451 4.3.0", "{reply}");
    assert!(!reply.contains("127.0.0.1"), "our own hosts are nobody's business: {reply}");

    // While it is dead, its recipients hear of it at RCPT, and the others have their mail.
    let told = python(house.smtp, &[mail(&to, "two")]);
    let (_, at_rcpt, behind) = &told[0];
    assert_eq!([code(&at_rcpt[0]), code(&at_rcpt[1])], ["250 2.1.5", "451 4.3.0"], "{at_rcpt:?}");
    assert_eq!(code(behind.as_ref().unwrap()), "250 2.0.0");

    house.stores[1].start_again();
    let told = python(house.smtp, &[mail(&to, "one"), mail(&["bob@example.org"], "two")]);
    assert!(told.iter().all(|(_, _, behind)| behind.as_ref().unwrap().starts_with("250 ")), "{told:?}");
    let subjects = |kept: Vec<String>| -> Vec<String> {
        kept.iter()
            .filter_map(|text| text.lines().find(|line| line.starts_with("Subject")).map(str::to_owned))
            .collect()
    };
    assert_eq!(subjects(house.stores[0].inbox("ann@example.org")), ["Subject: one", "Subject: two"]);
    assert_eq!(subjects(house.stores[1].inbox("bob@example.org")), ["Subject: one", "Subject: two"]);
}

/// It has the content, or some of it, and never answers.
#[test]
fn a_mailstore_that_stops_and_dies_in_the_delivery() {
    let mut house = House::open(TWO);
    let mut client = Raw::in_data(house.smtp, &["bob@example.org"]);
    client.send(&mail(&[], "one").content);
    house.stores[1].signal(Signal::SIGSTOP);
    client.send(".\r\n");
    until("the delivery begins", || house.number("inbound_messages_total{end=\"delivering\"}") == 1);
    house.stores[1].kill();
    assert_eq!(code(&client.answer()), "451 4.3.0");
    house.stores[1].start_again();
    let told = python(house.smtp, &[mail(&["bob@example.org"], "one")]);
    assert_eq!(told[0].2.as_deref().map(code), Some("250 2.0.0"));
    assert_eq!(house.stores[1].inbox("bob@example.org").len(), 1);
}

#[test]
fn one_dead_mailstore_is_not_this_daemons_illness_but_all_of_them_are() {
    let mut house = House::open(TWO);
    let is_healthy = |house: &House| house.get("/health").starts_with("HTTP/1.1 200 ");
    assert!(is_healthy(&house), "none is known yet: {}", house.get("/health"));
    python(house.smtp, &[mail(&["ann@example.org", "bob@example.org"], "one")]);
    house.stores[0].kill();
    assert!(is_healthy(&house), "{}", house.get("/health"));
    house.stores[1].kill();
    let health = house.get("/health");
    assert!(
        health.starts_with("HTTP/1.1 503 ") && health.contains("none of 2 mailstores answers"),
        "{health}"
    );
    house.stores[1].start_again();
    assert!(is_healthy(&house), "{}", house.get("/health"));
}
