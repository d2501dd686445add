//! What a listener is, and where its patience ends.

use crate::engine;
use crate::listen::Limits;
use std::time::Duration;

/// Of one kind of listener.
#[derive(Clone, Debug)]
pub struct Config {
    /// In logs and metrics: `smtp`, `lmtp`.
    pub name: &'static str,
    pub engine: engine::Config,
    pub tls_start: TlsStart,
    pub limits: Limits,
    pub timeouts: Timeouts,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsStart {
    /// With STARTTLS, where the engine offers it.
    AtCommand,
    /// With the first octet (RFC 8314, section 3.3).
    AtOnce,
}

/// How long each may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From a reply to the end of the next command (RFC 5321, section 4.5.3.2.7: at least five minutes).
    pub command: Duration,
    /// Between two pieces of a content (section 4.5.3.2.5 has three minutes for the client).
    pub content_pause: Duration,
    /// One content.
    pub content: Duration,
    /// Until the client has taken what is said to it.
    pub reply: Duration,
    pub handshake: Duration,
    /// The policy's answer to MAIL or RCPT (sections 4.5.3.2.2 and 4.5.3.2.3: the client waits five minutes).
    pub question: Duration,
    /// The policy's answer to a message (section 4.5.3.2.6: the client waits ten minutes).
    pub delivery: Duration,
    /// After it, a session ends at its next command.
    pub session: Duration,
    /// From the order to drain until sessions that are in a message are cut off.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |number: u64| Duration::from_secs(60 * number);
        Self {
            command: minutes(5),
            content_pause: minutes(3),
            content: minutes(60),
            reply: minutes(5),
            handshake: Duration::from_secs(30),
            question: minutes(4),
            delivery: minutes(9),
            session: minutes(120),
            drain: Duration::from_secs(30),
        }
    }
}
