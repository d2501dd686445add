//! The site's CA: made once, kept in the state folder, and the server certificate that it signs at each start.
//!
//! The certificates are good at any time: a server whose clock battery is dead starts in 1970 and must still enrol.
//! What a node trusts is this one CA, and an operator compares the short code that is made from it.

use crate::definition::HostName;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};

/// Also what the stored certificate says, so it never changes.
const CA_NAME: &str = "understudy site CA";

/// Why there is no CA.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("cannot use the CA's file")]
    File(#[from] FsError),
    #[error("{} holds no CA key; nodes trust only that key, so restore the file from a backup", path.display())]
    Key {
        path: PathBuf,
        #[source]
        source: rcgen::Error,
    },
    #[error("{} holds no CA certificate; nodes trust only that one, so restore the file from a backup", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
}

/// The CA with its key.
pub struct Authority {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// What a server shows and proves.
pub struct ServerIdentity {
    /// The server's own certificate, then the CA's.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Reads the CA, or makes it when there is none yet.
    pub fn open(path: &Path) -> Result<Self, AuthorityError> {
        match fs::read_text(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.is_not_found() => Self::create(path),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, AuthorityError> {
        let key = KeyPair::from_pem(text)
            .map_err(|source| AuthorityError::Key { path: path.to_owned(), source })?;
        let certificate = CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|source| AuthorityError::Certificate { path: path.to_owned(), source })?;
        Ok(Self { certificate, key })
    }

    fn create(path: &Path) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::Make)?;
        let certificate = ca_params().self_signed(&key).map_err(AuthorityError::Make)?;
        // One file, so that a crash never leaves a key without its certificate.
        let text = format!("{}{}", key.serialize_pem(), certificate.pem());
        fs::write_secret_atomic(path, text.as_bytes())?;
        Ok(Self { certificate: certificate.der().clone(), key })
    }

    /// The certificate as text (RFC 7468), for those who should trust it.
    pub fn certificate_pem(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.certificate);
        let lines: Vec<&str> =
            (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// The certificate, from which the short code is made.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// A fresh key and a certificate for these addresses and names.
    pub fn server(&self, addresses: &[IpAddr], names: &[HostName]) -> Result<ServerIdentity, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::Make)?;
        let mut params = always_valid();
        params.distinguished_name.push(DnType::CommonName, "understudy site");
        params.subject_alt_names = addresses.iter().copied().map(SanType::IpAddress).collect();
        for name in names {
            let name = name.as_str().try_into().map_err(AuthorityError::Make)?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let ca = ca_params();
        let issuer = Issuer::from_params(&ca, &self.key);
        let leaf = params.signed_by(&key, &issuer).map_err(AuthorityError::Make)?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        Ok(ServerIdentity { chain, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() })
    }
}

/// From where clocks begin; rcgen's own end is in the year 4096, and its begin in 1975.
fn always_valid() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1);
    params
}

fn ca_params() -> CertificateParams {
    let mut params = always_valid();
    params.distinguished_name.push(DnType::CommonName, CA_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::crypto::ring;
    use rustls::pki_types::{ServerName, UnixTime};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn the_ca_is_made_once_and_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let first = Authority::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Authority::open(&path).unwrap();
        assert_eq!(first.certificate(), again.certificate());
        let alone = CertificateDer::from_pem_slice(first.certificate_pem().as_bytes()).unwrap();
        assert_eq!(&alone, first.certificate());
    }

    /// Mutant: certificates begin when rcgen says so, in 1975.
    #[test]
    fn a_machine_whose_clock_has_never_been_set_believes_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(&folder.path().join("ca.pem")).unwrap();
        let address: IpAddr = [10, 0, 0, 1].into();
        let chain = authority.server(&[address], &[]).unwrap().chain;
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let (name, a_century) =
            (ServerName::IpAddress(address.into()), Duration::from_secs(100 * 31_557_600));
        for clock in [Duration::ZERO, a_century] {
            let now = UnixTime::since_unix_epoch(clock);
            verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], now).unwrap();
        }
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        fs::write(&path, b"-----BEGIN NOTHING-----").unwrap();
        assert!(matches!(Authority::open(&path), Err(AuthorityError::Key { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"-----BEGIN NOTHING-----");
    }
}
