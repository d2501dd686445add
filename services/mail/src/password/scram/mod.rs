//! SCRAM-SHA-256: a client proves that it knows a password without sending it (RFC 5802, RFC 7677).
//!
//! [`StoredKeys`] is what is kept of a password. [`ClientFirst`] reads what a client begins with; [`ClientFirst::challenge`] gives what
//! the server answers, and [`Challenge::finish`] compares the proof. No sockets, no waiting: the base64 of the protocol around it and
//! the account's keys are the caller's.
//!
//! It refuses channel bindings, for it does not offer `-PLUS`, extensions that a server has to know, and messages beyond
//! [`MESSAGE_OCTETS_MAX`]. Own code, as the crates that have SCRAM take no nonce from outside and so cannot be tried with the RFC's vectors,
//! nor do they answer for accounts that do not exist.

mod exchange;
mod keys;
mod message;

pub use exchange::Challenge;
pub use keys::{Decoys, ITERATIONS, KeysError, StoredKeys};
pub use message::{ClientFirst, MESSAGE_OCTETS_MAX};

/// The exchange ends here. Nobody is told which part of a login was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    #[error("no message of SCRAM stands here (RFC 5802, section 7)")]
    Syntax,
    #[error("this server offers no channel binding")]
    ChannelBinding,
    #[error("an extension that the server does not know is required")]
    Extension,
    #[error("the second message does not belong to the first")]
    Mismatch,
    #[error("the proof is wrong")]
    NotProven,
}

#[cfg(test)]
mod tests;
