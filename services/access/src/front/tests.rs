use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mail::imap::command::Secret;
use mail::login::PlainLogin;
use proptest::prelude::*;
use std::time::Duration;

/// Everything that an engine wants done, as text; logins are answered as they are told to be.
struct Party {
    engine: Engine,
    answers: Vec<Answer>,
    said: String,
    asked: Vec<Ask>,
    pauses: Vec<Duration>,
    handed_over: Option<(String, String)>,
    has_begun_tls: bool,
    is_closed: bool,
}

impl Party {
    fn new(protocol: Protocol, channel: Channel, answers: &[Answer]) -> Self {
        let mut party = Self {
            engine: Engine::new(protocol, channel),
            answers: answers.iter().rev().cloned().collect(),
            said: String::new(),
            asked: Vec::new(),
            pauses: Vec::new(),
            handed_over: None,
            has_begun_tls: false,
            is_closed: false,
        };
        party.step(Event::Greet);
        party.said.clear();
        party
    }

    fn step(&mut self, event: Event<'_>) {
        for action in self.engine.step(event) {
            assert!(!self.is_closed && self.handed_over.is_none(), "{action:?} behind the end");
            match action {
                Action::Send(octets) => self.said += std::str::from_utf8(&octets).unwrap(),
                Action::Pause(time) => self.pauses.push(time),
                Action::Ask(ask) => {
                    self.asked.push(ask);
                    let answer = self.answers.pop().unwrap_or(Answer::Refused(Refusal::NoBackend));
                    self.step(Event::Answer(answer));
                }
                Action::BeginTls => {
                    self.has_begun_tls = true;
                    self.step(Event::TlsBegun);
                }
                Action::HandOver { to_client, to_backend } => {
                    let text = |octets| String::from_utf8(octets).unwrap();
                    self.handed_over = Some((text(to_client), text(to_backend)));
                }
                Action::Close => self.is_closed = true,
            }
        }
    }

    fn hear(&mut self, text: &str) -> &mut Self {
        self.step(Event::Received(text.as_bytes()));
        self
    }
}

fn imap(channel: Channel) -> Party {
    Party::new(Protocol::Imap, channel, &[welcome()])
}

fn pop3(channel: Channel) -> Party {
    Party::new(Protocol::Pop3, channel, &[welcome()])
}

fn welcome() -> Answer {
    let octets = |text: &str| text.as_bytes().to_vec();
    Answer::LoggedIn(Welcome { before: octets("* x\r\n"), line: octets("OK in"), behind: octets("* y\r\n") })
}

fn login(name: &str, password: &str) -> Ask {
    Ask::LogIn(PlainLogin::new(name.into(), Secret::new(password.into())))
}

/// `\0ann\0secret`
const MESSAGE: &str = "AGFubgBzZWNyZXQ=";

#[test]
fn imap_lets_in_by_each_way_and_hands_over_what_came_behind() {
    for (said, asked) in [
        ("a LOGIN ann secret\r\nb SELECT x\r\nc".to_owned(), ""),
        ("a login {3}\r\nann {6+}\r\nsecret\r\nb SELECT x\r\nc".to_owned(), "+ go on\r\n"),
        ("a LOGIN \"ann\" \"secret\"\r\nb SELECT x\r\nc".to_owned(), ""),
        (format!("a AUTHENTICATE plain {MESSAGE}\r\nb SELECT x\r\nc"), ""),
        (format!("a AUTHENTICATE PLAIN\r\n{MESSAGE}\r\nb SELECT x\r\nc"), "+ \r\n"),
    ] {
        let mut party = imap(Channel::Tls);
        party.hear(&said);
        assert_eq!(party.asked, [login("ann", "secret")], "{said}");
        assert_eq!(party.said, asked, "{said}");
        let expected = ("* x\r\na OK in\r\n* y\r\n".to_owned(), "b SELECT x\r\nc".to_owned());
        assert_eq!(party.handed_over, Some(expected), "{said}");
    }
}

#[test]
fn pop3_lets_in_by_each_way_and_hands_over_what_came_behind() {
    for said in [
        "USER ann\r\nPASS secret\r\nSTAT\r\nLI".to_owned(),
        format!("AUTH PLAIN {MESSAGE}\r\nSTAT\r\nLI"),
        format!("auth plain\r\n{MESSAGE}\r\nSTAT\r\nLI"),
    ] {
        let mut party = pop3(Channel::Tls);
        party.hear(&said);
        assert_eq!(party.asked, [login("ann", "secret")], "{said}");
        let expected = ("* x\r\nOK in\r\n* y\r\n".to_owned(), "STAT\r\nLI".to_owned());
        assert_eq!(party.handed_over, Some(expected), "{said}");
    }
}

