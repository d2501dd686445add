//! Names that reach file names, units and command lines, so they hold nothing that needs quoting.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const NAME_BYTES_MAX: usize = 32;

/// The name of an image, a service or a role: `a-z`, `0-9` and inner `-`, 32 bytes at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// The text cannot be a name.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a name; use a-z, 0-9 and inner hyphens, at most {NAME_BYTES_MAX} of them, a letter first"
)]
pub struct NameError(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let letters =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if letters && starts && !text.ends_with('-') && text.len() <= NAME_BYTES_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_quoting_anywhere() {
        for text in ["mail", "a", "dns2", "mail-store"] {
            assert!(text.parse::<Name>().is_ok(), "{text}");
        }
        for text in ["", "-a", "a-", "2a", "a b", "a/b", "a;b", "A", "..", &"a".repeat(33)] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }
}
