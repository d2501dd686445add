//! Loads a mail server, ours or another one, and says how it bore that: for `make bench-mail`.
//!
//! `mail-load deliver|visit|fetch|idle ...` opens its sessions, prints the line `ready`, and begins when it reads a line. It prints one line of
//! JSON when it is done, and holds its sessions open until its standard input ends, so that somebody can look at the server meanwhile.
//! Whatever a server refuses ends it. Sockets block and each session has a thread: it measures others, so it should cost little and hide
//! nothing.

#![expect(clippy::print_stdout, reason = "its lines are for the benchmark")]

mod deliver;
mod idle;
mod imap;
mod read;
mod spans;
mod wire;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use std::error::Error;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub type Failure = Box<dyn Error + Send + Sync>;

/// Loads a mail server and tells how it bore that, as JSON
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    word: Word,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Sends messages, each session one after the other
    Deliver(deliver::Arguments),
    /// Logs in, selects, fetches all of the mailbox and logs out, again and again
    Visit(read::Arguments),
    /// Fetches all of the mailbox again and again
    Fetch(read::Arguments),
    /// Waits for mail that it sends by LMTP
    Idle(idle::Arguments),
}

/// Whose mailboxes they are: `user0@DOMAIN` and so on.
#[derive(Clone, Debug, Args)]
pub struct People {
    #[arg(long)]
    domain: String,
    /// How many there are.
    #[arg(long)]
    accounts: usize,
    #[arg(long, default_value = "")]
    password: String,
}

impl People {
    pub fn name(&self, number: usize) -> String {
        format!("user{}@{}", number % self.accounts, self.domain)
    }
}

/// How long it goes on, and how many sessions at once.
#[derive(Clone, Copy, Debug, Args)]
pub struct Load {
    #[arg(long)]
    to: SocketAddr,
    #[arg(long)]
    sessions: usize,
    /// What has begun then still ends, and counts.
    #[arg(long, default_value_t = 3600.0)]
    seconds: f64,
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().word {
        Word::Deliver(arguments) => deliver::run(arguments),
        Word::Visit(arguments) => read::visit(arguments),
        Word::Fetch(arguments) => read::fetch(arguments),
        Word::Idle(arguments) => idle::run(arguments),
    }
}

/// Everything is open: waits for the word to begin.
pub fn ready() -> io::Result<()> {
    println!("ready");
    io::stdin().lock().read_line(&mut String::new()).map(drop)
}

/// Runs all sessions at once, each until the same moment, and puts what they found one behind the other.
pub fn at_once<S: Send, T: Send>(
    sessions: Vec<S>,
    load: Load,
    run: impl Fn(usize, S, Instant) -> Result<T, Failure> + Sync,
) -> Result<(Duration, Vec<T>), Failure> {
    let (began, run) = (Instant::now(), &run);
    let until = began + Duration::from_secs_f64(load.seconds);
    let ended: Vec<_> = std::thread::scope(|scope| {
        let start = |(number, session)| scope.spawn(move || run(number, session, until));
        let running: Vec<_> = sessions.into_iter().enumerate().map(start).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let took = began.elapsed();
    let found = ended.into_iter().map(|one| one.map_err(|_| "a session panicked")?);
    Ok((took, found.collect::<Result<_, Failure>>()?))
}

/// Tells, and holds what it is given until nobody wants it any more.
pub fn tell<T>(outcome: &Value, held: T) -> Result<(), Failure> {
    println!("{outcome}");
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    drop(held);
    Ok(())
}
