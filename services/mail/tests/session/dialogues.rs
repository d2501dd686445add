//! Dialogues of the RFCs, with our words behind the codes.

use crate::party::{Party, Seen, config};
use mail::engine::{Channel, Ended, Event, HelloVerb, Protocol, Tls};

/// Client's lines and the codes of what they are answered with.
fn hold(party: &mut Party, dialogue: &[(&str, &str)]) {
    for (line, expected) in dialogue {
        let said = party.say(&format!("{line}\r\n"));
        assert!(said.starts_with(expected), "{line}: {said}");
    }
}

/// RFC 5321, appendix D.1.
#[test]
fn a_typical_transaction() {
    let mut party = Party::smtp();
    assert_eq!(party.seen, [Seen::Said("220 mx.example.org ESMTP\r\n".into())]);
    hold(
        &mut party,
        &[
            ("EHLO bar.com", "250-mx.example.org\r\n"),
            ("MAIL FROM:<Smith@bar.com>", "250 2.1.0 "),
            ("RCPT TO:<Jones@foo.com>", "250 2.1.5 "),
            ("RCPT TO:<Green@foo.com>", "250 2.1.5 "),
            ("RCPT TO:<green@foo.com>", "550 5.1.1 "),
            ("RCPT TO:<Brown@foo.com>", "250 2.1.5 "),
            ("DATA", "354 "),
            ("Blah blah blah...", ""),
            ("..etc. etc. etc.", ""),
            (".", "250 2.0.0 Delivered"),
            ("QUIT", "221 2.0.0 "),
        ],
    );
    assert!(party.is_closed());
    let messages = party.messages();
    let [(message, content)] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(*content, "Blah blah blah...\r\n.etc. etc. etc.\r\n");
    let envelope = &message.envelope;
    assert_eq!(envelope.mail.from.to_string(), "<Smith@bar.com>");
    let to: Vec<_> = envelope.recipients.iter().map(|rcpt| rcpt.to.to_string()).collect();
    assert_eq!(to, ["<Jones@foo.com>", "<Green@foo.com>", "<Brown@foo.com>"]);
    assert_eq!((envelope.hello.verb, envelope.hello.client.as_str()), (HelloVerb::Ehlo, "bar.com"));
    assert_eq!(envelope.transmission(), "ESMTP");
}

/// RFC 5321, appendix D.2.
#[test]
fn an_aborted_transaction() {
    let mut party = Party::smtp();
    hold(
        &mut party,
        &[
            ("EHLO bar.com", "250"),
            ("MAIL FROM:<Smith@bar.com>", "250"),
            ("RCPT TO:<Jones@foo.com>", "250"),
            ("RCPT TO:<green@foo.com>", "550"),
            ("RSET", "250 2.0.0 "),
            ("QUIT", "221"),
        ],
    );
    assert!(party.messages().is_empty());
    assert_eq!(party.seen.iter().filter(|&seen| *seen == Seen::Abandoned).count(), 1);
}

#[test]
fn ehlo_tells_what_there_is() {
    let expected = "250-mx.example.org\r\n250-SIZE 10000\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n\
                    250-DSN\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n";
    let mut party = Party::smtp();
    assert_eq!(party.say("EHLO x\r\n"), expected);
    assert_eq!(party.say("HELO x\r\n"), "250 mx.example.org\r\n");
    party.say("STARTTLS\r\n");
    party.step(Event::TlsBegun);
    assert_eq!(party.say("EHLO x\r\n"), expected.replace("250-STARTTLS\r\n", ""));
    let mut without = Party::new(mail::engine::Config { tls: Tls::Unavailable, ..config(Protocol::Smtp) });
    assert_eq!(without.say("EHLO x\r\n"), expected.replace("250-STARTTLS\r\n", ""));
    assert!(without.say("STARTTLS\r\n").starts_with("502 5.5.1 "));
}

/// RFC 2920, section 5.2: everything in two packets.
#[test]
fn a_pipelined_dialogue() {
    let mut party = Party::smtp();
    party.say("EHLO dbc.mtview.ca.us\r\n");
    let group = "MAIL FROM:<mrose@dbc.mtview.ca.us>\r\nRCPT TO:<ned@innosoft.com>\r\nRCPT TO:<green@innosoft.com>\r\n\
                 RCPT TO:<dan@innosoft.com>\r\nDATA\r\n";
    let codes: Vec<_> = party.say(group).lines().map(|line| line[..3].to_owned()).collect();
    assert_eq!(codes, ["250", "250", "550", "250", "354"]);
    let codes: Vec<_> = party.say("a\r\n.\r\nQUIT\r\n").lines().map(|line| line[..3].to_owned()).collect();
    assert_eq!(codes, ["250", "221"]);
}

/// RFC 2920, section 5.3: nobody is left to receive.
#[test]
fn a_message_without_valid_recipients_is_refused_before_it_comes() {
    let mut party = Party::smtp();
    party.say("EHLO x\r\n");
    let said = party.say("MAIL FROM:<a@b>\r\nRCPT TO:<green@c>\r\nRCPT TO:<grey@c>\r\nDATA\r\n");
    let codes: Vec<_> = said.lines().map(|line| &line[..9]).collect();
    assert_eq!(codes, ["250 2.1.0", "550 5.1.1", "450 4.7.1", "554 5.5.1"]);
    assert!(party.say("RSET\r\nMAIL FROM:<>\r\nDATA\r\n").ends_with("503 5.5.1 Need RCPT first\r\n"));
}

