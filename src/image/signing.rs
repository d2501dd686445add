//! Signing keys: minisign's format, so that Debian's `minisign` reads what we write and the other way round.

use minisign::{KeyPair, SecretKey, SecretKeyBox};
use std::io::Write;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::trust::{KeyError, KeyId, PublicKey};

/// The environment variable that may hold a secret key's text, for CI.
pub const KEY_VARIABLE: &str = "UNDERSTUDY_SIGNING_KEY";
/// The environment variable that may hold the secret key's password.
pub const PASSWORD_VARIABLE: &str = "UNDERSTUDY_SIGNING_PASSWORD";

/// Why there is no key, or no signature.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error("cannot use the key file")]
    File(#[from] FsError),
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    #[error("cannot make a key")]
    Make(#[source] minisign::PError),
    #[error("{0} holds no minisign secret key")]
    Format(String, #[source] minisign::PError),
    #[error("the key in {0} has a password: set {PASSWORD_VARIABLE}")]
    PasswordNeeded(String),
    #[error("the password does not open the key in {0}")]
    PasswordWrong(String, #[source] minisign::PError),
    #[error("cannot sign the manifest")]
    Sign(#[source] minisign::PError),
    #[error("cannot derive the public key")]
    Public(#[source] KeyError),
    #[error("there is no signing key: {} does not exist", .0.display())]
    NoKey(PathBuf),
}

/// A key that can sign.
pub struct SigningKey {
    secret: SecretKey,
    public: PublicKey,
    public_text: String,
}

impl SigningKey {
    /// Makes a new pair: `path` with the secret key (mode 0600), `path` with `.pub` for the public one.
    pub fn create(path: &Path, password: Option<String>) -> Result<Self, SigningError> {
        let public_path = public_path(path);
        if let Some(existing) = [path, &public_path].into_iter().find(|path| path.exists()) {
            return Err(SigningError::Exists(existing.to_owned()));
        }
        let pair = match password {
            Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
            None => KeyPair::generate_unencrypted_keypair(),
        };
        let KeyPair { pk, sk } = pair.map_err(SigningError::Make)?;
        let secret_text =
            sk.to_box(Some("understudy signing key, keep secret")).map_err(SigningError::Make)?;
        let public_text = pk.to_box().map_err(SigningError::Make)?.into_string();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::create_secret(path)?
            .write_all(secret_text.into_string().as_bytes())
            .map_err(fs::fail("write", path))?;
        fs::write(&public_path, public_text.as_bytes())?;
        let public = PublicKey::parse(&public_text).map_err(SigningError::Public)?;
        Ok(Self { secret: sk, public, public_text })
    }

    /// Reads the secret key from `text`; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str, password: Option<String>) -> Result<Self, SigningError> {
        let in_format = |error| SigningError::Format(origin.to_owned(), error);
        let parse_box = || SecretKeyBox::from_string(text.trim_end()).map_err(in_format);
        let secret = match (parse_box()?.into_unencrypted_secret_key(), password) {
            (Ok(secret), _) => secret,
            (Err(_), None) => return Err(SigningError::PasswordNeeded(origin.to_owned())),
            (Err(_), Some(password)) => parse_box()?
                .into_secret_key(Some(password))
                .map_err(|error| SigningError::PasswordWrong(origin.to_owned(), error))?,
        };
        let public_key = minisign::PublicKey::from_secret_key(&secret).map_err(in_format)?;
        let public_text = public_key.to_box().map_err(in_format)?.into_string();
        let public = PublicKey::parse(&public_text).map_err(SigningError::Public)?;
        Ok(Self { secret, public, public_text })
    }

    /// Reads the secret key from a file.
    pub fn read(path: &Path, password: Option<String>) -> Result<Self, SigningError> {
        match fs::read_text(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string(), password),
            Err(error) if error.is_not_found() => Err(SigningError::NoKey(path.to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// The id that goes into manifests.
    pub fn id(&self) -> KeyId {
        self.public.id()
    }

    /// The key that others need to check a signature.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The `.pub` file's text.
    pub fn public_text(&self) -> &str {
        &self.public_text
    }

    /// A detached, prehashed minisign signature; `comment` is signed too.
    pub fn sign(&self, content: &[u8], comment: &str) -> Result<String, SigningError> {
        let signature =
            minisign::sign(None, &self.secret, content, Some(comment), Some("signature from understudy"));
        Ok(signature.map_err(SigningError::Sign)?.into_string())
    }
}

/// The file of the public key that belongs to the secret key at `path`.
pub fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}
