//! TLS of the operator API: the site shows who it is, a token inside says who asks.

use crate::authority::ServerIdentity;
use rustls::crypto::ring;
use rustls::{Error, ServerConfig};
use std::sync::Arc;

/// TLS 1.3 with a chain that ends at the site's CA.
pub fn server_config(identity: ServerIdentity) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
