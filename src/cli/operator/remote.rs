//! A site on another computer: TLS that ends at the site's own CA, and a token.

use crate::cli::failure::Failure;
use hyper::Uri;
use hyper::header::HeaderValue;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;

/// RFC 9110, section 4.2.2.
const HTTPS_PORT: u16 = 443;

/// Where a site is: `https://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteUrl {
    /// As the URL has it, so an address of IPv6 is in brackets.
    host: String,
    port: u16,
}

/// The text is not the URL of a site.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the URL of a site, such as https://10.12.0.1:9443")]
pub struct SiteUrlError(String);

/// Who vouches for a site.
pub enum Trust {
    Certificates(RootCertStore),
    /// Of the CA's certificate (DER), which the site sends along.
    Digest(Sha256),
}

/// A site that is asked over TLS.
pub struct Remote {
    url: SiteUrl,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    authorization: HeaderValue,
}

impl FromStr for SiteUrl {
    type Err = SiteUrlError;

    fn from_str(text: &str) -> Result<Self, SiteUrlError> {
        let refuse = || SiteUrlError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let is_bare =
            uri.scheme_str() == Some("https") && matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority().filter(|authority| is_bare && !authority.as_str().contains('@'));
        let authority = authority.filter(|authority| !authority.host().is_empty()).ok_or_else(refuse)?;
        Ok(Self { host: authority.host().to_owned(), port: authority.port_u16().unwrap_or(HTTPS_PORT) })
    }
}

impl fmt::Display for SiteUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "https://{}:{}", self.host, self.port)
    }
}

impl Trust {
    /// The certificates of a file.
    pub fn certificates(file: &Path) -> Result<Self, Failure> {
        let hint = "the site's certificate is ca.crt of its state folder";
        let text = fs::read(file).map_err(|error| Failure::input(error).hint(hint))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text).flatten() {
            roots.add(certificate).map_err(|error| Failure::input(error).hint(hint))?;
        }
        match roots.is_empty() {
            true => {
                Err(Failure::input(anyhow::anyhow!("{} holds no certificate", file.display())).hint(hint))
            }
            false => Ok(Self::Certificates(roots)),
        }
    }

    fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        Ok(match self {
            Self::Certificates(roots) => builder.with_root_certificates(roots.clone()).with_no_client_auth(),
            Self::Digest(digest) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned { digest: *digest, provider }))
                .with_no_client_auth(),
        })
    }
}

impl Remote {
    pub fn new(url: SiteUrl, trust: &Trust, token: &str) -> Result<Self, Failure> {
        let host = url.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(Failure::input)?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            Failure::input(anyhow::anyhow!("the token is no token: it holds characters that none has"))
        })?;
        authorization.set_sensitive(true);
        Ok(Self { url, name, config: Arc::new(trust.config().map_err(Failure::operation)?), authorization })
    }

    pub fn url(&self) -> &SiteUrl {
        &self.url
    }

    /// The value of the header Host.
    pub fn host(&self) -> String {
        format!("{}:{}", self.url.host, self.url.port)
    }

    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    pub async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.host()).await?;
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }
}

/// Takes a chain that ends at the CA with this digest, and checks everything else as usual.
#[derive(Debug)]
struct Pinned {
    digest: Sha256,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pinned = intermediates.iter().find(|certificate| Sha256::of(certificate) == self.digest);
        let pinned = pinned.ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(pinned.clone().into_owned())?;
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
        let usual = usual.build().map_err(|error| Error::General(error.to_string()))?;
        usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_https_url_is_a_site() {
        for (text, shown) in [
            ("https://10.12.0.1:9443", "https://10.12.0.1:9443"),
            ("https://site.example.org/", "https://site.example.org:443"),
            ("https://[2001:db8::1]:9443", "https://[2001:db8::1]:9443"),
        ] {
            assert_eq!(text.parse::<SiteUrl>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "10.12.0.1:9443",
            "http://10.12.0.1",
            "https://a/b",
            "https://a?b",
            "https://u:p@a",
            "https://:1",
        ] {
            assert!(text.parse::<SiteUrl>().is_err(), "{text}");
        }
    }
}
