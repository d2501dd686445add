//! The front end of our own that logs in for others: it has asked for their passwords itself.

use crate::config::Problem;
use crate::config::secret::{SecretError, SecretFile};
use crate::imap::command::Secret;
use crate::login::PlainLogin;
use crate::password::scram::Decoys;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Of its secret: nobody types it, and nobody must guess it, for wrong ones cost nothing.
pub const SECRET_OCTETS_MIN: usize = 20;
/// With a name it is to fit into a line of IMAP or POP3.
pub const SECRET_OCTETS_MAX: usize = 512;
const NAME_OCTETS_MAX: usize = 64;

/// The `[proxy]` table of a configuration file, the same on both sides.
///
/// ```toml
/// [proxy]
/// name = "access"
/// secret_file = "/run/mail/proxy-secret"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxySettings {
    pub name: String,
    pub secret_file: SecretFile,
}

/// Its secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    #[error("the proxy has no secret")]
    Secret(#[from] SecretError),
    #[error(
        "the proxy's secret in {} has not {SECRET_OCTETS_MIN} to {SECRET_OCTETS_MAX} octets; write a random one: openssl rand -hex 32",
        .0.display()
    )]
    Length(PathBuf),
}

/// A front end, by its name and secret.
#[derive(Clone)]
pub struct Proxy {
    name: String,
    secret: Zeroizing<String>,
}

impl ProxySettings {
    /// What is wrong with the table, which stands at `key` of its file.
    pub fn problems(&self, key: &str) -> Vec<Problem> {
        let is_letter = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
        let is_name = (1..=NAME_OCTETS_MAX).contains(&self.name.len()) && self.name.bytes().all(is_letter);
        if is_name {
            return Vec::new();
        }
        // An address would be somebody's account.
        let hint = "write 1 to 64 letters, digits, hyphens, underscores or dots, such as access";
        vec![Problem::new(&format!("{key}.name"), "a proxy cannot have this name", hint)]
    }

    /// Reads the secret.
    pub fn proxy(&self) -> Result<Proxy, ProxyError> {
        let secret = self.secret_file.read()?;
        if !(SECRET_OCTETS_MIN..=SECRET_OCTETS_MAX).contains(&secret.len()) {
            return Err(ProxyError::Length(self.secret_file.0.clone()));
        }
        Ok(Proxy { name: self.name.clone(), secret })
    }
}

impl Proxy {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it says to act as an account.
    pub fn login_as(&self, account: &str) -> PlainLogin {
        let acts_as = Some(account.as_bytes().to_vec());
        PlainLogin {
            acts_as,
            name: self.name.as_bytes().to_vec(),
            password: Secret::new(self.secret.as_bytes().to_vec()),
        }
    }

    /// For clients of SCRAM: the same on all front ends that have the secret.
    pub fn decoys(&self) -> Decoys {
        Decoys::new(self.secret.as_bytes())
    }

    /// Takes as long for a wrong secret of the same length.
    pub fn has_secret(&self, secret: &[u8]) -> bool {
        self.secret.as_bytes().ct_eq(secret).into()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Proxy({}, ..)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn its_secret_is_long_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let mut settings = ProxySettings { name: "access".to_owned(), secret_file: SecretFile(path.clone()) };
        let with = |settings: &ProxySettings, secret: &str| {
            fs_err::write(&path, secret).unwrap();
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            settings.proxy()
        };
        let long = "0123456789abcdef0123";
        let proxy = with(&settings, long).unwrap();
        assert!(proxy.has_secret(long.as_bytes()) && !proxy.has_secret(b"0123456789abcdef012"));
        assert_eq!(format!("{proxy:?}"), "Proxy(access, ..)");
        let login = proxy.login_as("ann@example.org");
        assert_eq!((login.name.as_slice(), login.password.reveal()), (&b"access"[..], long.as_bytes()));
        assert_eq!(login.acts_as.as_deref(), Some(&b"ann@example.org"[..]));
        assert!(matches!(with(&settings, &long[1..]), Err(ProxyError::Length(_))));
        assert!(matches!(with(&settings, ""), Err(ProxyError::Secret(_))));

        assert_eq!(settings.problems("proxy"), []);
        for name in ["", "ann@example.org", "a b", "a\0b", &"x".repeat(65)] {
            settings.name = name.to_owned();
            assert_eq!(settings.problems("proxy")[0].key, "proxy.name", "{name}");
        }
    }
}
