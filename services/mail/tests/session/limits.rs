//! Where sessions end that go on for too long.

use crate::party::{Party, config};
use mail::engine::{Config, Limits, Protocol};

fn with(limits: Limits) -> Party {
    let mut party = Party::new(Config { limits, ..config(Protocol::Smtp) });
    party.say("EHLO x\r\n");
    party
}

/// How often the line can be said before the session is closed with these words.
fn how_often(party: &mut Party, lines: &str, words: &str) -> usize {
    for times in 0..100_000 {
        let said = party.say(lines);
        if party.is_closed() {
            assert!(said.ends_with(&format!("{words}\r\n")), "{said}");
            return times;
        }
    }
    panic!("it goes on for ever");
}

#[test]
fn errors_are_counted() {
    let mut party = with(Limits { errors_max: 5, ..Limits::default() });
    assert_eq!(how_often(&mut party, "FOO\r\n", "421 4.7.0 Too many errors"), 5);
    let mut party = with(Limits { errors_max: 5, ..Limits::default() });
    assert_eq!(how_often(&mut party, "BDAT 1\r\nx", "421 4.7.0 Too many errors"), 5);
    let mut party = with(Limits { errors_max: 5, ..Limits::default() });
    let long = format!("NOOP {}\r\n", "x".repeat(3000));
    assert_eq!(how_often(&mut party, &long, "421 4.7.0 Too many errors"), 5);
}

#[test]
fn commands_that_bring_nothing_are_counted_until_a_message_is_taken() {
    let limits = Limits { idle_max: 5, ..Limits::default() };
    for line in ["NOOP\r\n", "RSET\r\n", "EHLO x\r\n", "VRFY x\r\n", "HELP\r\n"] {
        // The first EHLO counts.
        assert_eq!(
            how_often(&mut with(limits), line, "421 4.7.0 Too many commands in one session"),
            4,
            "{line}"
        );
    }
    let mut party = with(limits);
    party.say("NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n");
    assert_eq!(how_often(&mut party, "NOOP\r\n", "421 4.7.0 Too many commands in one session"), 5);
}

#[test]
fn guesses_at_recipients_are_counted() {
    let mut party = with(Limits { refusals_max: 10, ..Limits::default() });
    party.say("MAIL FROM:<a@b>\r\n");
    assert_eq!(how_often(&mut party, "RCPT TO:<green@d>\r\n", "421 4.7.0 Too many errors"), 10);
}

/// Catches the engine that forgets those it has accepted, or goes on to accept.
#[test]
fn a_hundred_thousand_recipients_are_answered_and_the_first_ones_are_served() {
    let mut party = with(Limits { commands_max: 200_000, ..Limits::default() });
    party.say("MAIL FROM:<a@b>\r\n");
    let (mut accepted, mut later) = (0, 0);
    for _ in 0..100 {
        for line in party.say(&"RCPT TO:<c@d>\r\n".repeat(1000)).lines() {
            match &line[..9] {
                "250 2.1.5" => accepted += 1,
                "452 4.5.3" => later += 1,
                _ => panic!("{line}"),
            }
        }
    }
    assert_eq!((accepted, later), (1000, 99_000));
    party.say("DATA\r\n.\r\n");
    assert_eq!(party.messages()[0].0.envelope.recipients.len(), 1000);
    let mut party = with(Limits::default());
    party.say("MAIL FROM:<a@b>\r\n");
    let times = how_often(&mut party, "RCPT TO:<c@d>\r\n", "421 4.7.0 Too many commands in one session");
    assert_eq!(times, 20_000 - 2);
}

#[test]
fn messages_and_octets_are_counted() {
    let mut party = with(Limits { messages_max: 3, ..Limits::default() });
    let message = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n";
    assert_eq!(how_often(&mut party, message, "421 4.7.0 Too many messages in one session"), 3);
    assert_eq!(party.messages().len(), 3);
    let mut party = with(Limits { octets_max: 100_000, ..Limits::default() });
    party.say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    assert!((90..100).contains(&how_often(
        &mut party,
        &"x".repeat(1000),
        "421 4.7.0 Too much in one session"
    )));
}

#[test]
fn a_line_without_an_end_is_bounded() {
    let mut party = with(Limits::default());
    assert!(how_often(&mut party, &"x".repeat(1000), "500 5.5.2 Line too long") < 70);
}

/// RFC 5321, section 3.8.
#[test]
fn a_421_of_the_policy_closes_the_connection() {
    for lines in ["MAIL FROM:<gone@b>\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<gone@d>\r\nRCPT TO:<c@d>\r\n"] {
        let mut party = with(Limits::default());
        assert!(party.say(lines).ends_with("421 4.3.2 Closing\r\n"));
        assert!(party.is_closed());
    }
}
