//! LMTP (RFC 2033): one answer for each recipient that was accepted.

use crate::party::{Party, Seen, config, refusal};
use mail::engine::{Action, Engine, Event, Protocol, Question};
use mail::reply::Text;
use std::sync::Arc;

/// RFC 2033, section 4.2.
#[test]
fn each_recipient_has_an_answer_of_its_own() {
    let mut party = Party::new(config(Protocol::Lmtp));
    assert_eq!(party.seen, [Seen::Said("220 mx.example.org LMTP\r\n".into())]);
    assert!(party.say("LHLO foo.edu\r\n").starts_with("250-mx.example.org\r\n"));
    let said = party.say(
        "MAIL FROM:<chris@bar.com>\r\nRCPT TO:<pat@foo.edu>\r\nRCPT TO:<green@foo.edu>\r\nRCPT TO:<full@foo.edu>\r\nDATA\r\n",
    );
    let codes: Vec<_> = said.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "550", "250", "354"]);
    let said = party.say("Blah blah blah...\r\n.\r\nQUIT\r\n");
    assert_eq!(said, "250 2.1.5 Delivered\r\n452 4.2.2 Mailbox full\r\n221 2.0.0 Bye\r\n");
    assert_eq!(party.messages()[0].0.envelope.transmission(), "LMTP");
}

/// Sections 4.1 and 4.2.
#[test]
fn lmtp_has_its_own_greeting_and_503_without_recipients() {
    let mut party = Party::new(config(Protocol::Lmtp));
    assert!(party.say("EHLO x\r\n").starts_with("500 5.5.1 "));
    assert!(party.say("HELO x\r\n").starts_with("500 5.5.1 "));
    party.say("LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<green@d>\r\n");
    assert!(party.say("DATA\r\n").starts_with("503 5.5.1 "));
}

#[test]
fn a_refused_message_is_refused_for_each_recipient() {
    for message in ["DATA\r\na\nb\r\n.\r\n", "BDAT 5 LAST\r\na\nb\r\n"] {
        let mut party = Party::new(config(Protocol::Lmtp));
        party.say("LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n");
        let said = party.say(message);
        assert_eq!(said.matches("550 5.6.0 ").count(), 2, "{said}");
        assert_eq!(party.say("NOOP\r\n"), "250 2.0.0 OK\r\n");
        assert!(party.messages().is_empty());
    }
}

/// Catches the mutants that answer 250 for a recipient about whom the policy said nothing, and that let a 421 for one
/// recipient take the answers of the others with it.
#[test]
fn whoever_is_not_told_of_is_refused_for_now() {
    for (protocol, hello, outcomes, expected) in [
        (
            Protocol::Lmtp,
            "LHLO",
            vec![Ok(Text::of("x"))],
            "250 2.1.5 x\r\n451 4.3.0 Not delivered; try again later\r\n",
        ),
        (Protocol::Smtp, "EHLO", vec![Ok(Text::of("x"))], "451 4.3.0 Not delivered; try again later\r\n"),
        (Protocol::Smtp, "EHLO", vec![], "451 4.3.0 Not delivered; try again later\r\n"),
        (
            Protocol::Smtp,
            "EHLO",
            vec![Ok(Text::of("x")), Ok(Text::of("y")), Ok(Text::of("z"))],
            "250 2.0.0 x\r\n",
        ),
        (
            Protocol::Lmtp,
            "LHLO",
            vec![Err(refusal(421, 3, 2, "bye")), Ok(Text::of("y"))],
            "421 4.3.2 bye\r\n250 2.1.5 y\r\n",
        ),
    ] {
        let mut engine = Engine::new(Arc::new(config(protocol)));
        engine.step(Event::Greet);
        engine.step(Event::Received(format!("{hello} x\r\nMAIL FROM:<a@b>\r\n").as_bytes()));
        engine.step(Event::Verdict(Ok(())));
        for line in ["RCPT TO:<c@d>\r\n", "RCPT TO:<e@f>\r\n"] {
            engine.step(Event::Received(line.as_bytes()));
            engine.step(Event::Verdict(Ok(())));
        }
        let actions = engine.step(Event::Received(b"DATA\r\n.\r\n"));
        assert!(matches!(actions.last(), Some(Action::Ask(Question::Message(_)))), "{actions:?}");
        // An answer to another question is none.
        assert_eq!(engine.step(Event::Verdict(Ok(()))), []);
        let actions = engine.step(Event::Delivered(outcomes));
        assert_eq!(actions[0], Action::Send(expected.as_bytes().to_vec()));
        assert_eq!(actions.get(1), expected.contains("421").then_some(&Action::Close));
        assert_eq!(engine.step(Event::Delivered(Vec::new())), []);
    }
}
