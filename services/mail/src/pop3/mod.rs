//! The server's side of one POP3 session, without a socket: events in, actions out (RFC 1939).
//!
//! UIDL, TOP, PIPELINING and RESP-CODES (RFC 2449), AUTH-RESP-CODE (RFC 3206), STLS (RFC 2595), SASL PLAIN (RFC 5034). No APOP: it needs a
//! password that can be read.
//!
//! # A session
//!
//! [`Event::Greet`] begins it; what the client sends goes in with [`Event::Received`], at most [`Engine::room`] at a time. Where somebody
//! else has to say something the engine asks ([`Question`]) and does nothing else before the [`Answer`]; commands behind it wait
//! in a bounded buffer. A message goes in as [`Event::Content`], piece by piece, and out with its dots. Lists of messages and answers to many
//! commands come in pieces as well: the next one with [`Event::Sent`].
//!
//! # What it refuses
//!
//! Lines with a CR or LF alone, which end the session ([`crate::line`]); passwords in the clear where TLS can be had; what was sent
//! behind STLS in one piece, which was never said (CVE-2011-0411). Messages are deleted by QUIT and by nothing else (section 6).
//!
//! Entry points: [`Engine::new`], [`Engine::step`].

mod command;
mod content;
mod event;
mod login;
mod transaction;

pub use command::{Command, CommandError, parse};
pub use event::{Action, Answer, Ended, Event, LoginRefusal, MessageHead, Question};

use crate::imap::capability::Channel;
use crate::line::LineReader;
use content::Content;
use transaction::{Listing, Transaction};

/// Of a command line (RFC 2449, section 4, has 255), as AUTH and long passwords need it.
pub const LINE_OCTETS_MAX: usize = 2048;
/// Of commands that wait for an answer.
pub const WAITING_OCTETS_MAX: usize = 16 * 1024;
/// What one step says at most, but for what a piece of content is: commands and lists behind it wait until it is sent.
pub const SENT_OCTETS_MAX: usize = 32 * 1024;
/// Of commands that are none, one after the other, before the session ends.
pub const ERRORS_MAX: u32 = 20;
/// Of wrong passwords.
pub const REFUSALS_MAX: u32 = 3;

/// One session.
#[derive(Debug)]
pub struct Engine {
    channel: Channel,
    phase: Phase,
    lines: LineReader,
    waiting: Vec<u8>,
    /// What USER said.
    name: Option<Vec<u8>>,
    transaction: Option<Transaction>,
    errors: u32,
    refusals: u32,
    holds_back: bool,
}

#[derive(Debug)]
enum Phase {
    Fresh,
    Commands,
    /// A line that answers an empty challenge.
    Sasl,
    /// Somebody is asked to let the client in.
    LoggingIn,
    /// The client is being told of its messages.
    Listing(Listing),
    /// A message is being read for the client.
    Sending(Box<Content>),
    /// Messages are being deleted.
    Committing,
    Handshake,
    Closed,
}

impl Engine {
    pub fn new(channel: Channel) -> Self {
        Self {
            channel,
            phase: Phase::Fresh,
            lines: LineReader::new(LINE_OCTETS_MAX),
            waiting: Vec::new(),
            name: None,
            transaction: None,
            errors: 0,
            refusals: 0,
            holds_back: false,
        }
    }

    /// Whether there is more to say when all is sent: then it wants [`Event::Sent`].
    pub fn holds_back(&self) -> bool {
        self.holds_back
    }

    /// How many octets may be received now. More of them end the session.
    pub fn room(&self) -> usize {
        match self.phase {
            Phase::Handshake | Phase::Closed => 0,
            _ => WAITING_OCTETS_MAX - self.waiting.len(),
        }
    }

