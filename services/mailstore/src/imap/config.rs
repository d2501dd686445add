//! What a listener is, and where its patience ends.

use mail::listen::{Limits, Rate};
use mail::server::TlsStart;
use std::time::Duration;

/// Clients keep some of them open each, for a day.
const SESSIONS_MAX: usize = 5000;

/// Of one kind of listener.
#[derive(Clone, Debug)]
pub struct Config {
    /// In logs and metrics: `imap`, `imaps`.
    pub name: &'static str,
    pub tls_start: TlsStart,
    pub passwords: Passwords,
    pub limits: Limits,
    pub timeouts: Timeouts,
}

/// From whom a password is taken that anybody on the way could read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// From nobody: TLS comes first.
    UnderTls,
    /// From this machine only.
    UnderTlsOrLoopback,
    /// From everybody: all that can reach this listener are hosts of ours.
    OfOurHosts,
}

/// How long each may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the greeting until the client is known.
    pub login: Duration,
    /// Between two commands, and in IDLE (RFC 3501, section 5.4: at least 30 minutes).
    pub idle: Duration,
    /// From the first octet of a command to its last one, literals of APPEND aside.
    pub command: Duration,
    /// Between two pieces of the literal of an APPEND.
    pub append_pause: Duration,
    /// One APPEND.
    pub append: Duration,
    /// Until the client has taken what is said to it, piece by piece.
    pub reply: Duration,
    pub handshake: Duration,
    /// Until somebody says whether a client may log in.
    pub question: Duration,
    /// From the order to drain until sessions are cut off.
    pub drain: Duration,
}

impl Config {
    /// Our own hosts come from few addresses and with much: none of them has a limit that it could meet.
    pub fn new(name: &'static str, tls_start: TlsStart, passwords: Passwords) -> Self {
        let all = Limits { sessions_max: SESSIONS_MAX, ..Limits::default() };
        let limits = match passwords {
            Passwords::UnderTls | Passwords::UnderTlsOrLoopback => all,
            Passwords::OfOurHosts => Limits {
                sessions_per_client_max: u32::MAX,
                connections_per_client: Rate { burst: 100_000, per_minute: 1_000_000 },
                ..all
            },
        };
        Self { name, tls_start, passwords, limits, timeouts: Timeouts::default() }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |number: u64| Duration::from_secs(60 * number);
        Self {
            login: minutes(3),
            idle: minutes(30),
            command: minutes(5),
            append_pause: minutes(3),
            append: minutes(60),
            reply: minutes(5),
            handshake: Duration::from_secs(30),
            question: minutes(1),
            drain: Duration::from_secs(30),
        }
    }
}