/// Both ends say two things; the client's last one is empty.
#[test]
fn scram_goes_step_by_step() {
    let line = |text: &str| BASE64.encode(text) + "\r\n";
    let challenges = [Answer::Challenge("r=1".to_owned()), Answer::Challenge("v=2".to_owned()), welcome()];
    let asked = [Ask::Challenge(b"n,,n=ann,r=x".to_vec()), Ask::Prove(b"c=biws".to_vec()), Ask::Enter];
    for (protocol, begin) in [
        (Protocol::Imap, format!("a AUTHENTICATE SCRAM-SHA-256\r\n{}", line("n,,n=ann,r=x"))),
        (Protocol::Imap, format!("a AUTHENTICATE scram-sha-256 {}", line("n,,n=ann,r=x"))),
        (Protocol::Pop3, format!("AUTH SCRAM-SHA-256\r\n{}", line("n,,n=ann,r=x"))),
        (Protocol::Pop3, format!("AUTH SCRAM-SHA-256 {}", line("n,,n=ann,r=x"))),
    ] {
        let mut party = Party::new(protocol, Channel::Tls, &challenges);
        party.hear(&begin);
        assert!(party.said.ends_with(&format!("+ {}", line("r=1"))), "{}", party.said);
        party.hear(&line("c=biws"));
        assert!(party.said.ends_with(&format!("+ {}", line("v=2"))), "{}", party.said);
        assert!(party.handed_over.is_none());
        party.hear("\r\nmore");
        assert_eq!(party.asked, asked, "{begin}");
        assert_eq!(party.handed_over.unwrap().1, "more");
    }
    let mut party = Party::new(Protocol::Imap, Channel::Tls, &[Answer::Refused(Refusal::Wrong)]);
    party.hear(&format!("a AUTHENTICATE SCRAM-SHA-256 {}", line("n,,n=ann,r=x")));
    assert_eq!(party.said, "a NO [AUTHENTICATIONFAILED] wrong name or password\r\n");
    let mut party = Party::new(Protocol::Imap, Channel::Tls, &challenges);
    party.hear(&format!("a AUTHENTICATE SCRAM-SHA-256 {}*\r\nb NOOP\r\n", line("n,,n=ann,r=x")));
    assert!(party.said.ends_with("a BAD as you like\r\nb OK done\r\n"), "{}", party.said);
}

#[test]
fn what_is_not_a_login_is_answered_here() {
    for (said, answered) in [
        ("a NOOP\r\n", "a OK done\r\n"),
        ("a LOGOUT\r\n", "* BYE good bye\r\na OK done\r\n"),
        ("a SELECT x\r\n", "a BAD log in first\r\n"),
        ("a IDLE\r\n", "a BAD log in first\r\n"),
        ("a NONSENSE\r\n", "a BAD no such command, or arguments that it does not take\r\n"),
        ("*\r\n", "* BAD a command begins with a tag\r\n"),
        ("a AUTHENTICATE GSSAPI\r\n", "a NO no such mechanism\r\n"),
        ("a AUTHENTICATE PLAIN\r\n*\r\n", "+ \r\na BAD as you like\r\n"),
        ("a AUTHENTICATE PLAIN =\r\n", "a BAD not a message of the mechanism in base64\r\n"),
        ("a AUTHENTICATE PLAIN\r\n!\r\n", "+ \r\na BAD not a message of the mechanism in base64\r\n"),
        ("a STARTTLS\r\n", "a BAD there is no TLS to begin\r\n"),
    ] {
        assert_eq!(imap(Channel::Tls).hear(said).said, answered, "{said}");
    }
    assert!(imap(Channel::Tls).hear("a ID NIL\r\n").said.starts_with("* ID (\"name\" \"access\""));
    for (said, answered) in [
        ("NOOP\r\n", "+OK\r\n"),
        ("QUIT\r\n", "+OK good bye\r\n"),
        ("STAT\r\n", "-ERR log in first\r\n"),
        ("PASS x\r\n", "-ERR who are you?\r\n"),
        ("AUTH\r\n", "+OK these\r\nPLAIN\r\nSCRAM-SHA-256\r\n.\r\n"),
        ("AUTH CRAM-MD5\r\n", "-ERR no such mechanism\r\n"),
        ("AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR as you like\r\n"),
        ("APOP x y\r\n", "-ERR no such command\r\n"),
        ("STLS\r\n", "-ERR there is no TLS to begin\r\n"),
    ] {
        assert_eq!(pop3(Channel::Tls).hear(said).said, answered, "{said}");
    }
}

