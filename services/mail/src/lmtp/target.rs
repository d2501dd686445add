//! Where a server of LMTP is.

use crate::address::Domain;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

const UNIX_PREFIX: &str = "unix:";

/// Written as `192.0.2.1:24`, `[2001:db8::1]:24`, `store-1.example:24` or `unix:/run/mailstore/lmtp`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Tcp(SocketAddr),
    /// Looked up by the system whenever it is connected to.
    Name {
        host: Domain,
        port: u16,
    },
    Unix(PathBuf),
}

/// The text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place of an LMTP server; write HOST:PORT, or unix:/PATH")]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        match text.strip_prefix(UNIX_PREFIX) {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(TargetError(text.to_owned())),
            None => {
                text.parse().map(Self::Tcp).ok().or_else(|| name(text)).ok_or(TargetError(text.to_owned()))
            }
        }
    }
}

fn name(text: &str) -> Option<Target> {
    let (host, port) = text.rsplit_once(':')?;
    let host: Domain = host.parse().ok()?;
    // `192.0.2.1:99999` is no name.
    let is_name = host.as_str().chars().any(char::is_alphabetic);
    let port = port.parse().ok().filter(|&port| port != 0)?;
    is_name.then(|| Target::Name { host: host.normal(), port })
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(out),
            Self::Name { host, port } => write!(out, "{host}:{port}"),
            Self::Unix(path) => write!(out, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written() {
        for text in ["192.0.2.1:24", "[2001:db8::1]:24", "store-1.example:24", "unix:/run/mailstore/lmtp"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", "192.0.2.1", "192.0.2.1:70000", "x:", "x:0", "a b:24", "unix:lmtp", "/run/lmtp"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
