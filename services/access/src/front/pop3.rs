//! POP3 until the client is known (RFC 1939, section 4; RFC 2449; RFC 2595, section 4; RFC 5034).
//!
//! CAPA, STLS, USER with PASS, AUTH with and without an initial response, NOOP, QUIT; everything else waits for the login. No APOP:
//! it needs a password that can be read.

use super::patience::{Patience, Verdict};
use super::sasl::{self, Awaits, Heard, MECHANISMS};
use super::{Action, Answer, Ask, Channel, Ended, Event, Refusal, WAITING_OCTETS_MAX, Welcome};
use mail::line::LineReader;
use mail::login::PlainLogin;
use mail::pop3::{Command, LINE_OCTETS_MAX, parse};

/// What every pair of ours can do; once the client is known it asks its pair.
const CAPABILITIES: &str = "+OK these\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n";

/// One session.
#[derive(Debug)]
pub struct Engine {
    channel: Channel,
    phase: Phase,
    lines: LineReader,
    waiting: Vec<u8>,
    /// What USER said.
    name: Option<Vec<u8>>,
    patience: Patience,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fresh,
    Commands,
    /// A line that answers a challenge.
    Sasl(Awaits),
    /// Somebody is asked, and a challenge in answer is followed by this.
    LoggingIn(Awaits),
    Handshake,
    /// Handed over, or closed.
    Over,
}

impl Engine {
    pub fn new(channel: Channel) -> Self {
        Self {
            channel,
            phase: Phase::Fresh,
            lines: LineReader::new(LINE_OCTETS_MAX),
            waiting: Vec::new(),
            name: None,
            patience: Patience::default(),
        }
    }

    /// As [`super::Engine::room`].
    pub fn room(&self) -> usize {
        match self.phase {
            Phase::Handshake | Phase::Over => 0,
            _ => WAITING_OCTETS_MAX - self.waiting.len(),
        }
    }

