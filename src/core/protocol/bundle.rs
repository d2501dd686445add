//! What a node needs to act under an identity.

use crate::model::epoch::Epoch;
use crate::model::name::Name;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Which identity, at which epoch: answered only to its holder, and only at its newest epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleRequest {
    pub identity: Name,
    pub epoch: Epoch,
}

/// An identity as its holder needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    pub identity: Name,
    pub epoch: Epoch,
    /// Whose systemd target is started: `understudy-role-NAME.target`.
    pub role: Name,
    pub cluster: Name,
    pub host_name: String,
    /// The identity address; `None` where the identity serves under the node address.
    pub address: Option<AddressWithPrefix>,
    /// All members of the cluster, this one included, in the order of their names.
    pub members: Vec<Member>,
    /// `[clusters.settings]` of the site file, for the templates of the role's services.
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub secret: SealedSecret,
}

/// An address and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressWithPrefix {
    pub address: IpAddr,
    pub prefix: u8,
}

/// One identity of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub identity: Name,
    pub host_name: String,
    pub address: Option<IpAddr>,
}

/// The identity's secret of this epoch, readable with the node's key alone: HPKE (RFC 9180) in base mode,
/// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305. Services derive their own secrets from it by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    #[serde(with = "hex::serde")]
    pub encapsulated_key: Vec<u8>,
    #[serde(with = "hex::serde")]
    pub ciphertext: Vec<u8>,
}
