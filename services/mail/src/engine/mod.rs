//! The server's side of one SMTP or LMTP session, without a socket: events in, actions out (RFC 5321, RFC 2033).
//!
//! # A session
//!
//! [`Event::Greet`] begins it. The client's octets go in with [`Event::Received`], at most [`Engine::room`] at a time. Commands are
//! answered in order; where the policy has a say the engine asks ([`Question`]) and does nothing else before the answer,
//! so that pipelined commands (RFC 2920) wait in a bounded buffer. The content of a message comes out in pieces
//! ([`Action::Content`]), and then [`Question::Message`] asks whether it is safe: only that answer becomes a 250.
//!
//! # What it refuses
//!
//! - Lines and messages with a CR or LF that stands alone ([`crate::line`], [`crate::data`]); a command line like that, or a
//!   BDAT whose length cannot be read, ends the session, for nobody knows where the next command begins.
//! - Whatever was pipelined behind STARTTLS (CVE-2011-0411): it is dropped, and the session begins anew under TLS.
//! - Sessions beyond any of [`Limits`]. Memory is bounded by them: at most [`INPUT_OCTETS_MAX`] of input, one line, and the
//!   accepted recipients of one message.
//!
//! It never waits, reads a clock, or knows what a mailbox is. AUTH is read but not offered. Entry points:
//! [`Engine::new`], [`Engine::step`], [`Engine::awaits`].

mod actions;
mod commands;
pub mod config;
mod content;
mod counters;
pub mod event;
mod replies;
mod transaction;
mod waiting;

pub use config::{Config, Limits, Protocol, Tls};
pub use event::{Action, Awaits, Channel, Ended, Envelope, Event, Hello, HelloVerb, Message, Question};

use crate::command::{Mail, Rcpt};
use crate::data::dots::Decoder;
use crate::line::{COMMAND_OCTETS_MAX, LineReader};
use crate::reply::Refusal;
use actions::Actions;
use counters::Counters;
use std::sync::Arc;
use transaction::Transaction;
use waiting::Waiting;

/// Of input that waits for the answer to a question.
pub const INPUT_OCTETS_MAX: usize = 64 * 1024;

/// One session.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    phase: Phase,
    channel: Channel,
    lines: LineReader,
    waiting: Waiting,
    hello: Option<Hello>,
    transaction: Option<Transaction>,
    counters: Counters,
}

/// What the next octet is, if anything.
#[derive(Debug)]
enum Phase {
    /// The client was not greeted.
    Fresh,
    Commands,
    Asked(Asked),
    /// Behind DATA.
    Data(Box<Decoder>),
    /// In a chunk of the transaction.
    Chunk {
        is_last: bool,
    },
    /// In a chunk that is refused when it has passed (RFC 3030, section 2).
    Skip {
        left: u64,
        refusal: Box<Refusal>,
    },
    Handshake,
    Closed,
}

/// The question that is open.
#[derive(Debug)]
enum Asked {
    Sender(Box<Mail>),
    Recipient(Box<Rcpt>),
    Message { recipients: usize },
}

