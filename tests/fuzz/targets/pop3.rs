//! A POP3 session, whole and cut to pieces. The first byte says how the channel is, the second where the network cuts: what is
//! said is the same, messages are deleted by QUIT alone, and a message on its way ends where it ends and nowhere else.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::imap::capability::Channel;
use mail::pop3::{
    Action, Answer, Ended, Engine, Event, LoginRefusal, MessageHead, Question, WAITING_OCTETS_MAX,
};
use std::collections::VecDeque;

const MESSAGES: [&[u8]; 3] = [b"Subject: a\r\n\r\n.\r\n..\r\nx\r\n", b"", b"a\n.b\r\rc"];

fuzz_target!(|input: &[u8]| {
    let [choice, size, octets @ ..] = input else { return };
    let channel = [Channel::Clear, Channel::Trusted, Channel::Tls, Channel::Clear][usize::from(choice & 3)];
    let whole = Session::run(channel, octets, usize::MAX);
    assert_eq!(whole, Session::run(channel, octets, usize::from(*size).max(1)));
});

#[derive(Debug, PartialEq)]
enum Seen {
    Said(Vec<u8>),
    Deleted(Vec<usize>),
    TlsBegun,
    Closed,
}

struct Session {
    engine: Engine,
    seen: Vec<Seen>,
}

impl Session {
    fn run(channel: Channel, octets: &[u8], size: usize) -> Vec<Seen> {
        let mut session = Self { engine: Engine::new(channel), seen: Vec::new() };
        session.step(Event::Greet);
        let mut rest = octets;
        while !rest.is_empty() && session.engine.room() > 0 {
            let (piece, after) = rest.split_at(size.min(rest.len()).min(session.engine.room()));
            session.step(Event::Received(piece));
            rest = after;
        }
        if session.seen.last() == Some(&Seen::TlsBegun) {
            session.step(Event::TlsBegun);
            session.step(Event::Received(b"USER a\r\nPASS b\r\nRETR 1\r\n"));
        }
        session.step(Event::Ended(Ended::TimedOut));
        assert_eq!((session.seen.last(), session.engine.room()), (Some(&Seen::Closed), 0));
        session.seen
    }

    fn step(&mut self, event: Event<'_>) {
        let mut actions: VecDeque<_> = self.engine.step(event).into();
        loop {
            let Some(action) = actions.pop_front() else {
                if !self.engine.holds_back() {
                    return;
                }
                actions = self.engine.step(Event::Sent).into();
                continue;
            };
            assert_ne!(self.seen.last(), Some(&Seen::Closed), "{action:?} behind the end");
            match action {
                Action::Send(text) => self.hear(text),
                Action::BeginTls => self.seen.push(Seen::TlsBegun),
                Action::Close => self.seen.push(Seen::Closed),
                Action::Ask(question) => {
                    assert!(actions.is_empty(), "it goes on before the answer");
                    actions = self.answer(question);
                }
            }
            assert!(self.engine.room() <= WAITING_OCTETS_MAX);
        }
    }

    fn hear(&mut self, text: Vec<u8>) {
        match self.seen.last_mut() {
            Some(Seen::Said(before)) => before.extend(text),
            _ => self.seen.push(Seen::Said(text)),
        }
    }

    fn answer(&mut self, question: Question) -> VecDeque<Action> {
        match question {
            Question::LogIn(login) => {
                let answer = if login.name.first() == Some(&b'n') {
                    Answer::Refused(LoginRefusal::WrongPassword)
                } else {
                    let heads = MESSAGES.iter().enumerate();
                    let head = |(at, message): (usize, &&[u8])| MessageHead {
                        octets: message.len() as u64,
                        id: format!("1.{at}"),
                    };
                    Answer::LoggedIn(heads.map(head).collect())
                };
                self.engine.step(Event::Answer(answer)).into()
            }
            Question::Read(at) => self.read(MESSAGES[at]),
            Question::Delete(places) => {
                assert!(!places.is_empty() && places.iter().all(|place| *place < MESSAGES.len()));
                self.seen.push(Seen::Deleted(places));
                self.engine.step(Event::Answer(Answer::Committed(true))).into()
            }
        }
    }

    /// In pieces of two octets. The first line that is a dot is its end; behind it only lines of ours may stand.
    fn read(&mut self, message: &[u8]) -> VecDeque<Action> {
        let mut said = Vec::new();
        for piece in message.chunks(2) {
            if !self.engine.wants_content() {
                break;
            }
            for action in self.engine.step(Event::Content(piece)) {
                let Action::Send(octets) = action else { panic!("{action:?} in a message") };
                said.extend(octets);
            }
        }
        let mut actions: VecDeque<_> = self.engine.step(Event::Answer(Answer::ContentEnds)).into();
        let Some(Action::Send(octets)) = actions.pop_front() else { panic!("a message without an end") };
        said.extend(octets);
        assert!(said.starts_with(b"+OK\r\n"));
        let end = said.windows(5).position(|window| window == b"\r\n.\r\n").expect("an end") + 5;
        assert!(said.len() == end || matches!(said[end], b'+' | b'-'));
        actions.push_front(Action::Send(said));
        actions
    }
}
