//! A driver without a socket: it hands octets in, answers questions, and keeps what comes out.

use mail::address::ForwardPath;
use mail::data::LongLines;
use mail::engine::{Action, Config, Ended, Engine, Event, Limits, Message, Protocol, Question, Tls};
use mail::reply::{Refusal, Status, Text};
use std::sync::Arc;

/// What can be told apart from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Said(String),
    Message(Box<Message>, Vec<u8>),
    Abandoned,
    TlsBegun,
    Closed,
}

pub struct Party {
    pub engine: Engine,
    pub seen: Vec<Seen>,
    /// Everything that was said to the client.
    pub said: String,
    content: Vec<u8>,
}

pub fn config(protocol: Protocol) -> Config {
    Config {
        protocol,
        host: "mx.example.org".parse().unwrap(),
        tls: Tls::Offered,
        message_octets_max: 10_000,
        long_lines: LongLines::Accept,
        limits: Limits::default(),
    }
}

impl Party {
    /// After the greeting.
    pub fn new(config: Config) -> Self {
        let engine = Engine::new(Arc::new(config));
        let mut party = Self { engine, seen: Vec::new(), said: String::new(), content: Vec::new() };
        party.step(Event::Greet);
        party
    }

    pub fn smtp() -> Self {
        Self::new(config(Protocol::Smtp))
    }

    /// Octets in pieces no larger than this, nor than the engine has room for; questions are answered at once.
    pub fn receive(&mut self, octets: &[u8], size: usize) {
        let mut rest = octets;
        while !rest.is_empty() && self.engine.room() > 0 {
            let (piece, after) = rest.split_at(size.min(rest.len()).min(self.engine.room()));
            self.step(Event::Received(piece));
            rest = after;
        }
    }

    /// What is answered to these lines, sent as one piece.
    pub fn say(&mut self, lines: &str) -> String {
        let before = self.said.len();
        self.receive(lines.as_bytes(), usize::MAX);
        self.said[before..].to_owned()
    }

    pub fn end(&mut self, ended: Ended) -> String {
        let before = self.said.len();
        self.step(Event::Ended(ended));
        self.said[before..].to_owned()
    }

    pub fn messages<'a>(&'a self) -> Vec<(&'a Message, &'a str)> {
        let message = |seen: &'a Seen| match seen {
            Seen::Message(message, content) => Some((&**message, std::str::from_utf8(content).unwrap())),
            _ => None,
        };
        self.seen.iter().filter_map(message).collect()
    }

    pub fn is_closed(&self) -> bool {
        self.seen.last() == Some(&Seen::Closed)
    }

    pub fn step(&mut self, event: Event<'_>) {
        let mut actions: std::collections::VecDeque<_> = self.engine.step(event).into();
        while let Some(action) = actions.pop_front() {
            assert!(!self.is_closed(), "{action:?} behind the end");
            match action {
                Action::Send(octets) => self.hear(String::from_utf8(octets).unwrap()),
                Action::Content(content) => self.content.extend(content),
                Action::Abandon => {
                    self.content.clear();
                    self.seen.push(Seen::Abandoned);
                }
                Action::BeginTls => self.seen.push(Seen::TlsBegun),
                Action::Close => self.seen.push(Seen::Closed),
                Action::Ask(question) => {
                    assert!(actions.is_empty(), "it goes on before the answer");
                    let answer = self.answer(question);
                    actions = self.engine.step(answer).into();
                }
            }
        }
    }

    fn hear(&mut self, text: String) {
        assert!(text.ends_with("\r\n") && text.lines().all(|line| line.len() <= 510), "{text:?}");
        self.said.push_str(&text);
        match self.seen.last_mut() {
            Some(Seen::Said(before)) => before.push_str(&text),
            _ => self.seen.push(Seen::Said(text)),
        }
    }

    fn answer(&mut self, question: Question) -> Event<'static> {
        match question {
            Question::Sender(mail) => Event::Verdict(verdict(&mail.from.to_string())),
            Question::Recipient(rcpt) => Event::Verdict(match &rcpt.to {
                ForwardPath::Postmaster => Ok(()),
                path => verdict(&path.to_string()),
            }),
            Question::Message(message) => {
                let content = std::mem::take(&mut self.content);
                assert_eq!(message.octets, content.len() as u64);
                let outcomes = message.envelope.recipients.iter().map(|rcpt| outcome(&rcpt.to.to_string()));
                let outcomes = outcomes.collect();
                self.seen.push(Seen::Message(Box::new(message), content));
                Event::Delivered(outcomes)
            }
        }
    }
}

/// An address says what becomes of it.
fn verdict(address: &str) -> Result<(), Refusal> {
    match address {
        text if text.contains("green") => Err(refusal(550, 1, 1, "No such user")),
        text if text.contains("grey") => Err(refusal(450, 7, 1, "Come again")),
        text if text.contains("gone") => Err(refusal(421, 3, 2, "Closing")),
        _ => Ok(()),
    }
}

fn outcome(address: &str) -> Result<Text, Refusal> {
    if address.contains("full") { Err(refusal(452, 2, 2, "Mailbox full")) } else { Ok(Text::of("Delivered")) }
}

pub fn refusal(code: u16, subject: u16, detail: u16, text: &str) -> Refusal {
    Refusal::new(code, Status::new(subject, detail), text).unwrap()
}
