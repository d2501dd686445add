//! The node's own key: who this node is, as long as its state lives.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData};
use understudy_core::model::id::NodeId;

/// What the certificate says; only its key counts.
const COMMON_NAME: &str = "understudy node";

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot make a key")]
    Make(#[source] rcgen::Error),
    #[error("the kept key is not readable")]
    Parse(#[source] rcgen::Error),
    #[error("cannot make a certificate")]
    Certificate(#[source] rcgen::Error),
}

/// A P-256 key with the certificate that it signed for itself.
pub struct NodeKey {
    pair: KeyPair,
    certificate: Vec<u8>,
}

impl NodeKey {
    /// A new key.
    pub fn make() -> Result<Self, KeyError> {
        Self::certified(KeyPair::generate().map_err(KeyError::Make)?)
    }

    /// A key that was kept.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::certified(KeyPair::from_pem(text).map_err(KeyError::Parse)?)
    }

    fn certified(pair: KeyPair) -> Result<Self, KeyError> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, COMMON_NAME);
        let certificate = parameters.self_signed(&pair).map_err(KeyError::Certificate)?.der().to_vec();
        Ok(Self { pair, certificate })
    }

    /// For keeping. Secret.
    pub fn to_pem(&self) -> String {
        self.pair.serialize_pem()
    }

    /// The same as PKCS #8 (DER). Secret.
    pub fn to_der(&self) -> Vec<u8> {
        self.pair.serialize_der()
    }

    /// The self-signed certificate (DER).
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// SubjectPublicKeyInfo (DER).
    pub fn public_key_info(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    /// What the site calls this node.
    pub fn node_id(&self) -> NodeId {
        NodeId::of_public_key(&self.public_key_info())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_the_same_node() {
        let key = NodeKey::make().unwrap();
        let again = NodeKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.node_id(), key.node_id());
        assert_ne!(NodeKey::make().unwrap().node_id(), key.node_id());
        assert!(NodeKey::from_pem("-----BEGIN PRIVATE KEY-----\n").is_err());
    }
}
