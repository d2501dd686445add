//! Clients that want to be misunderstood.

use crate::party::{Party, Seen, config};
use mail::data::LongLines;
use mail::engine::{Action, Config, Engine, Event, Protocol, Question};
use std::sync::Arc;

const ENVELOPE: &str = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";

/// CVE-2023-51764 and its siblings: the second transaction is inside the content of a message that is refused. Catches the
/// decoder that ends a message anywhere but at CRLF, dot, CRLF.
#[test]
fn nothing_is_smuggled_behind_a_false_end_of_message() {
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r\n.\r\r\n"] {
        let mut party = Party::smtp();
        let said = party.say(&format!(
            "{ENVELOPE}DATA\r\nhello{end}MAIL FROM:<evil@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nsmuggled\r\n.\r\nQUIT\r\n"
        ));
        assert!(party.messages().is_empty(), "{end:?}");
        let last: Vec<_> = said.lines().rev().take(3).map(|line| &line[..3]).collect();
        assert_eq!(last, ["221", "550", "354"], "{end:?}");
    }
}

/// CVE-2011-0411: catches the engine that keeps what came in the same packet.
#[test]
fn what_is_pipelined_behind_starttls_was_never_said() {
    for plaintext in
        ["STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b>\r\n", "STARTTLS\r\nRSE", "STARTTLS\r\n\n\r"]
    {
        let mut party = Party::smtp();
        let said = party.say(&format!("EHLO x\r\nMAIL FROM:<a@b>\r\n{plaintext}"));
        assert!(said.ends_with("220 2.0.0 Ready to start TLS\r\n"), "{said}");
        assert_eq!(party.seen[party.seen.len() - 3], Seen::Abandoned);
        party.step(Event::Received(b"MAIL FROM:<late@b>\r\n"));
        assert_eq!(party.seen.last(), Some(&Seen::TlsBegun));
        party.step(Event::TlsBegun);
        assert!(party.say("MAIL FROM:<a@b>\r\n").starts_with("503 5.5.1 Introduce"), "{plaintext:?}");
        assert!(party.say("NOOP\r\n").starts_with("250"));
    }
    // Also where it waited for the answer to a question.
    let mut engine = Engine::new(Arc::new(config(Protocol::Smtp)));
    engine.step(Event::Greet);
    engine.step(Event::Received(b"EHLO x\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\nRSET\r\n"));
    let actions = engine.step(Event::Verdict(Ok(())));
    assert_eq!(actions.last(), Some(&Action::BeginTls));
    engine.step(Event::TlsBegun);
    let actions = engine.step(Event::Received(b"NOOP\r\n"));
    assert_eq!(actions, [Action::Send(b"250 2.0.0 OK\r\n".to_vec())]);
}

#[test]
fn a_command_with_a_bare_end_of_line_ends_the_session() {
    for line in ["NOOP\nRCPT TO:<x@y>\r\n", "NOOP\rRSET\r\n", "MAIL FROM:<a\n@b>\r\n", "\n", "\r\r\n"] {
        let mut party = Party::smtp();
        let said = party.say(&format!("EHLO x\r\n{line}QUIT\r\n"));
        assert!(said.ends_with("500 5.5.2 Lines end with CR and LF together\r\n"), "{line:?}: {said}");
        assert!(party.is_closed());
    }
}

/// What follows it is content, and nobody knows how much.
#[test]
fn a_chunk_of_no_known_length_ends_the_session() {
    let mut party = Party::smtp();
    let said = party.say(&format!("{ENVELOPE}BDAT 99999999999999999999 LAST\r\nRSET\r\n"));
    assert!(said.ends_with("501 5.5.4 Syntax: BDAT octets [LAST]\r\n") && party.is_closed());
}

#[test]
fn a_message_that_is_too_big_is_read_refused_and_not_kept() {
    let mut party = Party::smtp();
    party.say(&format!("{ENVELOPE}DATA\r\n"));
    party.receive(&[b'x'; 1_000_000], 50_000);
    assert_eq!(party.say("\r\n.\r\nNOOP\r\n"), "552 5.3.4 Message too big\r\n250 2.0.0 OK\r\n");
    let mut party = Party::smtp();
    party.say(&format!("{ENVELOPE}BDAT 20000\r\n"));
    party.receive(&[b'x'; 20_000], 7000);
    assert!(party.say("BDAT 1 LAST\r\nx").starts_with("503 5.5.1 "));
    assert_eq!(party.seen.iter().filter(|&seen| *seen == Seen::Abandoned).count(), 1);
    assert!(party.messages().is_empty());
}

#[test]
fn long_lines_are_refused_where_the_policy_says_so() {
    for (long_lines, code) in [(LongLines::Refuse, "550 5.6.0"), (LongLines::Accept, "250 2.0.0")] {
        let mut party = Party::new(Config { long_lines, ..config(Protocol::Smtp) });
        party.say(&format!("{ENVELOPE}DATA\r\n"));
        assert!(party.say(&format!("{}\r\n.\r\n", "x".repeat(999))).starts_with(code));
    }
}

/// Nothing that the client says comes back to it as a reply line of its own.
#[test]
fn the_clients_words_are_in_no_reply() {
    let mut party = Party::smtp();
    for line in
        ["EHLO 250-AUTH\r\n", "VRFY 220 x\r\n", "MAIL FROM:<\"250 ok\"@x>\r\n", "RCPT TO:<\"x y\"@z>\r\n"]
    {
        let said = party.say(line);
        assert!(!said.contains("250-AUTH") && !said.contains("250 ok") && !said.contains("x y"), "{said}");
    }
}

/// A question is open, and the client goes on: its octets wait, and no more of them than there is room for.
#[test]
fn a_client_that_does_not_wait_is_bounded() {
    let mut engine = Engine::new(Arc::new(config(Protocol::Smtp)));
    engine.step(Event::Greet);
    let actions = engine.step(Event::Received(b"EHLO x\r\nMAIL FROM:<a@b>\r\n"));
    assert!(matches!(actions.last(), Some(Action::Ask(Question::Sender(_)))));
    let mut waiting = 0;
    while engine.room() > 0 {
        assert_eq!(engine.step(Event::Received(&b"NOOP\r\n".repeat(2000)[..engine.room().min(12_000)])), []);
        waiting += 12_000;
        assert!(waiting < 100_000);
    }
    let actions = engine.step(Event::Received(b"N"));
    assert!(
        matches!(actions.as_slice(), [Action::Send(text), Action::Close] if text.starts_with(b"421 4.7.0 "))
    );
}
