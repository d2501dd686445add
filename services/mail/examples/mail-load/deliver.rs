//! Messages by SMTP or LMTP.

use crate::spans::Spans;
use crate::wire::Wire;
use crate::{Failure, Load, People, at_once, ready, tell};
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const LINE_LETTERS: usize = 76;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    people: People,
    /// LMTP instead of SMTP
    #[arg(long)]
    lmtp: bool,
    /// Of a message
    #[arg(long)]
    octets: usize,
    /// Of one session, at most
    #[arg(long, default_value_t = u64::MAX)]
    messages: u64,
    /// Makes Message-IDs unlike those of another run
    #[arg(long)]
    label: String,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let open = |_| Sender::open(arguments.load.to, arguments.lmtp);
    let senders = (0..arguments.load.sessions).map(open).collect::<Result<Vec<_>, _>>()?;
    let body = body(arguments.octets);
    ready()?;
    let (took, ended) = at_once(senders, arguments.load, |number, mut sender, until| {
        let mut spans = Spans::default();
        for turn in 0..arguments.messages {
            if Instant::now() >= until {
                break;
            }
            // Each session goes round all mailboxes.
            let place = number + arguments.load.sessions * usize::try_from(turn)?;
            let (to, id) = (arguments.people.name(place), format!("{}.{place:08}", arguments.label));
            let message = message(&to, &id, &body, arguments.octets);
            spans.add(sender.deliver(&to, &message)?.answered);
        }
        Ok((spans, sender))
    })?;
    let (spans, senders): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
    let spans = Spans::join(spans);
    let outcome =
        json!({"messages": spans.count(), "seconds": took.as_secs_f64(), "answered": spans.summary()});
    tell(&outcome, senders)
}

/// Its headers and, for the rest of so many octets, what stands in a body of the same size; with the end of data.
pub fn message(to: &str, id: &str, body: &[u8], octets: usize) -> Vec<u8> {
    let headers = format!(
        "From: Load <load@client.example>\r\nTo: <{to}>\r\nSubject: message {id}\r\nDate: Mon, 30 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <{id}@client.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    );
    let mut message = headers.into_bytes();
    let left = octets.saturating_sub(message.len() + 2).min(body.len());
    message.extend_from_slice(&body[..left]);
    message.extend_from_slice(b"\r\n.\r\n");
    message
}

/// Lines in which nothing repeats.
pub fn body(octets: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        LETTERS[(state >> 58) as usize]
    };
    let mut body = Vec::with_capacity(octets + LINE_LETTERS + 2);
    while body.len() < octets {
        body.extend((0..LINE_LETTERS).map(|_| next()));
        body.extend_from_slice(b"\r\n");
    }
    body
}

/// One session.
#[derive(Debug)]
pub struct Sender(Wire);

/// Of one message.
#[derive(Clone, Copy, Debug)]
pub struct Delivered {
    /// When the last octet of the message had been written.
    pub sent: Instant,
    /// From MAIL to the answer behind the message.
    pub answered: Duration,
}

impl Sender {
    pub fn open(to: SocketAddr, lmtp: bool) -> Result<Self, Failure> {
        let mut wire = Wire::open(to)?;
        wire.expect("220")?;
        wire.send(if lmtp { b"LHLO client.example\r\n" } else { b"EHLO client.example\r\n" })?;
        wire.expect("250")?;
        Ok(Self(wire))
    }

    /// The envelope in one go, as servers with PIPELINING allow (RFC 2920).
    pub fn deliver(&mut self, to: &str, message: &[u8]) -> Result<Delivered, Failure> {
        let Self(wire) = self;
        let envelope = format!("MAIL FROM:<load@client.example>\r\nRCPT TO:<{to}>\r\nDATA\r\n");
        let began = Instant::now();
        wire.send(envelope.as_bytes())?;
        for code in ["250", "250", "354"] {
            wire.expect(code)?;
        }
        wire.send(message)?;
        let sent = Instant::now();
        wire.expect("250")?;
        Ok(Delivered { sent, answered: began.elapsed() })
    }
}
