//! Identifiers that are neither names nor numbers.

use crate::base::sha256::Sha256;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const DIGITS: usize = 16;

/// A node, by the key that it enrolled with: 16 hexadecimal digits of the key's SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(String);

/// The text is not a node id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a node id; it has {DIGITS} hexadecimal digits, as `understudy nodes` shows them")]
pub struct NodeIdError(String);

impl NodeId {
    /// The node that holds this public key (DER of its SubjectPublicKeyInfo, RFC 5280, section 4.1).
    pub fn of_public_key(public_key_info: &[u8]) -> Self {
        Self(Sha256::of(public_key_info).to_string()[..DIGITS].to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if is_hex && text.len() == DIGITS {
            Ok(Self(text.to_owned()))
        } else {
            Err(NodeIdError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for NodeId {
    type Error = NodeIdError;

    fn try_from(text: String) -> Result<Self, NodeIdError> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_beginning_of_its_keys_digest() {
        let id = NodeId::of_public_key(b"key");
        assert!(Sha256::of(b"key").to_string().starts_with(id.as_str()));
        assert_eq!(id.to_string().parse::<NodeId>().unwrap(), id);
    }

    #[test]
    fn nothing_else_is_an_id() {
        for text in ["", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef0"] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
    }
}
