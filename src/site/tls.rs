//! TLS of both APIs. What a server shows is the same; who may come in is each API's own.

use crate::authority::ServerIdentity;
use rustls::crypto::ring;
use rustls::server::danger::ClientCertVerifier;
use rustls::{Error, ServerConfig};
use std::sync::Arc;

/// TLS 1.3 with a chain that ends at the site's CA, and HTTP/1.1 in it.
pub fn server_config(
    identity: ServerIdentity,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(clients)
        .with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
