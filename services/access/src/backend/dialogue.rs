//! What is said to a pair and what it answers, without a socket: greeting, AUTHENTICATE PLAIN or AUTH PLAIN, and the answer.
//!
//! Whatever comes is bounded ([`LINE_OCTETS_MAX`], [`LINES_MAX`]); what does not fit is [`Answered::Nonsense`]. A pair that refuses says why by a
//! response code (RFC 5530, RFC 2449, RFC 3206): one for a time is [`Answered::Later`], and any other means that the account is not here.
//! Entry point: [`Dialogue::receive`].

use crate::Protocol;
use crate::front::Welcome;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mail::login::PlainLogin;

/// Of a line, its end included: what a pair can do stands in one.
pub const LINE_OCTETS_MAX: usize = 8 * 1024;
/// Of all lines.
pub const LINES_MAX: usize = 32;
/// Of a command of POP3 that every server takes (RFC 2449, section 4; RFC 5034, section 4).
const COMMAND_OCTETS_MAX: usize = 255;
/// Of an answer in an error.
const TOLD_LETTERS_MAX: usize = 200;

/// A refusal for a time.
const LATER: [&str; 6] = ["UNAVAILABLE", "SERVERBUG", "LIMIT", "CONTACTADMIN", "SYS/TEMP", "LOGIN-DELAY"];
const IN_USE: [&str; 2] = ["INUSE", "IN-USE"];

/// With one pair.
pub struct Dialogue {
    protocol: Protocol,
    /// The message of PLAIN in base64.
    message: String,
    awaits: Awaits,
    input: Vec<u8>,
    lines: usize,
    /// Lines that belong to no command, behind the greeting.
    before: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Greeting,
    Challenge,
    Answer,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Wait,
    Send(Vec<u8>),
    Done(Answered),
}

/// How it went. The text is what the pair has said, for a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    LoggedIn(Welcome),
    NotHere(String),
    Later(String),
    InUse(String),
    Nonsense(String),
}

impl Dialogue {
    pub fn new(protocol: Protocol, login: &PlainLogin) -> Self {
        let parts = [login.acts_as.as_deref().unwrap_or_default(), &login.name, login.password.reveal()];
        Self {
            protocol,
            message: BASE64.encode(parts.join(&0)),
            awaits: Awaits::Greeting,
            input: Vec::new(),
            lines: 0,
            before: Vec::new(),
        }
    }

    /// What follows from what has come. Behind [`Step::Done`] there is nothing more to do.
    pub fn receive(&mut self, octets: &[u8]) -> Step {
        self.input.extend_from_slice(octets);
        while let Some(end) = memchr::memchr(b'\n', &self.input) {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            self.lines += 1;
            if line.len() > LINE_OCTETS_MAX || self.lines > LINES_MAX {
                return nonsense(&line);
            }
            match self.hear(&line) {
                Step::Wait => {}
                step => return step,
            }
        }
        if self.input.len() > LINE_OCTETS_MAX { nonsense(&self.input) } else { Step::Wait }
    }

    fn hear(&mut self, line: &[u8]) -> Step {
        let text = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")).unwrap_or(line);
        match self.protocol {
            Protocol::Imap => self.hear_imap(text, line),
            Protocol::Pop3 => self.hear_pop3(text),
        }
    }

    fn hear_imap(&mut self, text: &[u8], line: &[u8]) -> Step {
        let (first, rest) = split(text);
        let (condition, _) = split(rest);
        let is = |word: &str| condition.eq_ignore_ascii_case(word.as_bytes());
        match (self.awaits, first) {
            (_, b"*") if is("BYE") => Step::Done(Answered::Later(told(rest))),
            (Awaits::Greeting, b"*") if is("OK") => self.begin_imap(rest),
            (Awaits::Challenge | Awaits::Answer, b"*") => {
                self.before.extend_from_slice(line);
                Step::Wait
            }
            (Awaits::Challenge, b"+") => self.answer_challenge(),
            (Awaits::Challenge | Awaits::Answer, b"a") if is("OK") => self.logged_in(rest),
            (Awaits::Challenge | Awaits::Answer, b"a") if is("NO") => Step::Done(refused(rest)),
            _ => nonsense(text),
        }
    }

    /// With the message at once where the server takes it so (RFC 4959).
    fn begin_imap(&mut self, greeting: &[u8]) -> Step {
        let greeting = greeting.to_ascii_uppercase();
        let takes_initial = memchr::memmem::find(&greeting, b" SASL-IR").is_some();
        self.begin("a AUTHENTICATE PLAIN", takes_initial)
    }