    /// What follows from an event. One that does not fit changes nothing.
    pub fn step(&mut self, event: Event<'_>) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Greet if matches!(self.phase, Phase::Fresh) => {
                self.phase = Phase::Commands;
                send("+OK POP3 ready", &mut out);
            }
            Event::Received(octets) => self.receive(octets, &mut out),
            Event::Content(piece) => self.pass_content(piece, &mut out),
            Event::Answer(answer) => self.hear_answer(answer, &mut out),
            Event::Sent => self.go_on(&mut out),
            Event::TlsBegun if matches!(self.phase, Phase::Handshake) => {
                self.channel = Channel::Tls;
                self.phase = Phase::Commands;
            }
            Event::Ended(ended) => self.hear_end(ended, &mut out),
            Event::Greet | Event::TlsBegun => {}
        }
        out
    }

    fn receive(&mut self, octets: &[u8], out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Handshake | Phase::Closed) {
            return;
        }
        if octets.len() > self.room() {
            return self.close_with("-ERR too much at once", out);
        }
        self.waiting.extend_from_slice(octets);
        self.go_on(out);
    }

    /// Reads what waits, as far as nobody has to be asked.
    fn go_on(&mut self, out: &mut Vec<Action>) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = &waiting[..];
        self.holds_back = false;
        while matches!(self.phase, Phase::Commands | Phase::Sasl | Phase::Listing(_)) {
            if said_octets(out) >= SENT_OCTETS_MAX {
                self.holds_back = true;
                break;
            }
            if matches!(self.phase, Phase::Listing(_)) {
                self.list_on(out);
                continue;
            }
            match self.lines.pull(&mut rest) {
                Some(Ok(line)) => self.hear_line(&line, out),
                Some(Err(error)) if error.is_final() => self.close_with(&format!("-ERR {error}"), out),
                Some(Err(error)) => self.fail(&error.to_string(), out),
                None => break,
            }
        }
        // Behind STLS and QUIT nothing was said.
        if !matches!(self.phase, Phase::Handshake | Phase::Closed) {
            self.waiting = rest.to_vec();
        }
    }

    fn hear_line(&mut self, line: &[u8], out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Sasl) {
            self.phase = Phase::Commands;
            return self.hear_sasl(line, out);
        }
        match command::parse(line) {
            Ok(command) => {
                self.errors = 0;
                self.obey(command, out);
            }
            Err(error) => self.fail(&error.to_string(), out),
        }
    }

    fn obey(&mut self, command: Command, out: &mut Vec<Action>) {
        match command {
            Command::Capa => self.tell_capabilities(out),
            Command::Quit => self.quit(out),
            command if self.transaction.is_some() => self.obey_in_transaction(command, out),
            command => self.obey_before_login(command, out),
        }
    }

    fn hear_answer(&mut self, answer: Answer, out: &mut Vec<Action>) {
        match (&self.phase, answer) {
            (Phase::LoggingIn, Answer::LoggedIn(messages)) => self.begin(messages, out),
            (Phase::LoggingIn, Answer::Refused(refusal)) => self.refuse_login(refusal, out),
            (Phase::Sending(_), Answer::ContentEnds) => self.end_content(out),
            (Phase::Sending(_), Answer::NoContent) => self.miss_content(out),
            (Phase::Committing, Answer::Committed(is_done)) => {
                let said =
                    if is_done { "+OK good bye" } else { "-ERR [SYS/TEMP] not all messages were deleted" };
                self.close_with(said, out);
            }
            _ => return,
        }
        self.go_on(out);
    }

    /// A session that ends without QUIT deletes nothing.
    fn hear_end(&mut self, ended: Ended, out: &mut Vec<Action>) {
        match (&self.phase, ended) {
            (Phase::Closed, _) => {}
            // What is half said is not followed by something else.
            (Phase::Handshake | Phase::Listing(_) | Phase::Sending(_), _) | (_, Ended::Gone) => {
                self.close(out)
            }
            (_, Ended::TimedOut) => self.close_with("-ERR too long without a word", out),
            (_, Ended::ShuttingDown) => self.close_with("-ERR [SYS/TEMP] shutting down", out),
        }
    }

    fn quit(&mut self, out: &mut Vec<Action>) {
        match self.transaction.as_ref().map(Transaction::deleted).filter(|deleted| !deleted.is_empty()) {
            Some(deleted) => {
                self.phase = Phase::Committing;
                out.push(Action::Ask(Question::Delete(deleted)));
            }
            None => self.close_with("+OK good bye", out),
        }
    }

    fn fail(&mut self, text: &str, out: &mut Vec<Action>) {
        self.errors += 1;
        match self.errors < ERRORS_MAX {
            true => send(&format!("-ERR {text}"), out),
            false => self.close_with("-ERR too many commands that are none", out),
        }
    }

    fn close_with(&mut self, line: &str, out: &mut Vec<Action>) {
        send(line, out);
        self.close(out);
    }

    fn close(&mut self, out: &mut Vec<Action>) {
        self.phase = Phase::Closed;
        self.holds_back = false;
        self.waiting = Vec::new();
        out.push(Action::Close);
    }
}

/// One line of ours: nothing of a client's or a message's is ever in it.
fn send(line: &str, out: &mut Vec<Action>) {
    send_octets(line.as_bytes(), out);
    send_octets(b"\r\n", out);
}

fn send_octets(octets: &[u8], out: &mut Vec<Action>) {
    match out.last_mut() {
        Some(Action::Send(before)) => before.extend_from_slice(octets),
        _ => out.push(Action::Send(octets.to_vec())),
    }
}

fn said_octets(out: &[Action]) -> usize {
    let octets = |action: &Action| if let Action::Send(octets) = action { octets.len() } else { 0 };
    out.iter().map(octets).sum()
}

#[cfg(test)]
mod tests;
