//! What a client says in AUTHENTICATE and AUTH, whichever protocol carries it: PLAIN (RFC 4616) and SCRAM-SHA-256 (RFC 5802, RFC 7677).
//!
//! Passwords and proofs are somebody else's to compare ([`Ask`]); here is only which line means what.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mail::login::PlainLogin;

/// In the words of both protocols.
pub(super) const MECHANISMS: [&str; 2] = ["PLAIN", "SCRAM-SHA-256"];

/// What has to be asked of somebody who knows accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A password.
    LogIn(PlainLogin),
    /// `client-first-message`; the answer is a challenge.
    Challenge(Vec<u8>),
    /// `client-final-message`; the answer is a challenge that says that the server knows the password too.
    Prove(Vec<u8>),
    /// The client has proven who it is, and has heard that.
    Enter,
}

/// Which line comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    Plain,
    ScramFirst,
    ScramLast,
    /// Nothing is in it: the server had the last word.
    ScramEnd,
}

/// What a line was.
pub(super) enum Heard {
    Ask(Ask),
    Cancelled,
    Nonsense,
}

impl Awaits {
    /// For a mechanism in upper case.
    pub(super) fn first_of(mechanism: &str) -> Option<Self> {
        match mechanism {
            "PLAIN" => Some(Self::Plain),
            "SCRAM-SHA-256" => Some(Self::ScramFirst),
            _ => None,
        }
    }

    /// Behind the challenge that answers this.
    pub(super) fn behind(ask: &Ask) -> Self {
        match ask {
            Ask::Challenge(_) => Self::ScramLast,
            Ask::LogIn(_) | Ask::Prove(_) | Ask::Enter => Self::ScramEnd,
        }
    }

    /// A line in base64. RFC 3501 and RFC 5034 have `*` for a client that does not want any more.
    pub(super) fn hear_line(self, line: &[u8]) -> Heard {
        if line == b"*" {
            return Heard::Cancelled;
        }
        BASE64.decode(line).map_or(Heard::Nonsense, |message| self.hear(message))
    }

    pub(super) fn hear(self, message: Vec<u8>) -> Heard {
        match self {
            Self::Plain => {
                PlainLogin::of_sasl(&message).map_or(Heard::Nonsense, |login| Heard::Ask(Ask::LogIn(login)))
            }
            Self::ScramFirst => Heard::Ask(Ask::Challenge(message)),
            Self::ScramLast => Heard::Ask(Ask::Prove(message)),
            Self::ScramEnd if message.is_empty() => Heard::Ask(Ask::Enter),
            Self::ScramEnd => Heard::Nonsense,
        }
    }
}

/// A challenge as it is sent, without `+ `.
pub(super) fn challenge(text: &str) -> String {
    BASE64.encode(text)
}
