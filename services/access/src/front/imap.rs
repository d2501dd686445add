//! IMAP until the client is known (RFC 3501, sections 6.1 and 6.2).
//!
//! CAPABILITY, ID, NOOP, STARTTLS, LOGIN, AUTHENTICATE with and without an initial response (RFC 4959), LOGOUT; everything else is BAD. What a client can do once it is known its pair tells it, in the answer to the login.

use super::patience::{Patience, Verdict};
use super::sasl::{self, Awaits, Heard, MECHANISMS};
use super::{Action, Answer, Ask, Channel, Ended, Event, Refusal, WAITING_OCTETS_MAX, Welcome};
use mail::imap::capability;
use mail::imap::command::{self, Body, Tag};
use mail::imap::reader::{Input, Limits, Reader};
use mail::imap::response::{Code, Condition, Writer};
use mail::login::PlainLogin;

/// The account is known, and may not have what it wants (RFC 5530).
const AUTHORIZATION_FAILED: Code = Code::Word("AUTHORIZATIONFAILED");

/// One session.
#[derive(Debug)]
pub struct Engine {
    channel: Channel,
    phase: Phase,
    reader: Reader,
    waiting: Vec<u8>,
    patience: Patience,
}

#[derive(Debug)]
enum Phase {
    Fresh,
    Commands,
    /// A line that answers a challenge.
    Sasl(Tag, Awaits),
    /// Somebody is asked, and a challenge in answer is followed by this.
    LoggingIn(Tag, Awaits),
    Handshake,
    /// Handed over, or closed.
    Over,
}

impl Engine {
    pub fn new(channel: Channel) -> Self {
        Self {
            channel,
            phase: Phase::Fresh,
            reader: Reader::new(Limits::BEFORE_LOGIN),
            waiting: Vec::new(),
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
            Event::Greet if matches!(self.phase, Phase::Fresh) => {
                self.phase = Phase::Commands;
                let capabilities = Code::Capability(self.capabilities());
                say(&mut out, |writer| writer.untagged(Condition::Ok, Some(&capabilities), "IMAP ready"));
            }
            Event::Received(octets) => self.receive(octets, &mut out),
            Event::Answer(answer) => self.hear_answer(answer, &mut out),
            Event::TlsBegun if matches!(self.phase, Phase::Handshake) => {
                self.channel = Channel::Tls;
                self.phase = Phase::Commands;
            }
            Event::Ended(ended) => self.hear_end(ended, &mut out),
            Event::Greet | Event::TlsBegun => {}
        }
        out
    }

    fn capabilities(&self) -> String {
        let list = |channel| capability::list(false, channel, 0);
        if !self.channel.takes_passwords() {
            return list(capability::Channel::Clear);
        }
        let mut words = list(capability::Channel::Tls);
        for mechanism in MECHANISMS {
            let word = format!(" AUTH={mechanism}");
            if !words.contains(&word) {
                words += &word;
            }
        }
        words + if self.channel.offers_tls() { " STARTTLS" } else { "" }
    }

