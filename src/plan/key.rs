//! The names of what is durable. Every object has one entry of the ledger.

use serde_json::Value;
use std::fmt;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// The name of one durable object; [`fmt::Display`] gives the ledger's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `/v1/epoch/ID`, never deleted.
    Epoch(Name),
    /// `/v1/identity/ID`
    Identity(Name),
    /// `/v1/takeover/ID/EPOCH`, by the epoch that it ends.
    Takeover(Name, Epoch),
    /// `/v1/fence/NODE/N`, counted from 1.
    Fence(NodeId, u32),
    /// `/v1/allowance/RACK`
    Allowance(Name),
    /// `/v1/pause/site`, `/v1/pause/rack/RACK`, `/v1/pause/identity/ID`
    Pause(Scope),
    /// `/v1/drain/NODE`
    Drain(NodeId),
    /// `/v1/distrust/NODE`: its BMC was caught at a lie.
    Distrust(NodeId),
    /// `/v1/volume/ID`, never deleted: where the data of an identity is.
    Volume(Name),
}

/// What can be paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Site,
    Rack(Name),
    Identity(Name),
}

/// The ledger holds something that this crate would not have written.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("`{0}` is not the name of a durable object")]
    Key(String),
    #[error("the entry {key} of the ledger cannot be understood")]
    Value {
        key: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("identity {0} is at epoch {1}, but its epoch entry says {2}: the ledger is not of one time")]
    Epochs(Name, Epoch, Epoch),
    #[error(
        "the volume of identity {0} was born at epoch {1}, and its epoch entry says {2}: the ledger is not of one time"
    )]
    Volume(Name, Epoch, Epoch),
}

/// The prefixes under which the durable objects are.
pub const PREFIXES: [&str; 9] = [
    "/v1/epoch/",
    "/v1/identity/",
    "/v1/takeover/",
    "/v1/fence/",
    "/v1/allowance/",
    "/v1/pause/",
    "/v1/drain/",
    "/v1/distrust/",
    "/v1/volume/",
];

impl Key {
    /// Reads the ledger's key.
    pub fn read(text: &str) -> Result<Self, LoadError> {
        let refuse = || LoadError::Key(text.to_owned());
        let parts: Vec<&str> = text.strip_prefix("/v1/").ok_or_else(refuse)?.split('/').collect();
        let key = match parts[..] {
            ["epoch", name] => name.parse().map(Self::Epoch).ok(),
            ["identity", name] => name.parse().map(Self::Identity).ok(),
            ["takeover", name, epoch] => {
                name.parse().ok().and_then(|name| Some(Self::Takeover(name, Epoch::new(epoch.parse().ok()?))))
            }
            ["fence", node, n] => node.parse().ok().and_then(|node| Some(Self::Fence(node, n.parse().ok()?))),
            ["allowance", rack] => rack.parse().map(Self::Allowance).ok(),
            ["pause", "site"] => Some(Self::Pause(Scope::Site)),
            ["pause", "rack", rack] => rack.parse().map(|rack| Self::Pause(Scope::Rack(rack))).ok(),
            ["pause", "identity", name] => name.parse().map(|name| Self::Pause(Scope::Identity(name))).ok(),
            ["drain", node] => node.parse().map(Self::Drain).ok(),
            ["distrust", node] => node.parse().map(Self::Distrust).ok(),
            ["volume", name] => name.parse().map(Self::Volume).ok(),
            _ => None,
        };
        key.ok_or_else(refuse)
    }
}

impl LoadError {
    pub(crate) fn value(key: &Key, source: serde_json::Error) -> Self {
        Self::Value { key: key.to_string(), source }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch(name) => write!(out, "/v1/epoch/{name}"),
            Self::Identity(name) => write!(out, "/v1/identity/{name}"),
            Self::Takeover(name, epoch) => write!(out, "/v1/takeover/{name}/{epoch}"),
            Self::Fence(node, n) => write!(out, "/v1/fence/{node}/{n}"),
            Self::Allowance(rack) => write!(out, "/v1/allowance/{rack}"),
            Self::Pause(Scope::Site) => out.write_str("/v1/pause/site"),
            Self::Pause(Scope::Rack(rack)) => write!(out, "/v1/pause/rack/{rack}"),
            Self::Pause(Scope::Identity(name)) => write!(out, "/v1/pause/identity/{name}"),
            Self::Drain(node) => write!(out, "/v1/drain/{node}"),
            Self::Distrust(node) => write!(out, "/v1/distrust/{node}"),
            Self::Volume(name) => write!(out, "/v1/volume/{name}"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site => out.write_str("the site"),
            Self::Rack(rack) => write!(out, "rack {rack}"),
            Self::Identity(name) => write!(out, "identity {name}"),
        }
    }
}

/// An entry of the ledger as a driver hands it over.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    pub key: String,
    pub value: Value,
    /// Of the transaction that wrote it.
    pub revision: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_stands_under_a_known_prefix() {
        let name = || "dns-1".parse::<Name>().unwrap();
        let node = || NodeId::of_public_key(b"n");
        let keys = [
            Key::Epoch(name()),
            Key::Identity(name()),
            Key::Takeover(name(), Epoch::new(7)),
            Key::Fence(node(), 3),
            Key::Allowance(name()),
            Key::Pause(Scope::Site),
            Key::Pause(Scope::Rack(name())),
            Key::Pause(Scope::Identity(name())),
            Key::Drain(node()),
            Key::Distrust(node()),
            Key::Volume(name()),
        ];
        for key in keys {
            let text = key.to_string();
            assert_eq!(Key::read(&text).unwrap(), key);
            assert!(PREFIXES.iter().any(|prefix| text.starts_with(prefix)), "{text}");
        }
        for text in ["", "/v1/epoch", "/v1/epoch/", "/v1/fence/x/1", "/v1/pause/node/a", "/v2/epoch/a"] {
            assert!(Key::read(text).is_err(), "{text}");
        }
    }
}
