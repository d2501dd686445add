//! TLS for servers: one certificate with its key from files, read again while the daemon runs.
//!
//! A handshake takes what is there when it begins; sessions that are under TLS already keep what they have. A reload that fails, for
//! the files are half written, or the key is another one's, changes nothing and says why. TLS 1.2 and 1.3; clients need
//! no certificate. Entry points: [`Certificates::load`], [`Certificates::reload`], [`Certificates::watch`], [`Certificates::acceptor`].

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Where certificate and key are, in PEM: the `[tls]` table of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The server's own first, then those that lead to a root.
    pub certificates: PathBuf,
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read a file of TLS; name a file that this user may read")]
    Read(#[source] std::io::Error),
    #[error("cannot read certificates from {}; they are in PEM", path.display())]
    Certificates {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    #[error("cannot read a private key from {}; it is in PEM and has no password", path.display())]
    Key {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("the key in {} is of no use with the certificate in {}", files.key.display(), files.certificates.display())]
    Pair {
        files: Files,
        #[source]
        source: rustls::Error,
    },
}

/// Cheap to clone; all clones have the same certificate.
#[derive(Clone, Debug)]
pub struct Certificates {
    files: Files,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A lock is held for one assignment only, which does not panic.
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Certificates {
    /// Reads the files.
    pub fn load(files: Files) -> Result<Self, TlsError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(read(&files)?))));
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        // No early data: a message must not come twice because a packet did (RFC 8446, section 8).
        config.max_early_data_size = 0;
        Ok(Self { files, current, config: Arc::new(config) })
    }

    /// Reads the files again, for the handshakes that follow.
    pub fn reload(&self) -> Result<(), TlsError> {
        let new = Arc::new(read(&self.files)?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Looks at the files from time to time, and reloads when they have changed. A change that cannot be used is told once.
    pub async fn watch(&self, interval: Duration, end: CancellationToken) {
        let mut seen = changed(&self.files);
        while end.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            let now = changed(&self.files);
            if now != seen {
                seen = now;
                self.reload_and_tell();
            }
        }
    }

    /// As [`Self::reload`], with its result in the log.
    pub fn reload_and_tell(&self) {
        let certificates = self.files.certificates.display();
        match self.reload() {
            Ok(()) => info!(%certificates, "certificate loaded"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(%certificates, error, "certificate not loaded, the one before it stays");
            }
        }
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

fn read(files: &Files) -> Result<CertifiedKey, TlsError> {
    let certificates = certificates(&files.certificates)?;
    let pem = fs_err::read(&files.key).map_err(TlsError::Read)?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|source| TlsError::Key { path: files.key.clone(), source })?;
    CertifiedKey::from_der(certificates, key, &ring::default_provider())
        .map_err(|source| TlsError::Pair { files: files.clone(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = fs_err::read(path).map_err(TlsError::Read)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates =
        certificates.map_err(|source| TlsError::Certificates { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

/// When the files were written, as far as that can be told.
fn changed(files: &Files) -> [Option<SystemTime>; 2] {
    [&files.certificates, &files.key].map(|path| fs_err::metadata(path).and_then(|file| file.modified()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(files: &Files, name: &str) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        fs_err::write(&files.certificates, made.cert.pem()).unwrap();
        fs_err::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn files() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        let files = Files { certificates: path("tls.crt"), key: path("tls.key") };
        (folder, files)
    }

    fn shown(certificates: &Certificates) -> Vec<u8> {
        certificates.current.0.read().unwrap().cert[0].to_vec()
    }

    #[test]
    fn what_cannot_be_used_changes_nothing_and_says_why() {
        let (_folder, files) = files();
        assert!(matches!(Certificates::load(files.clone()), Err(TlsError::Read(_))));
        let first = write(&files, "one.example.org");
        let certificates = Certificates::load(files.clone()).unwrap();
        let key = fs_err::read(&files.key).unwrap();
        write(&files, "two.example.org");
        fs_err::write(&files.key, key).unwrap();
        assert!(matches!(certificates.reload(), Err(TlsError::Pair { .. })));
        fs_err::write(&files.key, "no key").unwrap();
        assert!(matches!(certificates.reload(), Err(TlsError::Key { .. })));
        fs_err::write(&files.certificates, "").unwrap();
        assert!(matches!(certificates.reload(), Err(TlsError::NoCertificate(_))));
        assert_eq!(shown(&certificates), first);
        let second = write(&files, "three.example.org");
        certificates.clone().reload().unwrap();
        assert_eq!(shown(&certificates), second);
    }

    #[tokio::test]
    async fn changed_files_are_seen() {
        let (_folder, files) = files();
        write(&files, "one.example.org");
        let certificates = Certificates::load(files.clone()).unwrap();
        let end = CancellationToken::new();
        let watched = certificates.clone();
        let watch = watched.watch(Duration::from_millis(1), end.clone());
        let change = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let second = write(&files, "two.example.org");
            while shown(&certificates) != second {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            end.cancel();
        };
        tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(watch, change) }).await.unwrap();
    }
}
