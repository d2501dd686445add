//! A site in a folder of its own, with an image on its shelf, and a way to ask it as an operator.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use minisign::KeyPair;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;
use understudy_site::definition::{OperatorListen, SiteDefinition};
use understudy_site::registry::Registry;
use understudy_site::{Config, Listen, SiteError, build};

/// How long something may take to show.
const WITHIN: Duration = Duration::from_secs(20);

/// Who may log in to this site's nodes.
pub const OPERATOR_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann";

/// What a site is made of; outlives it.
pub struct Folder {
    pub folder: TempDir,
    pub key: KeyPair,
}

/// A site that runs.
pub struct Running {
    pub address: SocketAddr,
    pub operator_address: SocketAddr,
    pub ca: Vec<u8>,
    pub socket: PathBuf,
    pub registry: Registry,
    pub rescan: Arc<Notify>,
    token: CancellationToken,
    ended: JoinHandle<Result<(), SiteError>>,
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate_unencrypted_keypair().unwrap();
        let public = key.pk.to_box().unwrap().into_string();
        fs::write(&folder.path().join("key.pub"), public.as_bytes()).unwrap();
        let text = r#"
            name = "demo"
            state = "state"
            images = "images"
            image = "mail"
            image_keys = ["key.pub"]
            [[networks]]
            interface = "lo"
            address = "127.0.0.1/8"
            dhcp = "off"
            [enrolment]
            serials = ["LAB-1"]
            [operators]
            ssh_keys = ["@"]
        "#;
        let text = text.replace('@', OPERATOR_KEY);
        fs::write(&folder.path().join("site.toml"), text.as_bytes()).unwrap();
        Self { folder, key }
    }

    /// A folder with the image `mail 0.1.0` on its shelf.
    pub fn with_image() -> Self {
        let folder = Self::new();
        folder.image("mail", "0.1.0");
        folder
    }

    /// The same, with the identities `dns-1` of a role that the image has, and `web-1` of one that it lacks.
    pub fn with_identities() -> Self {
        let folder = Self::with_image();
        let path = folder.folder.path().join("site.toml");
        let more = r#"
            [[clusters]]
            name = "dns"
            role = "dns"
            [clusters.settings]
            networks = ["127.0.0.0/8"]
            [[clusters.identities]]
            name = "dns-1"
            address = "127.0.0.21"
            [[clusters]]
            name = "web"
            role = "webmail"
            [[clusters.identities]]
            name = "web-1"
            address = "127.0.0.31"
        "#;
        fs::write(&path, (fs::read_text(&path).unwrap() + more).as_bytes()).unwrap();
        folder
    }

    /// A folder with the image, and the identity `store-1`, which keeps data.
    pub fn with_store() -> Self {
        let folder = Self::with_image();
        let path = folder.folder.path().join("site.toml");
        let more = r#"
            [[clusters]]
            name = "store"
            role = "store"
            [[clusters.identities]]
            name = "store-1"
            address = "127.0.0.41"
        "#;
        fs::write(&path, (fs::read_text(&path).unwrap() + more).as_bytes()).unwrap();
        folder
    }

    /// Puts a small signed image on the shelf.
    pub fn image(&self, name: &str, version: &str) -> PathBuf {
        let folder = self.folder.path().join("images").join(format!("{name}-{version}"));
        fs::create_dir_all(&folder).unwrap();
        let files = [
            "vmlinuz",
            "initrd.zst",
            "image.efi",
            "netboot.efi",
            "root.squashfs",
            "root.verity",
            "disk.raw",
            "disk.raw.zst",
        ];
        let artifact = |file: &&str| {
            let content = format!("{file} of {name} {version}");
            fs::write(&folder.join(file), content.as_bytes()).unwrap();
            json!({ "file": file, "bytes": content.len(), "sha256": Sha256::of(content.as_bytes()) })
        };
        let artifacts: Vec<Value> = files.iter().map(artifact).collect();
        let key_id = understudy_core::trust::PublicKey::parse(&self.key.pk.to_box().unwrap().into_string());
        let manifest = json!({
            "format": 1, "name": name, "version": version, "architecture": "x86_64",
            "expires": "2099-01-01T00:00:00Z", "key_id": key_id.unwrap().id().to_string(),
            "root_hash": root_hash(version), "command_line": "quiet", "artifacts": artifacts,
            "roles": {
                "dns": { "services": ["unbound"], "cluster": "balanced", "exclusivity": "soft" },
                "store": { "services": ["unbound"], "cluster": "balanced", "exclusivity": "strict", "volume": true },
            },
        });
        self.sign(&folder, &manifest);
        folder
    }

    /// Signs a manifest into an image folder.
    pub fn sign(&self, folder: &Path, manifest: &Value) {
        let content = serde_json::to_vec(manifest).unwrap();
        let signature = minisign::sign(None, &self.key.sk, &content[..], None, None).unwrap().into_string();
        fs::write(&folder.join("manifest.json"), &content).unwrap();
        fs::write(&folder.join("manifest.json.minisig"), signature.as_bytes()).unwrap();
    }

    pub fn definition(&self) -> SiteDefinition {
        SiteDefinition::read(&self.folder.path().join("site.toml")).unwrap()
    }

    /// Starts the site.
    pub async fn start(&self) -> Running {
        let listen = Listen::Only("127.0.0.1:0".parse().unwrap());
        let mut definition = self.definition();
        let address = "127.0.0.1:0".parse().unwrap();
        definition.operator_api = Some(OperatorListen { address, names: Vec::new() });
        let site = build(Config { definition, listen }).await.unwrap();
        let token = CancellationToken::new();
        Running {
            address: site.node_addresses()[0],
            operator_address: site.operator_address().unwrap(),
            ca: site.ca().to_vec(),
            socket: site.socket(),
            registry: site.registry().clone(),
            rescan: site.rescan(),
            token: token.clone(),
            ended: tokio::spawn(site.run(token)),
        }
    }

    /// Starts the site and waits until its image is there.
    pub async fn start_with_shelf(&self) -> Running {
        let site = self.start().await;
        site.until("/v1/images", |images| !images.as_array().unwrap().is_empty()).await;
        site
    }
}