    /// As [`super::Engine::step`].
    pub fn step(&mut self, event: Event<'_>) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Greet if self.phase == Phase::Fresh => {
                self.phase = Phase::Commands;
                say("+OK POP3 ready", &mut out);
            }
            Event::Received(octets) => self.receive(octets, &mut out),
            Event::Answer(answer) => self.hear_answer(answer, &mut out),
            Event::TlsBegun if self.phase == Phase::Handshake => {
                self.channel = Channel::Tls;
                self.phase = Phase::Commands;
            }
            Event::Ended(ended) => self.hear_end(ended, &mut out),
            Event::Greet | Event::TlsBegun => {}
        }
        out
    }

    fn receive(&mut self, octets: &[u8], out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Handshake | Phase::Over) {
            return;
        }
        if octets.len() > self.room() || self.patience.hear(octets.len()) == Verdict::Enough {
            return self.close_with("-ERR too much before a login", out);
        }
        self.waiting.extend_from_slice(octets);
        self.go_on(out);
    }

    /// Reads what waits, as far as nobody has to be asked.
    fn go_on(&mut self, out: &mut Vec<Action>) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = &waiting[..];
        while matches!(self.phase, Phase::Commands | Phase::Sasl(_)) {
            match self.lines.pull(&mut rest) {
                Some(Ok(line)) => self.hear_line(&line, out),
                Some(Err(error)) if error.is_final() => self.close_with(&format!("-ERR {error}"), out),
                Some(Err(error)) => self.fail(&error.to_string(), out),
                None => break,
            }
        }
        // Behind STLS and QUIT nothing was said.
        if matches!(self.phase, Phase::Commands | Phase::Sasl(_) | Phase::LoggingIn(_)) {
            self.waiting = rest.to_vec();
        }
    }

    fn hear_line(&mut self, line: &[u8], out: &mut Vec<Action>) {
        if let Phase::Sasl(awaits) = self.phase {
            return self.hear_sasl(awaits.hear_line(line), out);
        }
        match parse(line) {
            Ok(command) => self.obey(command, out),
            Err(error) => self.fail(&error.to_string(), out),
        }
    }

    fn obey(&mut self, command: Command, out: &mut Vec<Action>) {
        match command {
            Command::Capa => self.tell_capabilities(out),
            Command::Noop => say("+OK", out),
            Command::Quit => self.close_with("+OK good bye", out),
            Command::Stls if self.channel.offers_tls() => {
                self.phase = Phase::Handshake;
                // Whatever was said in the clear may have been somebody else's.
                self.name = None;
                say("+OK begin TLS now", out);
                out.push(Action::BeginTls);
            }
            Command::Stls => self.fail("there is no TLS to begin", out),
            Command::User(_) | Command::Pass(_) | Command::Auth { .. } if !self.channel.takes_passwords() => {
                self.fail("begin TLS first", out);
            }
            Command::User(name) => {
                // Whether there is such a name is not told.
                self.name = Some(name);
                say("+OK and the password", out);
            }
            Command::Pass(password) => match self.name.take() {
                Some(name) => self.ask(Ask::LogIn(PlainLogin::new(name, password)), out),
                None => self.fail("who are you?", out),
            },
            Command::Auth { mechanism: None, .. } => {
                say(&format!("+OK these\r\n{}\r\n.", MECHANISMS.join("\r\n")), out);
            }
            Command::Auth { mechanism: Some(mechanism), initial } => {
                match (Awaits::first_of(&mechanism), initial) {
                    (None, _) => self.fail("no such mechanism", out),
                    (Some(awaits), Some(initial)) => self.hear_sasl(awaits.hear_line(&initial), out),
                    (Some(awaits), None) => self.challenge(awaits, "", out),
                }
            }
            _ => self.fail("log in first", out),
        }
    }

    fn tell_capabilities(&self, out: &mut Vec<Action>) {
        let stls = if self.channel.offers_tls() { "STLS\r\n" } else { "" };
        let logins = match self.channel.takes_passwords() {
            true => format!("USER\r\nSASL {}\r\n", MECHANISMS.join(" ")),
            false => String::new(),
        };
        say(&format!("{CAPABILITIES}{stls}{logins}."), out);
    }

    /// Asks for a line.
    fn challenge(&mut self, awaits: Awaits, text: &str, out: &mut Vec<Action>) {
        self.phase = Phase::Sasl(awaits);
        say(&format!("+ {}", sasl::challenge(text)), out);
    }

    fn hear_sasl(&mut self, heard: Heard, out: &mut Vec<Action>) {
        self.phase = Phase::Commands;
        match heard {
            Heard::Ask(ask) => self.ask(ask, out),
            Heard::Cancelled => self.fail("as you like", out),
            Heard::Nonsense => self.fail("not a message of the mechanism in base64", out),
        }
    }

    fn ask(&mut self, ask: Ask, out: &mut Vec<Action>) {
        self.phase = Phase::LoggingIn(Awaits::behind(&ask));
        out.push(Action::Ask(ask));
    }

    fn hear_answer(&mut self, answer: Answer, out: &mut Vec<Action>) {
        let Phase::LoggingIn(awaits) = self.phase else { return };
        match answer {
            Answer::LoggedIn(Welcome { before, line, behind }) => {
                self.phase = Phase::Over;
                let to_client = [&before[..], &line, b"\r\n", &behind].concat();
                out.push(Action::HandOver { to_client, to_backend: std::mem::take(&mut self.waiting) });
                return;
            }
            Answer::Challenge(text) => self.challenge(awaits, &text, out),
            Answer::Refused(refusal) => {
                self.phase = Phase::Commands;
                self.refuse(refusal, out);
            }
        }
        self.go_on(out);
    }

    fn refuse(&mut self, refusal: Refusal, out: &mut Vec<Action>) {
        let verdict = if refusal.is_wrong() {
            let (pause, verdict) = self.patience.wrong();
            out.push(Action::Pause(pause));
            verdict
        } else {
            self.patience.refused()
        };
        let line = format!("-ERR [{}] {}", code(refusal), refusal.text());
        match verdict {
            Verdict::GoOn => say(&line, out),
            Verdict::Enough => self.close_with(&line, out),
        }
    }

    fn fail(&mut self, text: &str, out: &mut Vec<Action>) {
        let line = format!("-ERR {text}");
        match self.patience.error() {
            Verdict::GoOn => say(&line, out),
            Verdict::Enough => self.close_with("-ERR too many commands that are none", out),
        }
    }

    fn hear_end(&mut self, ended: Ended, out: &mut Vec<Action>) {
        match (self.phase, ended) {
            (Phase::Over, _) => {}
            (Phase::Handshake, _) | (_, Ended::Gone) => self.close(out),
            (_, Ended::TimedOut) => self.close_with("-ERR too long without a login", out),
            (_, Ended::ShuttingDown) => self.close_with("-ERR [SYS/TEMP] shutting down", out),
        }
    }

    fn close_with(&mut self, line: &str, out: &mut Vec<Action>) {
        say(line, out);
        self.close(out);
    }

    fn close(&mut self, out: &mut Vec<Action>) {
        self.phase = Phase::Over;
        self.waiting = Vec::new();
        out.push(Action::Close);
    }
}

/// RFC 2449, section 8; RFC 3206.
fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Wrong => "AUTH",
        Refusal::TooMany => "LOGIN-DELAY",
        Refusal::Busy | Refusal::NoDirectory | Refusal::NoBackend => "SYS/TEMP",
        Refusal::NoMailbox => "SYS/PERM",
        Refusal::InUse => "IN-USE",
    }
}

/// Of ours: nothing of a client's is ever in it.
fn say(text: &str, out: &mut Vec<Action>) {
    let octets = [text.as_bytes(), b"\r\n"].concat();
    match out.last_mut() {
        Some(Action::Send(before)) => before.extend_from_slice(&octets),
        _ => out.push(Action::Send(octets)),
    }
}