    fn receive(&mut self, octets: &[u8], out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Handshake | Phase::Over) {
            return;
        }
        if octets.len() > self.room() || self.patience.hear(octets.len()) == Verdict::Enough {
            return self.bye("too much before a login", out);
        }
        self.waiting.extend_from_slice(octets);
        self.go_on(out);
    }

    /// Reads what waits, as far as nobody has to be asked.
    fn go_on(&mut self, out: &mut Vec<Action>) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = &waiting[..];
        while matches!(self.phase, Phase::Commands | Phase::Sasl(..)) {
            match self.reader.pull(&mut rest) {
                Some(input) => self.hear(input, out),
                None => break,
            }
        }
        // Behind STARTTLS and LOGOUT nothing was said.
        if matches!(self.phase, Phase::Commands | Phase::Sasl(..) | Phase::LoggingIn(..)) {
            self.waiting = rest.to_vec();
        }
    }

    fn hear(&mut self, input: Input, out: &mut Vec<Action>) {
        match input {
            Input::Command(octets) => match command::parse(&octets) {
                Ok(command) => self.obey(command.tag, command.body, out),
                Err(refusal) => self.bad(refusal.tag.as_ref(), &refusal.error.to_string(), out),
            },
            Input::Line(line) => self.hear_sasl(|awaits| awaits.hear_line(&line), out),
            Input::Literal { is_waiting: true, .. } => say(out, |writer| writer.go_on("go on")),
            Input::Literal { is_waiting: false, .. } => {}
            Input::Refused { tag, error } => self.bad(tag.as_ref(), &error.to_string(), out),
            Input::Broken(broken) => self.bye(&broken.to_string(), out),
        }
    }

    fn obey(&mut self, tag: Tag, body: Body, out: &mut Vec<Action>) {
        match body {
            Body::Capability => {
                let capabilities = self.capabilities();
                say(out, |writer| writer.capability(&capabilities));
                ok(&tag, out);
            }
            Body::Id => {
                say(out, |writer| writer.id(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")));
                ok(&tag, out);
            }
            Body::Noop => ok(&tag, out),
            Body::Logout => {
                say(out, |writer| writer.untagged(Condition::Bye, None, "good bye"));
                ok(&tag, out);
                self.close(out);
            }
            Body::StartTls => self.start_tls(&tag, out),
            Body::Login { .. } | Body::Authenticate { .. } if !self.channel.takes_passwords() => {
                let code = Some(&Code::PRIVACY_REQUIRED);
                say(out, |writer| writer.tagged(&tag, Condition::No, code, "begin TLS first"));
            }
            Body::Login { name, password } => self.ask(tag, Ask::LogIn(PlainLogin::new(name, password)), out),
            Body::Authenticate { mechanism, initial } => match (Awaits::first_of(&mechanism), initial) {
                (None, _) => {
                    say(out, |writer| writer.tagged(&tag, Condition::No, None, "no such mechanism"));
                }
                (Some(awaits), Some(initial)) => {
                    self.phase = Phase::Sasl(tag, awaits);
                    self.hear_sasl(|awaits| awaits.hear(initial.reveal().to_vec()), out);
                }
                (Some(awaits), None) => self.challenge(tag, awaits, "", out),
            },
            _ => self.bad(Some(&tag), "log in first", out),
        }
    }

    fn start_tls(&mut self, tag: &Tag, out: &mut Vec<Action>) {
        if !self.channel.offers_tls() {
            return self.bad(Some(tag), "there is no TLS to begin", out);
        }
        self.phase = Phase::Handshake;
        say(out, |writer| writer.tagged(tag, Condition::Ok, None, "begin TLS now"));
        out.push(Action::BeginTls);
    }

    /// Asks for a line.
    fn challenge(&mut self, tag: Tag, awaits: Awaits, text: &str, out: &mut Vec<Action>) {
        self.reader.expect_line();
        self.phase = Phase::Sasl(tag, awaits);
        match text {
            "" => say(out, Writer::challenge),
            text => say(out, |writer| writer.go_on(&sasl::challenge(text))),
        }
    }

    fn hear_sasl(&mut self, hear: impl FnOnce(Awaits) -> Heard, out: &mut Vec<Action>) {
        let (tag, awaits) = match std::mem::replace(&mut self.phase, Phase::Commands) {
            Phase::Sasl(tag, awaits) => (tag, awaits),
            phase => {
                self.phase = phase;
                return;
            }
        };
        match hear(awaits) {
            Heard::Ask(ask) => self.ask(tag, ask, out),
            Heard::Cancelled => self.bad(Some(&tag), "as you like", out),
            Heard::Nonsense => self.bad(Some(&tag), "not a message of the mechanism in base64", out),
        }
    }

    fn ask(&mut self, tag: Tag, ask: Ask, out: &mut Vec<Action>) {
        self.phase = Phase::LoggingIn(tag, Awaits::behind(&ask));
        out.push(Action::Ask(ask));
    }

    fn hear_answer(&mut self, answer: Answer, out: &mut Vec<Action>) {
        let (tag, awaits) = match std::mem::replace(&mut self.phase, Phase::Commands) {
            Phase::LoggingIn(tag, awaits) => (tag, awaits),
            phase => {
                self.phase = phase;
                return;
            }
        };
        match answer {
            Answer::LoggedIn(welcome) => return self.hand_over(&tag, welcome, out),
            Answer::Challenge(text) => self.challenge(tag, awaits, &text, out),
            Answer::Refused(refusal) => self.refuse(&tag, refusal, out),
        }
        self.go_on(out);
    }

    fn hand_over(&mut self, tag: &Tag, welcome: Welcome, out: &mut Vec<Action>) {
        let Welcome { before, line, behind } = welcome;
        let to_client = [&before[..], tag.as_str().as_bytes(), b" ", &line, b"\r\n", &behind].concat();
        self.phase = Phase::Over;
        out.push(Action::HandOver { to_client, to_backend: std::mem::take(&mut self.waiting) });
    }

    fn refuse(&mut self, tag: &Tag, refusal: Refusal, out: &mut Vec<Action>) {
        let verdict = if refusal.is_wrong() {
            let (pause, verdict) = self.patience.wrong();
            out.push(Action::Pause(pause));
            verdict
        } else {
            self.patience.refused()
        };
        let code = code(refusal);
        say(out, |writer| writer.tagged(tag, Condition::No, Some(&code), refusal.text()));
        if verdict == Verdict::Enough {
            self.bye("too many logins", out);
        }
    }

    fn bad(&mut self, tag: Option<&Tag>, text: &str, out: &mut Vec<Action>) {
        say(out, |writer| match tag {
            Some(tag) => writer.tagged(tag, Condition::Bad, None, text),
            None => writer.untagged(Condition::Bad, None, text),
        });
        if self.patience.error() == Verdict::Enough {
            self.bye("too many commands that are none", out);
        }
    }

    fn hear_end(&mut self, ended: Ended, out: &mut Vec<Action>) {
        match (&self.phase, ended) {
            (Phase::Over, _) => {}
            (Phase::Handshake, _) | (_, Ended::Gone) => self.close(out),
            (_, Ended::TimedOut) => self.bye("too long without a login", out),
            (_, Ended::ShuttingDown) => self.bye("shutting down", out),
        }
    }

    fn bye(&mut self, text: &str, out: &mut Vec<Action>) {
        say(out, |writer| writer.untagged(Condition::Bye, None, text));
        self.close(out);
    }

    fn close(&mut self, out: &mut Vec<Action>) {
        self.phase = Phase::Over;
        self.waiting = Vec::new();
        out.push(Action::Close);
    }
}

fn code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Wrong => Code::AUTHENTICATION_FAILED,
        Refusal::TooMany => Code::LIMIT,
        Refusal::NoMailbox => AUTHORIZATION_FAILED,
        Refusal::Busy | Refusal::NoDirectory | Refusal::NoBackend | Refusal::InUse => Code::UNAVAILABLE,
    }
}

fn ok(tag: &Tag, out: &mut Vec<Action>) {
    say(out, |writer| writer.tagged(tag, Condition::Ok, None, "done"));
}

fn say(out: &mut Vec<Action>, write: impl FnOnce(&mut Writer)) {
    let mut writer = Writer::new();
    write(&mut writer);
    match out.last_mut() {
        Some(Action::Send(before)) => before.extend_from_slice(writer.octets()),
        _ => out.push(Action::Send(writer.take())),
    }
}
