//! How the node agent asks a service whether it serves.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU16;

/// A question whose answer only a service that works can give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Health {
    /// Asks for the TXT records of `name` over UDP; there must be one. The service answers it by itself, so that
    /// somebody else's outage is not taken for its own.
    Dns { port: NonZeroU16, name: DnsName },
    /// Connects; what comes first must begin with `expect`.
    Tcp { port: NonZeroU16, expect: Option<String> },
    /// Runs a program of the image, which ends with 0.
    Command { argv: Argv },
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Argv(Vec<String>);

/// There is no program.
#[derive(Debug, thiserror::Error)]
#[error("a command has at least its program")]
pub struct ArgvError;

impl Argv {
    /// The program, and what it is given.
    pub fn split(&self) -> (&str, &[String]) {
        let (program, arguments) = self.0.split_first().expect("checked when it was made");
        (program, arguments)
    }
}

impl TryFrom<Vec<String>> for Argv {
    type Error = ArgvError;

    fn try_from(words: Vec<String>) -> Result<Self, ArgvError> {
        if words.first().is_none_or(String::is_empty) { Err(ArgvError) } else { Ok(Self(words)) }
    }
}

impl From<Argv> for Vec<String> {
    fn from(argv: Argv) -> Self {
        argv.0
    }
}

/// A name in the DNS (RFC 1035, section 2.3.4: labels of 1 to 63 bytes, 255 in all on the wire).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

/// The text is not a DNS name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a DNS name")]
pub struct DnsNameError(String);

const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 255;

impl DnsName {
    /// Its labels, the root's empty one left out.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.trim_end_matches('.').split('.')
    }
}

impl TryFrom<String> for DnsName {
    type Error = DnsNameError;

    fn try_from(text: String) -> Result<Self, DnsNameError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_label =
            |label: &str| (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(is_letter);
        let labels = text.strip_suffix('.').unwrap_or(&text);
        // One length byte for each label, and the root's.
        let fits = labels.len() + 2 <= NAME_BYTES_MAX;
        if fits && labels.split('.').all(is_label) { Ok(Self(text)) } else { Err(DnsNameError(text)) }
    }
}

impl From<DnsName> for String {
    fn from(name: DnsName) -> Self {
        name.0
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
