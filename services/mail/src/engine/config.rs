//! What a session offers, and where it ends.

use crate::address::Domain;
use crate::data::{self, LongLines};

/// Which of the two is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Smtp,
    /// One answer for each recipient (RFC 2033).
    Lmtp,
}

/// Whether STARTTLS is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Unavailable,
    Offered,
    /// Nothing but greetings without it (RFC 3207, section 4). Not for a server that takes mail from the whole world.
    Required,
}

/// The same for every session of a listener.
#[derive(Clone, Debug)]
pub struct Config {
    pub protocol: Protocol,
    /// By which the server calls itself.
    pub host: Domain,
    pub tls: Tls,
    /// Of a message; offered as SIZE.
    pub message_octets_max: u64,
    pub long_lines: LongLines,
    pub limits: Limits,
}

/// Where a session ends that goes on for too long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In one message; at least 100 (RFC 5321, section 4.5.3.1.8). More are asked to come again.
    pub recipients_max: usize,
    pub messages_max: u32,
    pub commands_max: u32,
    /// Commands that are none, or out of place, in the whole session.
    pub errors_max: u32,
    /// Senders, recipients and messages that were refused, since the last message that was taken.
    pub refusals_max: u32,
    /// Commands that bring nothing, since the last message that was taken: NOOP, RSET, VRFY, HELP, another EHLO.
    pub idle_max: u32,
    pub octets_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipients_max: 1000,
            messages_max: 1000,
            commands_max: 20_000,
            errors_max: 20,
            refusals_max: 100,
            idle_max: 100,
            octets_max: 4 << 30,
        }
    }
}

impl Config {
    pub(super) fn content_limits(&self) -> data::Limits {
        data::Limits { octets_max: self.message_octets_max, long_lines: self.long_lines }
    }
}
