//! A machine that asks to join: its key, its hardware, and what it says.

use crate::fixture::{Running, exchange, exchange_as, root_hash};
use hyper::StatusCode;
use hyper::body::Bytes;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use understudy_core::model::id::NodeId;

/// A machine.
pub struct Node {
    pub certificate: CertificateDer<'static>,
    pub key: KeyPair,
    pub serial: String,
    pub uuid: Option<String>,
    pub mac: String,
    pub disk_serial: String,
    pub content: Value,
}

impl Node {
    /// With a key of its own; `name` is in all its serials.
    pub fn new(name: &str, mac: u8) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap().der().clone();
        Self {
            certificate,
            key,
            serial: format!("S-{name}"),
            uuid: Some(format!("uuid-{name}")),
            mac: format!("52:54:00:00:00:{mac:02x}"),
            disk_serial: format!("D-{name}"),
            content: json!({ "kind": "empty" }),
        }
    }

    pub fn id(&self) -> NodeId {
        NodeId::of_public_key(&rcgen::PublicKeyData::subject_public_key_info(&self.key))
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    pub fn inventory(&self) -> Value {
        json!({
            "system": { "manufacturer": "Lab", "product": "VM", "serial": self.serial, "uuid": self.uuid },
            "firmware": "uefi", "secure_boot": false, "tpm": false, "processor": "cpu", "processors": 2,
            "memory_bytes": 1 << 30,
            "disks": [{ "name": "vda", "serial": self.disk_serial, "wwn": null, "model": "disk",
                        "bytes": 1u64 << 40, "content": self.content }],
            "interfaces": [], "bmc": null,
        })
    }

    pub fn hello(&self, boot: &str) -> Value {
        json!({ "boot_id": boot, "source": { "kind": "network" }, "mac": self.mac, "inventory": self.inventory() })
    }

    pub fn hello_from_disk(&self, boot: &str) -> Value {
        let source = json!({
            "kind": "disk", "disk_serial": self.disk_serial, "slot": "A", "root_hash": root_hash("0.1.0"),
            "vouched_by": serde_json::to_value(understudy_core::formats::boot_facts::Vouched::Nobody).unwrap(),
            "name": "mail", "version": "0.1.0",
        });
        let slot = serde_json::to_value(understudy_core::formats::disk_layout::Slot::A).unwrap();
        let mut hello = self.hello(boot);
        hello["source"] = source;
        hello["source"]["slot"] = slot;
        hello
    }

    pub async fn enrol(&self, site: &Running, hello: &Value) -> Value {
        self.say(site, "/v1/enrol", hello).await
    }

    pub async fn report(&self, site: &Running, boot: &str, status: Value) -> Value {
        self.say(site, "/v1/report", &json!({ "boot_id": boot, "status": status })).await
    }

    /// From a stranger to a node that runs from its own disk, healthy.
    pub async fn become_spare(&self, site: &Running, boot: &str) {
        self.enrol(site, &self.hello("install")).await;
        site.order(&format!("/v1/nodes/{}/approve", self.id()), json!({})).await;
        self.report(site, "install", json!({ "kind": "waiting" })).await;
        self.report(site, "install", json!({ "kind": "installed" })).await;
        self.boot(site, boot).await;
    }

    /// Starts from its own disk.
    pub async fn boot(&self, site: &Running, boot: &str) {
        let told = self.enrol(site, &self.hello_from_disk(boot)).await;
        let ready = json!({ "kind": "ready", "nonce": told["nonce"] });
        assert_eq!(self.report(site, boot, ready).await["action"]["kind"], "stay");
    }

    pub async fn say(&self, site: &Running, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request(site, "POST", path, body.to_string().into()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Any request over this node's connection.
    pub async fn request(
        &self,
        site: &Running,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> (StatusCode, Value) {
        let (status, answer) = self.request_raw(site, method, path, body).await;
        (status, serde_json::from_slice(&answer).unwrap())
    }

    /// A request whose answer need not be JSON.
    pub async fn request_raw(
        &self,
        site: &Running,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> (StatusCode, Bytes) {
        let stream = self.connect(site).await.unwrap();
        exchange(stream, method, path, body).await.unwrap()
    }

    async fn connect(&self, site: &Running) -> std::io::Result<TlsStream<TcpStream>> {
        let chain = vec![self.certificate.clone()];
        let config = client(site).with_client_auth_cert(chain, self.private_key()).unwrap();
        tls(site, config).await
    }

    /// Shows another node's certificate and signs with this one's key.
    pub async fn connect_as(&self, other: &Self, site: &Running) -> Result<(), String> {
        let key = ring::sign::any_supported_type(&self.private_key()).unwrap();
        let certified = CertifiedKey::new(vec![other.certificate.clone()], key);
        let config = client(site).with_client_cert_resolver(Arc::new(Always(Arc::new(certified))));
        reach(site, config).await
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

/// A client that trusts the site's CA and nobody else.
fn client(site: &Running) -> Builder {
    client_of(site, &rustls::version::TLS13)
}

fn client_of(site: &Running, version: &'static rustls::SupportedProtocolVersion) -> Builder {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(site.ca.clone())).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots)
}

async fn tls(site: &Running, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(site.address).await?;
    TlsConnector::from(Arc::new(config)).connect(site.address.ip().into(), stream).await
}

/// Whether anything is answered at all: in TLS 1.3 a refused certificate shows at the first read.
async fn reach(site: &Running, config: ClientConfig) -> Result<(), String> {
    let stream = tls(site, config).await.map_err(|error| error.to_string())?;
    let answer = exchange(stream, "POST", "/v1/enrol", Bytes::new()).await;
    answer.map(drop).map_err(|error| understudy_core::base::causes::with_causes(&error))
}

/// A client without a certificate.
pub async fn connect_anonymously(site: &Running) -> Result<(), String> {
    reach(site, client(site).with_no_client_auth()).await
}

/// A client that speaks nothing newer than TLS 1.2.
pub async fn connect_with_old_tls(node: &Node, site: &Running) -> Result<(), String> {
    let chain = vec![node.certificate.clone()];
    let config = client_of(site, &rustls::version::TLS12).with_client_auth_cert(chain, node.private_key());
    reach(site, config.unwrap()).await
}

/// A request to the operators' door, from an address of this machine.
pub async fn ask_over_tls(
    site: &Running,
    from: std::net::Ipv4Addr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (StatusCode, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let stream = socket.connect(site.operator_address).await.unwrap();
    let config = Arc::new(client(site).with_no_client_auth());
    let stream = TlsConnector::from(config).connect(site.operator_address.ip().into(), stream).await.unwrap();
    let body = Bytes::from(body.to_owned());
    let (status, answer) = exchange_as(stream, token, method, path, body).await.unwrap();
    (status, String::from_utf8(answer.to_vec()).unwrap())
}
