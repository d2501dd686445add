//! How soon a client that waits (RFC 2177) hears of mail.

use crate::deliver::{Sender, body, message};
use crate::imap::Reader;
use crate::spans::Spans;
use crate::{Failure, Load, People, ready, tell};
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender as Heard, channel};
use std::time::{Duration, Instant};

/// Then a session counts as deaf.
const WAKE_MAX: Duration = Duration::from_secs(40);
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Each pause is longer than the one before, so that they meet no beat of a server's.
const PAUSE_MORE: Duration = Duration::from_millis(3);
const OCTETS: usize = 4096;

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    people: People,
    #[arg(long)]
    lmtp: SocketAddr,
    #[arg(long)]
    deliveries: usize,
    /// Makes Message-IDs unlike those of another run
    #[arg(long)]
    label: String,
}

/// One message at a time, to each session in turn: from its last octet until its session hears of it.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let load = arguments.load;
    let mut sender = Sender::open(arguments.lmtp, true)?;
    let (heard, hears) = channel();
    for number in 0..load.sessions {
        let mut reader = Reader::log_in(load.to, &arguments.people, number)?;
        reader.select()?;
        reader.idle()?;
        let heard = heard.clone();
        // Ends with this program.
        std::thread::spawn(move || listen(number, reader, &heard));
    }
    ready()?;
    let (began, body) = (Instant::now(), body(OCTETS));
    let (mut woken, mut answered) = (Spans::default(), Spans::default());
    for turn in 0..arguments.deliveries {
        std::thread::sleep(PAUSE_MIN + PAUSE_MORE * u32::try_from(turn)?);
        let number = turn % load.sessions;
        let to = arguments.people.name(number);
        let id = format!("{}.{turn:08}", arguments.label);
        let delivered = sender.deliver(&to, &message(&to, &id, &body, OCTETS))?;
        answered.add(delivered.answered);
        let (by, at) = hears.recv_timeout(WAKE_MAX).map_err(|_| "nobody heard of a message")?;
        if by != number {
            return Err(format!("session {by} heard of mail for session {number}").into());
        }
        woken.add(at.saturating_duration_since(delivered.sent));
    }
    let outcome = json!({
        "deliveries": woken.count(), "seconds": began.elapsed().as_secs_f64(), "woken": woken.summary(),
        "answered": answered.summary(),
    });
    tell(&outcome, sender)
}

fn listen(number: usize, mut reader: Reader, heard: &Heard<(usize, Instant)>) {
    // The time-out of its connection is longer than anything here takes.
    while reader.wait().is_ok() {
        if heard.send((number, Instant::now())).is_err() {
            return;
        }
    }
}