/// What is offered, and with which words, on each channel.
#[test]
fn tls_and_passwords_are_offered_where_they_are_taken() {
    for (channel, tls, passwords) in [
        (Channel::Clear, true, false),
        (Channel::TrustedWithTls, true, true),
        (Channel::Trusted, false, true),
        (Channel::Tls, false, true),
    ] {
        let said = imap(channel).hear("a CAPABILITY\r\n").said.clone();
        assert_eq!(said.contains(" STARTTLS"), tls, "{said}");
        assert_eq!((said.contains(" AUTH=PLAIN"), !said.contains(" LOGINDISABLED")), (passwords, passwords));
        assert_eq!(said.matches(" AUTH=").count(), if passwords { 2 } else { 0 }, "{said}");
        let said = pop3(channel).hear("CAPA\r\n").said.clone();
        assert_eq!(said.contains("\r\nSTLS\r\n"), tls, "{said}");
        assert_eq!(
            (said.contains("\r\nSASL PLAIN SCRAM-SHA-256\r\n"), said.contains("\r\nUSER\r\n")),
            (passwords, passwords)
        );

        let mut party = imap(channel);
        party.hear("a STARTTLS\r\n");
        assert_eq!(party.has_begun_tls, tls);
        let mut party = pop3(channel);
        party.hear("STLS\r\n");
        assert_eq!(party.has_begun_tls, tls);
    }
}

/// Catches a front end that takes a password that everybody could read.
#[test]
fn no_password_is_taken_in_the_clear() {
    for said in ["a LOGIN ann secret\r\n".to_owned(), format!("a AUTHENTICATE PLAIN {MESSAGE}\r\n")] {
        let mut party = imap(Channel::Clear);
        assert_eq!(party.hear(&said).said, "a NO [PRIVACYREQUIRED] begin TLS first\r\n");
        assert!(party.asked.is_empty());
    }
    for said in ["USER ann\r\n".to_owned(), format!("AUTH PLAIN {MESSAGE}\r\n")] {
        let mut party = pop3(Channel::Clear);
        assert_eq!(party.hear(&said).said, "-ERR begin TLS first\r\n");
        assert!(party.asked.is_empty());
    }
}

/// Catches CVE-2011-0411: what somebody puts behind STARTTLS would be obeyed as if it came under TLS.
#[test]
fn what_comes_behind_starttls_in_one_piece_was_never_said() {
    let mut party = imap(Channel::Clear);
    party.hear("a STARTTLS\r\nb LOGIN mallory x\r\nc NO");
    assert_eq!(party.said, "a OK begin TLS now\r\n");
    assert!(party.hear("d NOOP\r\n").said.ends_with("d OK done\r\n"), "{}", party.said);
    let mut party = pop3(Channel::TrustedWithTls);
    party.hear("USER mallory\r\nSTLS\r\nPASS x\r\nUS");
    assert_eq!(party.said, "+OK and the password\r\n+OK begin TLS now\r\n");
    assert!(party.hear("PASS x\r\n").said.ends_with("-ERR who are you?\r\n"), "{}", party.said);
    assert!(party.asked.is_empty());
}

#[test]
fn each_refusal_is_told_as_what_it_is() {
    for (refusal, of_imap, of_pop3) in [
        (Refusal::Wrong, "AUTHENTICATIONFAILED", "AUTH"),
        (Refusal::TooMany, "LIMIT", "LOGIN-DELAY"),
        (Refusal::Busy, "UNAVAILABLE", "SYS/TEMP"),
        (Refusal::NoDirectory, "UNAVAILABLE", "SYS/TEMP"),
        (Refusal::NoMailbox, "AUTHORIZATIONFAILED", "SYS/PERM"),
        (Refusal::NoBackend, "UNAVAILABLE", "SYS/TEMP"),
        (Refusal::InUse, "UNAVAILABLE", "IN-USE"),
    ] {
        let answers = [Answer::Refused(refusal), welcome()];
        let mut party = Party::new(Protocol::Imap, Channel::Tls, &answers);
        party.hear("a LOGIN x y\r\nb LOGIN x z\r\n");
        assert_eq!(party.said, format!("a NO [{of_imap}] {}\r\n", refusal.text()));
        assert!(party.handed_over.is_some(), "the client may try again");
        let mut party = Party::new(Protocol::Pop3, Channel::Tls, &answers);
        party.hear("USER x\r\nPASS y\r\n").said.clear();
        assert!(party.hear("AUTH PLAIN\r\n").said.ends_with("+ \r\n"));
        party.hear(&format!("{MESSAGE}\r\n"));
        assert!(party.handed_over.is_some());
        let mut party = Party::new(Protocol::Pop3, Channel::Tls, &answers);
        assert!(
            party
                .hear("USER x\r\nPASS y\r\n")
                .said
                .ends_with(&format!("-ERR [{of_pop3}] {}\r\n", refusal.text()))
        );
    }
}

