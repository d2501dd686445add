//! A session, whole and cut to pieces. The first byte says how the server is set up, the second where the network cuts, and addresses say
//! what the policy answers: what can be seen from outside is the same, and no message is taken that was not safe.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::data::LongLines;
use mail::engine::{Action, Config, Ended, Engine, Event, INPUT_OCTETS_MAX, Limits, Protocol, Question, Tls};
use mail::reply::{LINE_OCTETS_MAX, Refusal, Status, Text};
use std::collections::VecDeque;
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    let [choice, size, octets @ ..] = input else { return };
    let whole = Session::run(*choice, octets, usize::MAX);
    let pieces = Session::run(*choice, octets, usize::from(*size).max(1));
    assert_eq!(whole, pieces);
});

/// What can be told apart from outside.
#[derive(Debug, PartialEq)]
enum Seen {
    Said(Vec<u8>),
    Message(Vec<u8>),
    Abandoned,
    TlsBegun,
    Closed,
}

struct Session {
    engine: Engine,
    is_lmtp: bool,
    message_octets_max: u64,
    content: Vec<u8>,
    seen: Vec<Seen>,
}

impl Session {
    fn run(choice: u8, octets: &[u8], size: usize) -> Vec<Seen> {
        let mut session = Self::new(choice);
        session.step(Event::Greet);
        let mut rest = octets;
        while !rest.is_empty() && session.engine.room() > 0 {
            let (piece, after) = rest.split_at(size.min(rest.len()).min(session.engine.room()));
            session.step(Event::Received(piece));
            rest = after;
        }
        if session.seen.last() == Some(&Seen::TlsBegun) {
            session.step(Event::TlsBegun);
            session.step(Event::Received(b"EHLO x\r\nLHLO x\r\nSTARTTLS\r\n"));
        }
        session.step(Event::Ended(Ended::TimedOut));
        assert_eq!((session.seen.last(), session.engine.room()), (Some(&Seen::Closed), 0));
        session.seen
    }

    fn new(choice: u8) -> Self {
        let is_lmtp = choice & 1 == 1;
        let message_octets_max = if choice & 8 == 0 { 100 } else { 1 << 20 };
        let limits = Limits { recipients_max: 5, messages_max: 4, errors_max: 9, ..Limits::default() };
        let config = Config {
            protocol: if is_lmtp { Protocol::Lmtp } else { Protocol::Smtp },
            host: "mx.example.org".parse().expect("a domain"),
            tls: [Tls::Unavailable, Tls::Offered, Tls::Required, Tls::Offered][usize::from(choice >> 1 & 3)],
            message_octets_max,
            long_lines: if choice & 16 == 0 { LongLines::Refuse } else { LongLines::Accept },
            limits,
        };
        let engine = Engine::new(Arc::new(config));
        Self { engine, is_lmtp, message_octets_max, content: Vec::new(), seen: Vec::new() }
    }

    fn step(&mut self, event: Event<'_>) {
        let mut actions: VecDeque<_> = self.engine.step(event).into();
        while let Some(action) = actions.pop_front() {
            assert_ne!(self.seen.last(), Some(&Seen::Closed), "{action:?} behind the end");
            match action {
                Action::Send(text) => self.hear(text),
                Action::Content(content) => self.content.extend(content),
                Action::Abandon => {
                    self.content.clear();
                    self.seen.push(Seen::Abandoned);
                }
                Action::BeginTls => self.seen.push(Seen::TlsBegun),
                Action::Close => self.seen.push(Seen::Closed),
                Action::Ask(question) => {
                    assert!(actions.is_empty(), "it goes on before the answer");
                    actions = self.answer(question);
                }
            }
            assert!(self.engine.room() <= INPUT_OCTETS_MAX);
        }
    }

    fn hear(&mut self, text: Vec<u8>) {
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            assert!(line.len() <= LINE_OCTETS_MAX && line.ends_with(b"\r\n"));
            assert!(line[..line.len() - 2].iter().all(|byte| (b' '..=b'~').contains(byte)));
            assert!(line[..3].iter().all(u8::is_ascii_digit) && matches!(line[3], b' ' | b'-'));
        }
        match self.seen.last_mut() {
            Some(Seen::Said(before)) => before.extend(text),
            _ => self.seen.push(Seen::Said(text)),
        }
    }

    fn answer(&mut self, question: Question) -> VecDeque<Action> {
        let message = match question {
            Question::Sender(mail) => {
                return self.engine.step(Event::Verdict(verdict(&mail.from.to_string()))).into();
            }
            Question::Recipient(rcpt) => {
                return self.engine.step(Event::Verdict(verdict(&rcpt.to.to_string()))).into();
            }
            Question::Message(message) => message,
        };
        let content = std::mem::take(&mut self.content);
        assert!(message.octets == content.len() as u64 && message.octets <= self.message_octets_max);
        assert!(content.is_empty() || content.ends_with(b"\r\n"));
        let (ends, lines) = (content.iter().filter(|&&byte| byte == b'\r'), content.windows(2));
        assert_eq!(ends.count(), lines.filter(|pair| pair == b"\r\n").count());
        let recipients = &message.envelope.recipients;
        assert!((1..=5).contains(&recipients.len()));
        let outcomes: Vec<_> = recipients.iter().map(|rcpt| outcome(&rcpt.to.to_string())).collect();
        let mut expected = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if !self.is_lmtp {
            expected /= outcomes.len();
        }
        self.seen.push(Seen::Message(content));
        let actions: VecDeque<_> = self.engine.step(Event::Delivered(outcomes)).into();
        let told = match actions.front() {
            Some(Action::Send(text)) => text.windows(7).filter(|text| text == b"stored\r").count(),
            _ => 0,
        };
        assert_eq!(told, expected, "250 is said of what is safe, and of nothing else");
        actions
    }
}

/// An address says what becomes of it.
fn verdict(address: &str) -> Result<(), Refusal> {
    let code = match address {
        text if text.contains('g') => 550,
        text if text.contains('q') => 421,
        _ => return Ok(()),
    };
    Err(Refusal::new(code, Status::new(1, 1), "no").expect("a refusal"))
}

fn outcome(address: &str) -> Result<Text, Refusal> {
    if address.contains('f') {
        return Err(Refusal::new(452, Status::new(2, 2), "full").expect("a refusal"));
    }
    Ok(Text::fixed("stored"))
}