    fn hear_pop3(&mut self, text: &[u8]) -> Step {
        let (first, rest) = split(text);
        match (self.awaits, first) {
            (Awaits::Greeting, b"+OK") => {
                let command = "AUTH PLAIN";
                let is_short = command.len() + self.message.len() + " \r\n".len() <= COMMAND_OCTETS_MAX;
                self.begin(command, is_short)
            }
            (Awaits::Greeting, b"-ERR") => Step::Done(Answered::Later(told(rest))),
            (Awaits::Challenge, b"+") => self.answer_challenge(),
            (Awaits::Challenge | Awaits::Answer, b"+OK") => self.logged_in(text),
            (Awaits::Challenge | Awaits::Answer, b"-ERR") => Step::Done(refused(text)),
            _ => nonsense(text),
        }
    }

    fn begin(&mut self, command: &str, is_at_once: bool) -> Step {
        if is_at_once {
            self.awaits = Awaits::Answer;
            return Step::Send(format!("{command} {}\r\n", self.message).into_bytes());
        }
        self.awaits = Awaits::Challenge;
        Step::Send(format!("{command}\r\n").into_bytes())
    }

    fn answer_challenge(&mut self) -> Step {
        self.awaits = Awaits::Answer;
        Step::Send(format!("{}\r\n", self.message).into_bytes())
    }

    fn logged_in(&mut self, answer: &[u8]) -> Step {
        Step::Done(Answered::LoggedIn(Welcome {
            before: std::mem::take(&mut self.before),
            line: answer.to_vec(),
            behind: std::mem::take(&mut self.input),
        }))
    }
}

/// `NO [UNAVAILABLE] text`, or `-ERR [SYS/TEMP] text`.
fn refused(answer: &[u8]) -> Answered {
    let (_, rest) = split(answer);
    let text = String::from_utf8_lossy(rest);
    let code = text.strip_prefix('[').and_then(|text| text.split([']', ' ']).next()).unwrap_or_default();
    let is_one_of = |codes: &[&str]| codes.iter().any(|known| code.eq_ignore_ascii_case(known));
    let told = told(answer);
    if is_one_of(&IN_USE) {
        Answered::InUse(told)
    } else if is_one_of(&LATER) {
        Answered::Later(told)
    } else {
        Answered::NotHere(told)
    }
}

fn nonsense(text: &[u8]) -> Step {
    Step::Done(Answered::Nonsense(told(text)))
}

/// At the first space.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', text) {
        Some(space) => (&text[..space], &text[space + 1..]),
        None => (text, &[]),
    }
}