/// Catches a session in which passwords are guessed for as long as its client likes.
#[test]
fn three_wrong_passwords_take_their_time_and_end_the_session() {
    let wrong = vec![Answer::Refused(Refusal::Wrong); 9];
    let mut party = Party::new(Protocol::Imap, Channel::Tls, &wrong);
    party.hear(&"a LOGIN x y\r\n".repeat(9));
    assert_eq!(party.pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4]);
    assert!(party.is_closed && party.asked.len() == 3);
    assert!(party.said.ends_with("* BYE too many logins\r\n"), "{}", party.said);
    let mut party = Party::new(Protocol::Pop3, Channel::Tls, &wrong);
    party.hear(&"USER x\r\nPASS y\r\n".repeat(9));
    assert!(party.is_closed && party.asked.len() == 3 && party.pauses.len() == 3);
}

/// Catches a front end that counts a dead pair, or a directory that is gone, as wrong passwords.
#[test]
fn other_refusals_are_no_wrong_passwords_but_have_an_end() {
    let mut party = Party::new(Protocol::Imap, Channel::Tls, &[]);
    party.hear(&"a LOGIN x y\r\n".repeat(9));
    assert!(!party.is_closed && party.asked.len() == 9 && party.pauses.is_empty());
    party.hear("a LOGIN x y\r\n");
    assert!(party.is_closed);
}

#[test]
fn a_client_that_talks_without_end_is_ended() {
    for (protocol, nonsense, noop) in
        [(Protocol::Imap, "a X\r\n", "a NOOP\r\n"), (Protocol::Pop3, "X\r\n", "NOOP\r\n")]
    {
        let mut party = Party::new(protocol, Channel::Tls, &[]);
        party.hear(&nonsense.repeat(ERRORS_MAX as usize - 1));
        assert!(!party.is_closed, "{protocol}");
        party.hear(nonsense);
        assert!(party.is_closed, "{protocol}");

        let mut party = Party::new(protocol, Channel::Tls, &[]);
        for _ in 0..INPUT_OCTETS_MAX / noop.len() {
            party.hear(noop);
        }
        assert!(!party.is_closed, "{protocol}");
        party.hear(noop);
        assert!(party.is_closed, "{protocol}");
    }
    let mut party = imap(Channel::Tls);
    party.hear(&"x".repeat(WAITING_OCTETS_MAX));
    assert!(party.is_closed && party.said.starts_with("* BYE "), "{}", party.said);
}

#[test]
fn the_end_is_told_where_it_can_be() {
    for (ended, of_imap, of_pop3) in [
        (Ended::TimedOut, "* BYE too long without a login\r\n", "-ERR too long without a login\r\n"),
        (Ended::ShuttingDown, "* BYE shutting down\r\n", "-ERR [SYS/TEMP] shutting down\r\n"),
        (Ended::Gone, "", ""),
    ] {
        for (mut party, said) in [(imap(Channel::Tls), of_imap), (pop3(Channel::Tls), of_pop3)] {
            party.step(Event::Ended(ended));
            assert!(party.is_closed && party.said == said, "{ended:?}: {}", party.said);
        }
    }
}

proptest! {
    #[test]
    fn a_session_is_the_same_wherever_the_network_cuts(
        pieces in prop::collection::vec(
            prop_oneof![
                Just("a LOGIN x y\r\n"), Just("a LOGIN {1}\r\n"), Just("x y\r\n"), Just("a NOOP\r\n"), Just("a STARTTLS\r\n"),
                Just("a AUTHENTICATE PLAIN\r\n"), Just("AGFubgBzZWNyZXQ=\r\n"), Just("USER x\r\n"), Just("PASS y\r\n"),
                Just("AUTH PLAIN\r\n"), Just("QUIT\r\n"), Just("{9999}\r\n"), Just("\n"), Just("\r\n"),
            ],
            0..12,
        ),
        is_imap in any::<bool>(),
        size in 1_usize..9,
    ) {
        // Behind STARTTLS it matters what came in one piece.
        let text = pieces.concat().replace("STARTTLS", "NOOP");
        let protocol = if is_imap { Protocol::Imap } else { Protocol::Pop3 };
        let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut party = Party::new(protocol, Channel::Tls, &[Answer::Refused(Refusal::Wrong), welcome()]);
            for piece in pieces {
                if party.is_closed || party.handed_over.is_some() {
                    break;
                }
                party.step(Event::Received(piece));
            }
            let to_client = party.handed_over.map(|(to_client, _)| to_client);
            (party.said, party.asked, to_client, party.is_closed)
        };
        prop_assert_eq!(run(&mut std::iter::once(text.as_bytes())), run(&mut text.as_bytes().chunks(size)));
    }
}
