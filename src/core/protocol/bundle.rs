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
    /// The identity's data on this node's disk; `None` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeOrder>,
    pub secret: SealedSecret,
}

/// A volume of this identity, without which it must not be served. Where it is not there, it is made at the epoch at which it
/// is born, and at no other: at any later one it is lost, and an empty one would stand in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeOrder {
    pub born: Epoch,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A site and a node of different versions understand each other.
    #[test]
    fn a_bundle_without_a_volume_is_written_and_read_as_before_there_were_any() {
        let before = json!({
            "identity": "dns-1", "epoch": 2, "role": "dns", "cluster": "dns", "host_name": "dns-1.demo", "address": null,
            "members": [], "settings": {}, "secret": { "encapsulated_key": "", "ciphertext": "" },
        });
        let bundle: Bundle = serde_json::from_value(before.clone()).unwrap();
        assert_eq!((bundle.volume, serde_json::to_value(&bundle).unwrap()), (None, before));
        let with_volume = Bundle { volume: Some(VolumeOrder { born: Epoch::new(1) }), ..bundle };
        let text = serde_json::to_string(&with_volume).unwrap();
        assert!(text.contains(r#""volume":{"born":1}"#), "{text}");
        assert_eq!(serde_json::from_str::<Bundle>(&text).unwrap(), with_volume);
    }
}