fn told(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let fine = |letter: char| if letter.is_control() { '?' } else { letter };
    text.trim_end().chars().take(TOLD_LETTERS_MAX).map(fine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::imap::command::Secret;
    use proptest::prelude::*;

    fn dialogue(protocol: Protocol, secret: &str) -> Dialogue {
        let login = PlainLogin {
            acts_as: Some(b"ann@example.org".to_vec()),
            name: b"access".to_vec(),
            password: Secret::new(secret.as_bytes().to_vec()),
        };
        Dialogue::new(protocol, &login)
    }

    fn message(secret: &str) -> String {
        BASE64.encode(format!("ann@example.org\0access\0{secret}"))
    }

    /// What is sent, and how it ends, for what a server says piece by piece.
    fn spoken(protocol: Protocol, pieces: &[&str]) -> (Vec<String>, Option<Answered>) {
        let (mut dialogue, mut sent) = (dialogue(protocol, "secret"), Vec::new());
        for piece in pieces {
            match dialogue.receive(piece.as_bytes()) {
                Step::Wait => {}
                Step::Send(line) => sent.push(String::from_utf8(line).unwrap()),
                Step::Done(answered) => return (sent, Some(answered)),
            }
        }
        (sent, None)
    }

    fn welcome(before: &str, line: &str, behind: &str) -> Option<Answered> {
        let octets = |text: &str| text.as_bytes().to_vec();
        let welcome = Welcome { before: octets(before), line: octets(line), behind: octets(behind) };
        Some(Answered::LoggedIn(welcome))
    }

    #[test]
    fn imap_is_spoken_with_and_without_an_initial_response() {
        let pieces = [
            "* OK [CAPABILITY IMAP4rev1 sasl-ir] hi\r\n",
            "* CAPABILITY X\r\na OK [CAPABILITY Y] in\r\n* OK z",
        ];
        let (sent, answered) = spoken(Protocol::Imap, &pieces);
        assert_eq!(sent, [format!("a AUTHENTICATE PLAIN {}\r\n", message("secret"))]);
        assert_eq!(answered, welcome("* CAPABILITY X\r\n", "OK [CAPABILITY Y] in", "* OK z"));

        let pieces = ["* OK hi\r\n", "+ \r\n", "a ok in\r\n"];
        let (sent, answered) = spoken(Protocol::Imap, &pieces);
        assert_eq!(sent, ["a AUTHENTICATE PLAIN\r\n".to_owned(), message("secret") + "\r\n"]);
        assert_eq!(answered, welcome("", "ok in", ""));
    }

    #[test]
    fn pop3_is_spoken_in_lines_that_every_server_takes() {
        let (sent, answered) = spoken(Protocol::Pop3, &["+OK hi\r\n", "+OK in\r\n+"]);
        assert_eq!(sent, [format!("AUTH PLAIN {}\r\n", message("secret"))]);
        assert_eq!(answered, welcome("", "+OK in", "+"));

        let secret = "s".repeat(200);
        let mut dialogue = dialogue(Protocol::Pop3, &secret);
        assert_eq!(dialogue.receive(b"+OK hi\r\n"), Step::Send(b"AUTH PLAIN\r\n".to_vec()));
        assert_eq!(dialogue.receive(b"+ \r\n"), Step::Send((message(&secret) + "\r\n").into_bytes()));
    }

    #[test]
    fn a_refusal_says_whether_it_is_for_a_time() {
        let imap = |answer: &str| spoken(Protocol::Imap, &["* OK SASL-IR\r\n", answer]).1.unwrap();
        let pop3 = |answer: &str| spoken(Protocol::Pop3, &["+OK\r\n", answer]).1.unwrap();
        for answered in
            [imap("a NO [UNAVAILABLE] x\r\n"), imap("a NO [serverbug] x\r\n"), imap("* BYE full\r\n")]
        {
            assert!(matches!(answered, Answered::Later(_)), "{answered:?}");
        }
        assert!(matches!(pop3("-ERR [SYS/TEMP] x\r\n"), Answered::Later(_)));
        assert!(matches!(pop3("-ERR [IN-USE] x\r\n"), Answered::InUse(_)));
        for answered in [
            imap("a NO [AUTHORIZATIONFAILED] x\r\n"),
            imap("a NO x\r\n"),
            pop3("-ERR [AUTH] x\r\n"),
            pop3("-ERR\r\n"),
        ] {
            assert!(matches!(answered, Answered::NotHere(_)), "{answered:?}");
        }
    }

    #[test]
    fn what_nobody_understands_ends_it() {
        let long = format!("* OK {}", "x".repeat(LINE_OCTETS_MAX));
        let many = "* OK x\r\n".repeat(LINES_MAX + 1);
        for pieces in [
            &["SSH-2.0-x\r\n"][..],
            &["* PREAUTH hi\r\n"],
            &["+OK POP3\r\n"],
            &[&long],
            &["* OK hi\r\n", "a BAD x\r\n"],
            &["* OK hi\r\n", "b OK x\r\n"],
            &["* OK SASL-IR\r\n", "+ \r\n"],
            &["* OK hi\r\n", &many],
        ] {
            let (_, answered) = spoken(Protocol::Imap, pieces);
            assert!(matches!(answered, Some(Answered::Nonsense(_))), "{pieces:?}: {answered:?}");
        }
        let (_, answered) = spoken(Protocol::Pop3, &["* OK hi\r\n"]);
        assert!(matches!(answered, Some(Answered::Nonsense(_))), "{answered:?}");
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_the_same_wherever_the_network_cuts(
            text in "(\\* OK( SASL-IR| hi)?\r\n)?((\\* x|\\+ |a OK x|a NO \\[UNAVAILABLE\\]|[a*+ \r\n]{0,6})\r\n){0,4}",
            size in 1_usize..7,
        ) {
            let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
                let mut dialogue = dialogue(Protocol::Imap, "x");
                let mut sent = Vec::new();
                for piece in pieces {
                    let mut step = dialogue.receive(piece);
                    while let Step::Send(line) = step {
                        sent.push(line);
                        step = dialogue.receive(&[]);
                    }
                    if let Step::Done(answered) = step {
                        // How much has come behind it is the network's to say.
                        let answered = match answered {
                            Answered::LoggedIn(welcome) => Answered::LoggedIn(Welcome { behind: Vec::new(), ..welcome }),
                            answered => answered,
                        };
                        return (sent, Some(answered));
                    }
                }
                (sent, None)
            };
            let whole = run(&mut std::iter::once(text.as_bytes()));
            prop_assert_eq!(whole, run(&mut text.as_bytes().chunks(size)));
        }
    }
}
