use super::*;
use crate::imap::command::Secret;
use crate::login::PlainLogin;
use proptest::prelude::*;

const MESSAGES: [&str; 3] = ["A: b\r\n\r\n.one\r\n", "Subject: two\r\n\r\n1\r\n2\r\n3\r\n", "x"];

/// Answers what is asked: `me` has `secret` and three messages, of which the last one cannot be read.
struct Party {
    engine: Engine,
    said: String,
    deleted: Option<Vec<usize>>,
    is_closed: bool,
    has_tls: bool,
}

impl Party {
    fn new(channel: Channel) -> Self {
        let mut party = Self {
            engine: Engine::new(channel),
            said: String::new(),
            deleted: None,
            is_closed: false,
            has_tls: false,
        };
        party.step(Event::Greet);
        assert_eq!(std::mem::take(&mut party.said), "+OK POP3 ready\r\n");
        party
    }

    fn step(&mut self, event: Event<'_>) {
        for action in self.engine.step(event) {
            assert!(!self.is_closed, "{action:?} behind the end");
            match action {
                Action::Send(octets) => self.said += std::str::from_utf8(&octets).unwrap(),
                Action::Ask(question) => self.answer(question),
                Action::BeginTls => self.has_tls = true,
                Action::Close => self.is_closed = true,
            }
        }
        while self.engine.holds_back() {
            self.step(Event::Sent);
        }
    }

    fn answer(&mut self, question: Question) {
        let answer = match question {
            Question::LogIn(login) => match (login.name.as_slice(), login.password.reveal()) {
                (b"me", b"secret") => {
                    let head = |(at, text): (usize, &&str)| MessageHead {
                        octets: text.len() as u64,
                        id: format!("1.{at}"),
                    };
                    Answer::LoggedIn(MESSAGES.iter().enumerate().map(head).collect())
                }
                (b"twice", _) => Answer::Refused(LoginRefusal::InUse),
                (b"guesser", _) => Answer::Refused(LoginRefusal::TooMany),
                (b"proxy", _) if login.acts_as.as_deref() == Some(b"you") => Answer::LoggedIn(Vec::new()),
                _ => Answer::Refused(LoginRefusal::WrongPassword),
            },
            Question::Read(2) => Answer::NoContent,
            Question::Read(place) => {
                for piece in MESSAGES[place].as_bytes().chunks(3) {
                    if self.engine.wants_content() {
                        self.step(Event::Content(piece));
                    }
                }
                Answer::ContentEnds
            }
            Question::Delete(places) => {
                self.deleted = Some(places);
                Answer::Committed(true)
            }
        };
        self.step(Event::Answer(answer));
    }

    fn receive(&mut self, text: &str) -> String {
        self.step(Event::Received(text.as_bytes()));
        std::mem::take(&mut self.said)
    }
}

fn known() -> Party {
    let mut party = Party::new(Channel::Trusted);
    assert_eq!(party.receive("USER me\r\nPASS secret\r\n"), "+OK and the password\r\n+OK 3 messages\r\n");
    party
}

#[test]
fn a_client_reads_and_deletes() {
    let mut party = known();
    for (said, heard) in [
        ("STAT\r\n", "+OK 3 40\r\n"),
        ("LIST\r\n", "+OK\r\n1 14\r\n2 25\r\n3 1\r\n.\r\n"),
        ("UIDL 2\r\n", "+OK 2 1.1\r\n"),
        ("RETR 1\r\n", "+OK\r\nA: b\r\n\r\n..one\r\n.\r\n"),
        ("TOP 2 1\r\n", "+OK\r\nSubject: two\r\n\r\n1\r\n.\r\n"),
        ("RETR 3\r\n", "-ERR [SYS/TEMP] the message cannot be read now\r\n"),
        ("RETR 4\r\n", "-ERR no such message\r\n"),
        ("DELE 1\r\n", "+OK it goes with QUIT\r\n"),
        ("RETR 1\r\nDELE 1\r\n", "-ERR no such message\r\n-ERR no such message\r\n"),
        ("UIDL\r\n", "+OK\r\n2 1.1\r\n3 1.2\r\n.\r\n"),
        ("RSET\r\nSTAT\r\n", "+OK\r\n+OK 3 40\r\n"),
        ("DELE 2\r\nNOOP\r\n", "+OK it goes with QUIT\r\n+OK\r\n"),
    ] {
        assert_eq!(party.receive(said), heard, "{said:?}");
    }
    assert_eq!(party.deleted, None);
    assert_eq!(party.receive("QUIT\r\nSTAT\r\n"), "+OK good bye\r\n");
    assert_eq!(party.deleted, Some(vec![1]));
    assert!(party.is_closed && party.engine.room() == 0);
}

