//! What is said until the client is known: events in, actions out, for each protocol. Knows nothing of sockets, clocks and directories.
//!
//! A client may greet, begin TLS and log in; whatever else it wants is the pair's to answer. Where somebody has to decide, the engine asks
//! ([`Action::Ask`]) and obeys nothing before the [`Answer`]. With [`Action::HandOver`] it is done: what the client has sent behind its login goes to
//! the pair.
//!
//! Refused: passwords in the clear where TLS can be had ([`Channel`]); what was sent behind STARTTLS in one piece, which was never
//! said; clients that talk without end ([`patience`]). Entry points: [`Engine::new`], [`Engine::step`].

mod event;
pub mod imap;
mod patience;
pub mod pop3;
mod sasl;

pub use event::{Action, Answer, Ended, Event, Refusal, Welcome};
pub use patience::{ATTEMPTS_MAX, ERRORS_MAX, INPUT_OCTETS_MAX, WRONG_MAX};
pub use sasl::Ask;

use crate::Protocol;

/// Of commands that wait for an answer.
pub const WAITING_OCTETS_MAX: usize = 16 * 1024;

/// Whether what is said can be read on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// TLS comes before a password.
    Clear,
    /// Passwords are taken, and TLS can be begun all the same.
    TrustedWithTls,
    /// Passwords are taken; there is no TLS to begin.
    Trusted,
    Tls,
}

impl Channel {
    fn takes_passwords(self) -> bool {
        self != Self::Clear
    }

    fn offers_tls(self) -> bool {
        matches!(self, Self::Clear | Self::TrustedWithTls)
    }
}

/// One session before its login.
#[derive(Debug)]
pub enum Engine {
    Imap(imap::Engine),
    Pop3(pop3::Engine),
}

impl Engine {
    pub fn new(protocol: Protocol, channel: Channel) -> Self {
        match protocol {
            Protocol::Imap => Self::Imap(imap::Engine::new(channel)),
            Protocol::Pop3 => Self::Pop3(pop3::Engine::new(channel)),
        }
    }

    /// How many octets may be received now. More of them end the session.
    pub fn room(&self) -> usize {
        match self {
            Self::Imap(engine) => engine.room(),
            Self::Pop3(engine) => engine.room(),
        }
    }

    /// What follows from an event. One that does not fit changes nothing.
    pub fn step(&mut self, event: Event<'_>) -> Vec<Action> {
        match self {
            Self::Imap(engine) => engine.step(event),
            Self::Pop3(engine) => engine.step(event),
        }
    }
}

#[cfg(test)]
mod tests;
