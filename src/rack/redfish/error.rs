//! Why a BMC did not do it, and the one word for it.

use super::{BmcUrl, Reset};
use std::{fmt, io};

/// Why there is no answer that counts.
#[derive(Debug, thiserror::Error)]
pub enum RedfishError {
    #[error("nothing says how the certificate of the BMC at {0} is to be trusted")]
    NoTrust(BmcUrl),
    #[error("cannot set up TLS for BMCs")]
    TlsSetup(#[source] rustls::Error),
    #[error("cannot reach the BMC at {url}")]
    Unreachable {
        url: BmcUrl,
        #[source]
        source: io::Error,
    },
    #[error("the BMC at {0} did not answer in time")]
    Late(BmcUrl),
    #[error("the BMC at {url} broke off")]
    Broken {
        url: BmcUrl,
        #[source]
        source: hyper::Error,
    },
    #[error("the BMC at {url} refuses {path} with HTTP {status}{}", said(message.as_deref()))]
    Refused { url: BmcUrl, path: String, status: u16, message: Option<String> },
    #[error("the BMC at {url} answers {path} with something that is not Redfish: {problem}")]
    Garbage { url: BmcUrl, path: String, problem: String },
    #[error("the BMC at {url} says that its machine has the UUID {said}, not {expected}")]
    OtherMachine { url: BmcUrl, said: String, expected: String },
    #[error("the BMC does not offer the reset {0}")]
    NotOffered(Reset),
}

/// What came of it, for tables and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Off,
    On,
    Accepted,
    Refused,
    Unreachable,
    OtherMachine,
    Garbage,
}

impl RedfishError {
    /// The one word for it.
    pub fn word(&self) -> Word {
        match self {
            Self::NoTrust(_)
            | Self::TlsSetup(_)
            | Self::Unreachable { .. }
            | Self::Late(_)
            | Self::Broken { .. } => Word::Unreachable,
            Self::Refused { .. } | Self::NotOffered(_) => Word::Refused,
            Self::Garbage { .. } => Word::Garbage,
            Self::OtherMachine { .. } => Word::OtherMachine,
        }
    }
}

fn said(message: Option<&str>) -> String {
    message.map(|message| format!(" and says: {message}")).unwrap_or_default()
}

impl fmt::Display for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::OtherMachine => "other-machine",
            Self::Garbage => "garbage",
        })
    }
}