#[test]
fn without_quit_nothing_is_deleted() {
    for (ended, heard) in [
        (Ended::Gone, ""),
        (Ended::TimedOut, "-ERR too long without a word\r\n"),
        (Ended::ShuttingDown, "-ERR [SYS/TEMP] shutting down\r\n"),
    ] {
        let mut party = known();
        party.receive("DELE 1\r\n");
        party.step(Event::Ended(ended));
        assert_eq!((party.said.as_str(), party.deleted, party.is_closed), (heard, None, true));
    }
}

#[test]
fn a_client_is_known_by_its_password() {
    for (said, heard) in [
        ("STAT\r\n", "-ERR log in first\r\n"),
        ("PASS secret\r\n", "-ERR who are you?\r\n"),
        (
            "USER twice\r\nPASS x\r\n",
            "+OK and the password\r\n-ERR [IN-USE] another session has the mailbox\r\n",
        ),
        ("AUTH\r\n", "+OK these\r\nPLAIN\r\n.\r\n"),
        ("AUTH CRAM-MD5\r\n", "-ERR no such mechanism\r\n"),
        ("AUTH PLAIN AG1lAHNlY3JldA==\r\n", "+OK 3 messages\r\n"),
        ("AUTH PLAIN\r\nAG1lAHNlY3JldA==\r\n", "+ \r\n+OK 3 messages\r\n"),
        ("AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR as you like\r\n"),
        // `you`, by `proxy`.
        ("AUTH PLAIN eW91AHByb3h5AHg=\r\n", "+OK 0 messages\r\n"),
        ("AUTH PLAIN AG1l\r\n", "-ERR [AUTH] not a message of PLAIN\r\n"),
    ] {
        assert_eq!(Party::new(Channel::Trusted).receive(said), heard, "{said:?}");
    }
    let mut party = Party::new(Channel::Tls);
    let heard = party.receive("USER guesser\r\nPASS x\r\n");
    assert!(heard.contains("-ERR [SYS/TEMP] too many") && party.is_closed, "{heard}");
    let mut party = Party::new(Channel::Tls);
    let wrong = "+OK and the password\r\n-ERR [AUTH] wrong name or password\r\n";
    assert_eq!(party.receive(&"USER me\r\nPASS x\r\n".repeat(4)), wrong.repeat(3));
    assert!(party.is_closed);
}

#[test]
fn nothing_is_said_in_the_clear() {
    let mut party = Party::new(Channel::Clear);
    assert!(party.receive("CAPA\r\n").contains("STLS\r\n.\r\n"));
    assert_eq!(party.receive("USER me\r\n"), "-ERR begin TLS first\r\n");
    // What came behind STLS was never said.
    assert_eq!(party.receive("STLS\r\nUSER me\r\nPASS secret\r\n"), "+OK begin TLS now\r\n");
    assert!(party.has_tls && party.engine.room() == 0);
    party.step(Event::TlsBegun);
    assert_eq!(party.receive("PASS secret\r\n"), "-ERR who are you?\r\n");
    assert!(party.receive("CAPA\r\n").contains("SASL PLAIN"));
    assert_eq!(party.receive("STLS\r\n"), "-ERR there is no TLS to begin\r\n");
}

