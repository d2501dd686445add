//! Names of entries: `/v1/node/ab12`, parts of letters, digits, `.`, `_`, `:` and `-`, under a version.

use std::fmt;
use std::str::FromStr;

const ROOT: &str = "/v1/";
const KEY_BYTES_MAX: usize = 256;

/// The name of one entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// The beginning that the keys of a range share: whole parts, with the slash behind the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

/// The text names no entry.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a key of the ledger; keys are like /v1/node/ab12, {KEY_BYTES_MAX} bytes at most")]
pub struct KeyError(String);

impl Key {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part, such as the id of a node.
    pub fn last_part(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl Prefix {
    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key stands below it.
    pub fn contains(&self, key: &Key) -> bool {
        key.0.starts_with(&self.0)
    }

    /// The first text behind all keys of the range: `/` ends the prefix, and `0` follows `/` in ASCII.
    pub(crate) fn end(&self) -> String {
        format!("{}0", &self.0[..self.0.len() - 1])
    }

    /// The key of one entry below it.
    pub fn key(&self, part: &str) -> Result<Key, KeyError> {
        format!("{}{part}", self.0).parse()
    }
}

fn is_path(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(allowed);
    text.len() <= KEY_BYTES_MAX && text.strip_prefix(ROOT).is_some_and(|rest| rest.split('/').all(is_part))
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if is_path(text) { Ok(Self(text.to_owned())) } else { Err(KeyError(text.to_owned())) }
    }
}

impl FromStr for Prefix {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let is_prefix = text == ROOT || text.strip_suffix('/').is_some_and(is_path);
        if is_prefix { Ok(Self(text.to_owned())) } else { Err(KeyError(text.to_owned())) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_whole_parts_under_the_version() {
        for text in ["/v1/node/ab12", "/v1/lease/52:54:00:12:34:56", "/v1/event/00000000000000000001"] {
            assert_eq!(text.parse::<Key>().unwrap().as_str(), text);
        }
        let long = format!("/v1/{}", "a".repeat(KEY_BYTES_MAX));
        for text in
            ["", "/v1/", "/v1", "/v2/a", "/v1/a/", "/v1//a", "/v1/a b", "/v1/ä", "v1/a", long.as_str()]
        {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_holds_its_keys_and_no_neighbours() {
        let prefix: Prefix = "/v1/node/".parse().unwrap();
        assert!(prefix.contains(&"/v1/node/a".parse().unwrap()));
        assert!(!prefix.contains(&"/v1/nodes/a".parse().unwrap()));
        assert_eq!(prefix.end(), "/v1/node0");
        assert!("/v1/node".parse::<Prefix>().is_err() && "/v1/".parse::<Prefix>().is_ok());
        assert_eq!(prefix.key("a").unwrap().last_part(), "a");
    }
}
