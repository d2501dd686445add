//! A message that holds the end of another one's (RFC 5321, section 4.1.1.4): it never becomes two.

use crate::client::{Raw, code, mail};
use crate::house::{House, PLAN};

#[test]
fn no_end_but_one_ends_a_message() {
    let mut house = House::open(PLAN);
    let second =
        "MAIL FROM:<evil@b.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n";
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n"] {
        let mut client = Raw::in_data(house.smtp, &["ann@example.org"]);
        let reply = client.ask(&format!("{}{end}{second}.", mail(&[], "first").content));
        let is_refused = code(&reply) == "550 5.6.0";
        assert!(is_refused || code(&reply) == "250 2.0.0", "{end:?}: {reply}");
        assert!(client.ask("NOOP").starts_with("250 "), "{end:?}: there is one answer");
    }
    let kept = house.stores[0].inbox("ann@example.org");
    let is_smuggled =
        |text: &String| text.contains("\r\nReturn-Path") || text.starts_with("Return-Path: <evil");
    assert!(!kept.iter().any(is_smuggled), "{kept:?}");
}