/// Of the image of [`Folder::image`].
pub fn root_hash(version: &str) -> Sha256 {
    Sha256::of(version.as_bytes())
}

impl Running {
    /// Ends the site and waits for all its parts.
    pub async fn stop(self) {
        let Self { token, ended, registry, .. } = self;
        // The registry goes on as long as somebody could ask it.
        drop(registry);
        token.cancel();
        tokio::time::timeout(WITHIN, ended).await.expect("the site ends").unwrap().unwrap();
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    /// Orders something that must be done.
    pub async fn order(&self, path: &str, body: Value) -> Value {
        let (status, value) = self.post(path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask("POST", path, body).await
    }

    pub async fn text(&self, path: &str) -> String {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        String::from_utf8(exchange(stream, "GET", path, Bytes::new()).await.unwrap().1.to_vec()).unwrap()
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let body = Bytes::from(body.to_string());
        let (status, answer) = exchange(stream, method, path, body).await.unwrap();
        (status, serde_json::from_slice(&answer).unwrap())
    }

    /// Asks again until the answer is as wanted.
    pub async fn until(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + WITHIN;
        loop {
            let value = self.get(path).await;
            if is_wanted(&value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{path} stays {value:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The kinds of all events.
    pub async fn kinds(&self) -> Vec<String> {
        let events = self.get("/v1/events?limit=1000").await;
        let kind = |event: &Value| event["kind"].as_str().unwrap().to_owned();
        events.as_array().unwrap().iter().map(kind).collect()
    }
}

/// One request over one connection.
pub async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: &str,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), hyper::Error> {
    exchange_as(stream, None, method, path, body).await
}

/// One request over one connection, with a token.
pub async fn exchange_as(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path);
    let mut request = request.header("host", "site").header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = sender.send_request(request.body(Full::new(body)).unwrap()).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    drop(sender);
    // How the connection ends after the answer is its own business.
    let _ = driver.await;
    Ok((status, answer))
}
