//! A node that says that it lives, does what it hears, and opens what was sealed for it.

use crate::fixture::Running;
use crate::node::Node;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, single_shot_open};
use hyper::StatusCode;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Nodes that speak in turn, each over a connection of its own.
pub struct Rack<'a> {
    pub nodes: Vec<Living<'a>>,
    began: Instant,
}

/// One of them.
pub struct Living<'a> {
    pub node: &'a Node,
    pub boot: &'a str,
    pub held: Value,
    pub told: Value,
}

impl<'a> Rack<'a> {
    pub fn of(nodes: &[&'a Node], boot: &'a str) -> Self {
        let living = |node: &&'a Node| Living { node, boot, held: Value::Null, told: Value::Null };
        Self { nodes: nodes.iter().map(living).collect(), began: Instant::now() }
    }

    /// Lets all speak until the identities are as wanted.
    pub async fn live_until(&mut self, site: &Running, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            for node in &mut self.nodes {
                node.beat(site, self.began.elapsed()).await;
            }
            let identities = site.get("/v1/identities").await;
            if is_wanted(&identities) {
                return identities;
            }
            assert!(Instant::now() < deadline, "{identities:#} {:#}", site.get("/v1/rack").await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The one that was told to hold something.
    pub fn holder(&self) -> &Living<'a> {
        self.nodes.iter().find(|node| node.told["order"]["kind"] == "hold").unwrap()
    }
}

impl Living<'_> {
    async fn beat(&mut self, site: &Running, uptime: Duration) {
        let uptime_ms = u64::try_from(uptime.as_millis()).unwrap();
        let body = json!({ "boot_id": self.boot, "uptime_ms": uptime_ms, "held": self.held, "seen": [] });
        let (status, told) = self.node.request(site, "POST", "/v1/heartbeat", body.to_string().into()).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let order = told["order"].clone();
        let phase = match order["kind"].as_str().unwrap() {
            "hold" => Some("serving"),
            "release" => Some("released"),
            _ => None,
        };
        if let Some(phase) = phase {
            let (identity, epoch) = (&order["identity"], &order["epoch"]);
            self.held = json!({ "identity": identity, "epoch": epoch, "phase": { "kind": phase } });
        }
        // What was given up is said until nobody asks any more.
        if phase.is_none() && self.held["phase"]["kind"] == "released" {
            self.held = Value::Null;
        }
        self.told = told;
    }
}

/// What a node gets for an identity at an epoch.
pub async fn bundle(node: &Node, site: &Running, identity: &str, epoch: u64) -> (StatusCode, Value) {
    let body = json!({ "identity": identity, "epoch": epoch }).to_string();
    node.request(site, "POST", "/v1/bundle", body.into()).await
}

/// The secret of a bundle, with the node's own key.
pub fn opened(node: &Node, bundle: &Value) -> Vec<u8> {
    // PKCS #8 of a P-256 key: the octet string with the 32 bytes of the private key (RFC 5915, section 3).
    let der = node.key.serialize_der();
    let at = der.windows(5).position(|part| part == [0x02, 0x01, 0x01, 0x04, 0x20]).unwrap() + 5;
    let key = <DhP256HkdfSha256 as Kem>::PrivateKey::from_bytes(&der[at..at + 32]).unwrap();
    let bytes = |name: &str| hex::decode(bundle["secret"][name].as_str().unwrap()).unwrap();
    let encapsulated =
        <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(&bytes("encapsulated_key")).unwrap();
    let bound = format!("{}/{}/{}", bundle["identity"].as_str().unwrap(), bundle["epoch"], node.id());
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &key,
        &encapsulated,
        b"understudy identity secret v1",
        &bytes("ciphertext"),
        bound.as_bytes(),
    )
    .unwrap()
}
