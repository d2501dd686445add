//! A connection to a pair, in the clear or under TLS.

use mail::directory::Endpoint;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whether what is said to a pair can be read on the way.
#[derive(Clone)]
pub enum Transport {
    /// In a network of our own hosts.
    Clear,
    /// From the first octet on; the pair's certificate names the host of its endpoint.
    Tls(TlsConnector),
}

/// There is nobody to trust.
#[derive(Debug, Error)]
pub enum AuthorityError {
    #[error("cannot read the authorities in {}; they are certificates in PEM", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("a certificate in {} is of no use as an authority", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("there is no authority in {}", .0.display())]
    Nobody(PathBuf),
}

impl Transport {
    /// TLS with certificates of the authorities in a file, and of nobody else.
    pub fn verified(file: &Path) -> Result<Self, AuthorityError> {
        let read = |source| AuthorityError::Read { path: file.to_owned(), source };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(read)? {
            let useless = |source| AuthorityError::Certificate { path: file.to_owned(), source };
            roots.add(certificate.map_err(read)?).map_err(useless)?;
        }
        if roots.is_empty() {
            return Err(AuthorityError::Nobody(file.to_owned()));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows both versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::Tls(TlsConnector::from(Arc::new(config))))
    }

    pub(super) async fn begin(&self, stream: TcpStream, endpoint: &Endpoint) -> io::Result<BackendStream> {
        match self {
            Self::Clear => Ok(BackendStream::Clear(stream)),
            Self::Tls(connector) => {
                let name = host(endpoint).map_err(io::Error::other)?;
                Ok(BackendStream::Tls(Box::new(connector.connect(name, stream).await?)))
            }
        }
    }
}

/// Whom the certificate has to name.
fn host(endpoint: &Endpoint) -> Result<ServerName<'static>, InvalidDnsNameError> {
    let host = endpoint.as_str().rsplit_once(':').map_or(endpoint.as_str(), |(host, _)| host);
    ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

impl fmt::Debug for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Clear => "Clear",
            Self::Tls(_) => "Tls(..)",
        })
    }
}

#[derive(Debug)]
pub enum BackendStream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for BackendStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for BackendStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(context, octets),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_has_to_name_the_host_of_the_endpoint() {
        for (endpoint, expected) in [
            ("10.0.0.7:143", "10.0.0.7"),
            ("[fd00::7]:143", "fd00::7"),
            ("store-1.example:143", "store-1.example"),
        ] {
            assert_eq!(host(&endpoint.parse().unwrap()).unwrap().to_str(), expected);
        }
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authorities.pem");
        assert!(matches!(Transport::verified(&file), Err(AuthorityError::Read { .. })));
        fs_err::write(&file, "").unwrap();
        assert!(matches!(Transport::verified(&file), Err(AuthorityError::Nobody(_))));
        let made = rcgen::generate_simple_self_signed(["store-1.example".to_owned()]).unwrap();
        fs_err::write(&file, made.cert.pem()).unwrap();
        assert!(matches!(Transport::verified(&file), Ok(Transport::Tls(_))));
    }
}