impl Engine {
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            phase: Phase::Fresh,
            channel: Channel::Clear,
            lines: LineReader::new(COMMAND_OCTETS_MAX),
            waiting: Waiting::default(),
            hello: None,
            transaction: None,
            counters: Counters::default(),
        }
    }

    /// A session whose handshake is done before its first word (RFC 8314, section 3).
    pub fn under_tls(config: Arc<Config>) -> Self {
        Self { channel: Channel::Tls, ..Self::new(config) }
    }

    /// What the session goes on with: a driver gives each its time.
    pub fn awaits(&self) -> Awaits {
        match self.phase {
            Phase::Fresh | Phase::Asked(_) | Phase::Handshake => Awaits::Driver,
            Phase::Commands => Awaits::Command,
            Phase::Data(_) | Phase::Chunk { .. } | Phase::Skip { .. } => Awaits::Content,
            Phase::Closed => Awaits::Nothing,
        }
    }

    /// How many octets may be received now. More of them end the session.
    pub fn room(&self) -> usize {
        match self.phase {
            Phase::Handshake | Phase::Closed => 0,
            _ => INPUT_OCTETS_MAX - self.waiting.rest().len(),
        }
    }

    /// Whether the client is between two messages: a good moment to end the session.
    pub fn is_between_messages(&self) -> bool {
        matches!(self.phase, Phase::Fresh | Phase::Commands) && self.transaction.is_none()
    }

    /// What follows from an event. One that does not fit, such as an answer that nobody waits for, changes nothing.
    pub fn step(&mut self, event: Event<'_>) -> Vec<Action> {
        let mut out = Actions::default();
        match event {
            Event::Greet if matches!(self.phase, Phase::Fresh) => {
                out.send(&replies::greeting(&self.config));
                self.go_on(&mut out);
            }
            Event::Received(octets) => self.receive(octets, &mut out),
            Event::TlsBegun if matches!(self.phase, Phase::Handshake) => {
                self.channel = Channel::Tls;
                self.phase = Phase::Commands;
            }
            Event::Verdict(verdict) => self.hear_verdict(verdict, &mut out),
            Event::Delivered(outcomes) => self.hear_outcomes(&outcomes, &mut out),
            Event::Ended(ended) => self.hear_end(ended, &mut out),
            Event::Greet | Event::TlsBegun => {}
        }
        out.all()
    }

    fn receive(&mut self, octets: &[u8], out: &mut Actions) {
        if matches!(self.phase, Phase::Handshake | Phase::Closed) {
            return;
        }
        let limit = self.counters.octets(&self.config.limits, octets.len());
        if let Some(refusal) = limit.or((octets.len() > self.room()).then_some(replies::TOO_MUCH)) {
            return self.close_with(&refusal, out);
        }
        if self.waiting.rest().is_empty() {
            let mut rest = octets;
            self.read(&mut rest, out);
            self.waiting.push(rest);
        } else {
            self.waiting.push(octets);
        }
    }

    /// Commands again, first of all those that wait.
    fn go_on(&mut self, out: &mut Actions) {
        self.phase = Phase::Commands;
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut rest = waiting.rest();
        let before = rest.len();
        self.read(&mut rest, out);
        let done = before - rest.len();
        waiting.skip(done);
        self.waiting = waiting;
    }

    /// Takes from the front of `input` what can be understood now.
    fn read(&mut self, input: &mut &[u8], out: &mut Actions) {
        while !input.is_empty() {
            match self.phase {
                Phase::Fresh | Phase::Asked(_) => return,
                // What was pipelined behind STARTTLS or QUIT was never sent.
                Phase::Handshake | Phase::Closed => *input = &[],
                Phase::Commands => {
                    if let Some(line) = self.lines.pull(input) {
                        self.hear_line(line, out);
                    }
                }
                Phase::Data(_) => self.read_data(input, out),
                Phase::Chunk { .. } => self.read_chunk(input, out),
                Phase::Skip { .. } => self.skip_chunk(input, out),
            }
        }
    }

    fn hear_end(&mut self, ended: Ended, out: &mut Actions) {
        let refusal = match ended {
            Ended::Gone => None,
            Ended::TimedOut => Some(replies::TIMED_OUT),
            Ended::ShuttingDown => Some(replies::SHUTTING_DOWN),
        };
        match (&self.phase, refusal) {
            (Phase::Closed, _) => {}
            // In the middle of a handshake nothing can be said.
            (Phase::Handshake, _) | (_, None) => self.close(out),
            (_, Some(refusal)) => self.close_with(&refusal, out),
        }
    }

    fn close_with(&mut self, refusal: &Refusal, out: &mut Actions) {
        out.send(refusal.reply());
        self.close(out);
    }

    fn close(&mut self, out: &mut Actions) {
        self.abandon(out);
        out.close();
        self.phase = Phase::Closed;
        self.waiting = Waiting::default();
    }

    /// The transaction, if there is one, ends without a message.
    fn abandon(&mut self, out: &mut Actions) {
        if self.transaction.take().is_some() {
            out.abandon();
        }
    }

    /// Refuses a command that is none, or out of place.
    fn fail(&mut self, refusal: &Refusal, out: &mut Actions) {
        out.send(refusal.reply());
        if let Some(end) = self.counters.error(&self.config.limits) {
            self.close_with(&end, out);
        }
    }

    /// Says no to mail.
    fn refuse(&mut self, refusal: &Refusal, out: &mut Actions) {
        out.send(refusal.reply());
        if refusal.reply().code() == replies::CLOSING {
            self.close(out);
        } else if let Some(end) = self.counters.refusal(&self.config.limits) {
            self.close_with(&end, out);
        }
    }
}
