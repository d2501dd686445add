//! Logins, whatever protocol they come by: what a client says of itself, who decides on it, and what the answer may be.
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`directory`] | decides by the accounts of the directory | [`directory::Logins`] |
//! | [`attempts`] | how many wrong passwords may be tried | [`attempts::Attempts::begin`] |
//! | [`proxy`] | the front end that acts as any account | [`proxy::Proxy`] |
//! | [`settings`] | the `[logins]` table of a configuration file | [`settings::LoginSettings`] |
//!
//! The words are here; nothing here looks anything up. Entry points: [`PlainLogin`], [`LogIn`].

pub mod attempts;
#[cfg(feature = "directory")]
pub mod directory;
pub mod proxy;
pub mod settings;

pub use proxy::{Proxy, ProxySettings};
pub use settings::LoginSettings;

use crate::imap::command::Secret;
use std::net::IpAddr;

/// A name and a password, as LOGIN, USER with PASS, and SASL PLAIN bring them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainLogin {
    /// As whom a front end wants to act, once it is known itself: the authorization identity of RFC 4616. Nobody else has one.
    pub acts_as: Option<Vec<u8>>,
    pub name: Vec<u8>,
    pub password: Secret,
}

/// Why somebody may not come in. A client is not told whether it was the name or the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error("wrong name or password")]
    Wrong,
    #[error("too many wrong passwords; try again later")]
    TooMany,
    #[error("too many logins at once; try again later")]
    Busy,
    #[error("nobody can be looked up now; try again later")]
    Unavailable,
}

/// Who decides. It takes as long for a name that nobody has.
pub trait LogIn: Send + Sync + 'static {
    /// What is known of a client that may come in.
    type Known: Send;

    fn log_in(
        &self,
        client: IpAddr,
        login: PlainLogin,
    ) -> impl Future<Output = Result<Self::Known, LoginError>> + Send;
}

impl PlainLogin {
    pub fn new(name: Vec<u8>, password: Secret) -> Self {
        Self { acts_as: None, name, password }
    }

    /// The message of SASL PLAIN, decoded (RFC 4616, section 2): `[authzid] NUL authcid NUL passwd`. Who acts as itself acts as nobody else.
    pub fn of_sasl(message: &[u8]) -> Option<Self> {
        let mut parts = message.split(|octet| *octet == 0);
        let (acts_as, name, password) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || name.is_empty() || password.is_empty() {
            return None;
        }
        let acts_as = (!acts_as.is_empty() && acts_as != name).then(|| acts_as.to_vec());
        Some(Self { acts_as, name: name.to_vec(), password: Secret::new(password.to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_read_as_the_rfc_has_it() {
        let read = |message: &[u8]| {
            let login = PlainLogin::of_sasl(message)?;
            let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
            Some((login.acts_as.as_deref().map(text), text(&login.name), text(login.password.reveal())))
        };
        let own = |name: &str, password: &str| Some((None, name.to_owned(), password.to_owned()));
        assert_eq!(read(b"\0tim\0tanstaaftanstaaf"), own("tim", "tanstaaftanstaaf"));
        assert_eq!(read(b"tim\0tim\0secret"), own("tim", "secret"));
        let other = Some((Some("Ursel".to_owned()), "Kurt".to_owned(), "xipj3plmq".to_owned()));
        assert_eq!(read(b"Ursel\0Kurt\0xipj3plmq"), other);
        for nothing in [&b""[..], b"tim", b"\0tim", b"\0\0secret", b"\0tim\0", b"\0tim\0a\0b"] {
            assert_eq!(read(nothing), None);
        }
    }
}
