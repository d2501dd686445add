//! The name by which a client introduces itself.

use super::CommandError;
use std::fmt;

/// As of a domain (RFC 5321, section 4.5.3.1.2).
const OCTETS_MAX: usize = 255;

/// Printable ASCII without spaces. It should be a domain or a literal, but mail of the many that say `my_host` is wanted too
/// (RFC 5321, section 4.1.4: a server must not refuse mail for what the name is), and nobody may believe it anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// What stands behind EHLO, HELO or LHLO.
    pub(super) fn read(argument: &str) -> Result<Self, CommandError> {
        if argument.is_empty() {
            return Err(CommandError::NoName);
        }
        if argument.len() > OCTETS_MAX || !argument.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CommandError::Name);
        }
        Ok(Self(argument.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