#[test]
fn nonsense_has_an_end() {
    let mut party = Party::new(Channel::Tls);
    party.receive(&"NONSENSE\r\n".repeat(ERRORS_MAX as usize));
    assert!(party.is_closed);
    for text in ["NOOP\nNOOP\r\n", "NO\rOP\r\n"] {
        let mut party = Party::new(Channel::Tls);
        assert!(party.receive(text).starts_with("-ERR") && party.is_closed, "{text:?}");
    }
    let mut party = Party::new(Channel::Tls);
    assert!(party.receive(&"x".repeat(WAITING_OCTETS_MAX + 1)).starts_with("-ERR") && party.is_closed);
}

#[test]
fn commands_wait_while_somebody_is_asked() {
    let mut engine = Engine::new(Channel::Trusted);
    engine.step(Event::Greet);
    let actions = engine.step(Event::Received(b"USER me\r\nPASS x\r\nSTAT\r\n"));
    let question = Question::LogIn(PlainLogin::new(b"me".to_vec(), Secret::new(b"x".to_vec())));
    assert_eq!(actions, [Action::Send(b"+OK and the password\r\n".to_vec()), Action::Ask(question)]);
    assert!(engine.room() < WAITING_OCTETS_MAX);
    // An answer that nobody waits for changes nothing.
    assert_eq!(engine.step(Event::Answer(Answer::ContentEnds)), []);
    let actions = engine.step(Event::Answer(Answer::LoggedIn(Vec::new())));
    assert_eq!(actions, [Action::Send(b"+OK 0 messages\r\n+OK 0 0\r\n".to_vec())]);
}

/// Catches an engine that makes all answers before it sends one.
#[test]
fn a_long_list_comes_in_pieces() {
    let mut engine = Engine::new(Channel::Trusted);
    engine.step(Event::Greet);
    engine.step(Event::Received(b"USER me\r\nPASS x\r\n"));
    let head = |number: u64| MessageHead { octets: number, id: format!("1700000000.{number}") };
    engine.step(Event::Answer(Answer::LoggedIn((1..=100_000).map(head).collect())));
    let (mut said, mut steps) = (String::new(), 0);
    let mut actions = engine.step(Event::Received("DELE 2\r\nUIDL\r\n".repeat(3).as_bytes()));
    loop {
        let octets = said_octets(&actions);
        assert!(octets < 2 * SENT_OCTETS_MAX + 100, "{octets} at once");
        for action in actions {
            let Action::Send(octets) = action else { panic!("{action:?}") };
            said += std::str::from_utf8(&octets).unwrap();
        }
        steps += 1;
        if !engine.holds_back() {
            break;
        }
        actions = engine.step(Event::Sent);
    }
    assert!(steps > 100, "{steps}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3 * 100_002);
    assert_eq!(&lines[..4], ["+OK it goes with QUIT", "+OK", "1 1700000000.1", "3 1700000000.3"]);
    assert_eq!(lines[100_000..100_002], ["100000 1700000000.100000", "."]);
    let Action::Send(stat) = &engine.step(Event::Received(b"STAT\r\nRSET\r\nSTAT\r\n"))[0] else { panic!() };
    assert_eq!(stat, b"+OK 99999 5000049998\r\n+OK\r\n+OK 100000 5000050000\r\n");
}

proptest! {
    #[test]
    fn it_is_the_same_wherever_the_network_cuts(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "USER me\r\n", "PASS secret\r\n", "PASS x\r\n", "AUTH PLAIN\r\n", "AG1lAHNlY3JldA==\r\n", "RETR 1\r\n", "TOP 2 1\r\n",
                "DELE 1\r\n", "STAT\r\n", "UIDL\r\n", "RSET\r\n", "QUIT\r\n", "x\r\n", "NOOP\n",
            ]),
            0..12,
        ),
        size in 1_usize..7,
    ) {
        let text = lines.concat();
        let (mut whole, mut cut) = (Party::new(Channel::Tls), Party::new(Channel::Tls));
        whole.step(Event::Received(text.as_bytes()));
        for piece in text.as_bytes().chunks(size) {
            cut.step(Event::Received(piece));
        }
        prop_assert_eq!((whole.said, whole.deleted, whole.is_closed), (cut.said, cut.deleted, cut.is_closed));
    }
}