/// RFC 3030, section 4.2, cut where it hurts: between CR and LF, and with content that looks like commands.
#[test]
fn a_message_in_chunks() {
    let mut party = Party::smtp();
    let said = party.say(
        "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 8\r\nTo: x\r\n\rBDAT 14\r\n\n.\r\nQUIT\r\n.a\r\n\
         BDAT 1 LAST\r\nbQUIT\r\n",
    );
    let codes: Vec<_> = said.lines().skip(11).map(|line| &line[..9]).collect();
    assert_eq!(codes, ["250 2.0.0", "250 2.0.0", "250 2.0.0", "221 2.0.0"]);
    assert_eq!(party.messages()[0].1, "To: x\r\n\r\n.\r\nQUIT\r\n.a\r\nb\r\n");
}

/// RFC 3030, section 2: octets of a chunk that is refused are no commands.
#[test]
fn a_chunk_out_of_place_is_read_and_refused() {
    let mut party = Party::smtp();
    party.say("EHLO x\r\n");
    assert!(
        party.say("BDAT 6 LAST\r\nRSET\r\nNOOP\r\n").starts_with("503 5.5.1 Need MAIL first\r\n250 2.0.0 ")
    );
    party.say("MAIL FROM:<a@b>\r\n");
    assert_eq!(party.say("BDAT 6\r\n"), "");
    assert!(party.say("QUIT\r\n").starts_with("503 5.5.1 Need RCPT first\r\n"));
    party.say("RCPT TO:<c@d>\r\nBDAT 3\r\na\r\n");
    for line in ["DATA\r\n", "RCPT TO:<e@f>\r\n"] {
        assert!(party.say(line).starts_with("503 5.5.1 Only BDAT"), "{line}");
    }
    assert!(party.say("BDAT 0 LAST\r\n").starts_with("250 2.0.0 Delivered"));
}

#[test]
fn commands_have_their_places() {
    let mut party = Party::smtp();
    hold(
        &mut party,
        &[
            ("MAIL FROM:<a@b>", "503 5.5.1 "),
            ("LHLO x", "500 5.5.1 "),
            ("HELO x", "250 mx"),
            ("RCPT TO:<a@b>", "503 5.5.1 "),
            ("DATA", "503 5.5.1 "),
            ("MAIL FROM:<a@b>", "250 "),
            ("MAIL FROM:<a@b>", "503 5.5.1 "),
            ("RCPT TO:<c@d>", "250 "),
            ("HELO x", "250 mx"),
            ("RCPT TO:<c@d>", "503 5.5.1 "),
            ("VRFY a", "252 2.0.0 "),
            ("EXPN a", "502 5.5.1 "),
            ("AUTH PLAIN", "502 5.5.1 "),
            ("HELP", "214 2.0.0 "),
            ("NOOP", "250 2.0.0 "),
            ("MAIL FROM:<green@b>", "550 5.1.1 "),
            ("MAIL FROM:<> SIZE=10001", "552 5.3.4 "),
            ("MAIL FROM:<> SIZE=10000", "250 "),
            ("RCPT TO:<pel\u{e9}@x>", "553 5.6.7 "),
            ("RCPT TO:<postmaster>", "250 "),
        ],
    );
}

/// One 250 for all, and only when all of them have it.
#[test]
fn smtp_tells_success_only_where_nobody_failed() {
    let mut party = Party::smtp();
    party.say("EHLO x\r\n");
    let said = party.say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<full@d>\r\nRCPT TO:<e@d>\r\nDATA\r\n");
    assert!(said.ends_with("<CRLF>.<CRLF>\r\n"), "{said}");
    assert_eq!(party.say("x\r\n.\r\n"), "452 4.2.2 Mailbox full\r\n");
}

/// RFC 3207: what was said in the clear is forgotten, and the transmission is told apart.
#[test]
fn a_session_begins_anew_under_tls() {
    let mut party = Party::new(mail::engine::Config { tls: Tls::Required, ..config(Protocol::Smtp) });
    hold(
        &mut party,
        &[
            ("NOOP", "250"),
            ("EHLO x", "250-"),
            ("MAIL FROM:<a@b>", "530 5.7.0 "),
            ("BDAT 0", "530 5.7.0 "),
            ("STARTTLS", "220 2.0.0 "),
        ],
    );
    assert_eq!((party.seen.last(), party.engine.room()), (Some(&Seen::TlsBegun), 0));
    party.step(Event::TlsBegun);
    hold(
        &mut party,
        &[
            ("MAIL FROM:<a@b>", "503 5.5.1 "),
            ("EHLO x", "250-"),
            ("STARTTLS", "503 5.5.1 "),
            ("MAIL FROM:<a@b> SMTPUTF8", "250"),
            ("RCPT TO:<pel\u{e9}@x>", "250"),
            ("DATA", "354"),
            (".", "250"),
        ],
    );
    let messages = party.messages();
    assert_eq!(messages[0].0.envelope.channel, Channel::Tls);
    assert_eq!(messages[0].0.envelope.transmission(), "UTF8SMTPS");
}

#[test]
fn the_end_of_a_session_is_told_and_ends_the_transaction() {
    for (ended, words) in
        [(Ended::TimedOut, "421 4.4.2 "), (Ended::ShuttingDown, "421 4.3.2 "), (Ended::Gone, "")]
    {
        let mut party = Party::smtp();
        assert!(party.engine.is_between_messages());
        party.say("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhalf a mess");
        assert!(!party.engine.is_between_messages());
        let said = party.end(ended);
        assert!(said.starts_with(words) && said.is_empty() == words.is_empty(), "{said}");
        assert_eq!(party.seen[party.seen.len() - 2..], [Seen::Abandoned, Seen::Closed]);
        assert_eq!((party.end(Ended::Gone).as_str(), party.engine.room()), ("", 0));
    }
}
