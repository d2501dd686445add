//! The first look at a site: its CA certificate, before this node has a key to be known by.
//!
//! Nothing is believed here. The short code makes a person the judge, and every later connection is checked
//! against this CA.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// For connecting and for each read or write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the site's CA is not known.
#[derive(Debug, thiserror::Error)]
pub enum FirstContactError {
    #[error("`{0}` is not a site's address; it looks like https://10.0.0.1:8443")]
    Address(String),
    #[error("cannot reach the site at {address}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("the site at {address} does not speak TLS as we do")]
    Tls {
        address: SocketAddr,
        #[source]
        source: Error,
    },
    #[error("the TLS conversation with {address} broke off")]
    Broken {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("the site at {0} shows no CA certificate")]
    NoCa(SocketAddr),
}

/// The last certificate (DER) of the chain that the site shows.
pub fn see_ca(site_url: &str) -> Result<Vec<u8>, FirstContactError> {
    let address = address(site_url).ok_or_else(|| FirstContactError::Address(site_url.to_owned()))?;
    let connect = |source| FirstContactError::Connect { address, source };
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE).map_err(connect)?;
    socket
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| socket.set_write_timeout(Some(PATIENCE)))
        .map_err(connect)?;
    let tls = |source| FirstContactError::Tls { address, source };
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Witness(provider)))
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), ServerName::IpAddress(address.ip().into())).map_err(tls)?;
    while connection.is_handshaking() {
        connection
            .complete_io(&mut socket)
            .map_err(|source| FirstContactError::Broken { address, source })?;
    }
    let chain = connection.peer_certificates().unwrap_or_default();
    // One certificate alone would be the server's own, which is replaced more often than the CA.
    match chain {
        [_, .., ca] => Ok(ca.to_vec()),
        _ => Err(FirstContactError::NoCa(address)),
    }
}

fn address(site_url: &str) -> Option<SocketAddr> {
    site_url.strip_prefix("https://")?.trim_end_matches('/').parse().ok()
}

/// Takes any certificate, but only from somebody who has its key.
#[derive(Debug)]
struct Witness(Arc<CryptoProvider>);

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_numeric_https_address_is_a_site() {
        assert_eq!(address("https://10.0.0.1:8443"), Some("10.0.0.1:8443".parse().unwrap()));
        for url in
            ["http://10.0.0.1:8443", "https://10.0.0.1", "https://site:8443", "https://10.0.0.1:8443/x", ""]
        {
            assert_eq!(address(url), None, "{url}");
        }
    }
}
