//! The loops together: a site on real TLS, and a machine whose services do not start.

use super::board::Board;
use super::heartbeat::Pulse;
use super::hold;
use crate::enrol::{ClientError, Kept, NodeKey, Site};
use crate::identity::{ActError, Epochs, Machine, Place, Remembered, Tenant, Tenure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use understudy_core::model::epoch::Epoch;
use understudy_core::model::name::Name;
use understudy_core::protocol::bundle::{AddressWithPrefix, Bundle, BundleRequest, SealedSecret};
use understudy_core::protocol::heartbeat::{Beat, Heartbeat, Order, Phase};

/// How long the machine's services hang.
const HANGS: Duration = Duration::from_secs(4);

/// A site that orders the same to whoever speaks, and keeps what it hears.
struct TestSite {
    kept: Kept,
    heard: Arc<Mutex<Vec<(Instant, Heartbeat)>>>,
    connections: Arc<AtomicU32>,
}

fn site(order: Order) -> TestSite {
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap().der().to_vec();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let connections = Arc::new(AtomicU32::new(0));
    let (told, count) = (heard.clone(), connections.clone());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            count.fetch_add(1, Ordering::Relaxed);
            let (config, told, order) = (config.clone(), told.clone(), order.clone());
            std::thread::spawn(move || {
                let tls = ServerConnection::new(config).unwrap();
                let mut stream = BufReader::new(StreamOwned::new(tls, socket.unwrap()));
                while let Some(body) = request(&mut stream) {
                    told.lock().unwrap().push((Instant::now(), serde_json::from_slice(&body).unwrap()));
                    let beat = Beat { order: order.clone(), probe: Vec::new(), next_in_ms: 100 };
                    let text = serde_json::to_string(&beat).unwrap();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
                    stream.get_mut().write_all(head.as_bytes()).unwrap();
                }
            });
        }
    });
    let kept = Kept { key: NodeKey::make().unwrap(), site: Site { url, ca: ca_certificate } };
    TestSite { kept, heard, connections }
}

/// The body of the next request; `None` at the end of the connection.
fn request(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

/// Everything works at once but the start of the services.
struct Hanging;

impl Machine for Hanging {
    fn now(&self) -> Duration {
        crate::console::since_kernel_start()
    }
    fn say(&mut self, _text: &str) {}
    fn keep_epochs(&mut self, _epochs: &Epochs) -> Result<(), ActError> {
        Ok(())
    }
    fn keep_tenure(&mut self, _tenure: Option<&Tenure>) -> Result<(), ActError> {
        Ok(())
    }
    fn fetch(&mut self, request: &BundleRequest) -> Result<Bundle, ActError> {
        Ok(Bundle {
            identity: request.identity.clone(),
            epoch: request.epoch,
            role: "dns".parse().unwrap(),
            cluster: "dns".parse().unwrap(),
            host_name: "dns.test".into(),
            address: None,
            members: Vec::new(),
            settings: Default::default(),
            volume: None,
            secret: SealedSecret { encapsulated_key: Vec::new(), ciphertext: Vec::new() },
        })
    }
    fn take_volume(&mut self, _bundle: &Bundle) -> Result<(), ActError> {
        Ok(())
    }
    fn render(&mut self, _bundle: &Bundle) -> Result<(), ActError> {
        Ok(())
    }
    fn open_ports(&mut self, _role: &Name) -> Result<(), ActError> {
        Ok(())
    }
    fn take_address(&mut self, _address: AddressWithPrefix) -> Result<(), ActError> {
        Ok(())
    }
    fn announce(&mut self, _address: AddressWithPrefix) -> Result<(), ActError> {
        Ok(())
    }
    fn start(&mut self, _role: &Name, _limit: Duration) -> Result<(), ActError> {
        std::thread::sleep(HANGS);
        Err(ActError::Fetch(ClientError::Refused { status: 500, said: "no start".into() }))
    }
    fn restart(&mut self, _role: &Name) -> Result<(), ActError> {
        Ok(())
    }
    fn check(&mut self, _place: &Place) -> Result<(), ActError> {
        Ok(())
    }
    fn drop_addresses(&mut self) -> Result<(), ActError> {
        Ok(())
    }
    fn close_ports(&mut self) -> Result<(), ActError> {
        Ok(())
    }
    fn stop_roles(&mut self) -> Result<(), ActError> {
        Ok(())
    }
    fn drop_volumes(&mut self) -> Result<(), ActError> {
        Ok(())
    }
    fn remove_rendered(&mut self) -> Result<(), ActError> {
        Ok(())
    }
}

/// Catches the mutant that beats between two acts of the tenant instead of beside them.
#[test]
fn heartbeats_go_on_over_one_connection_while_an_activation_hangs() {
    let order = Order::Hold { identity: "dns-1".parse().unwrap(), epoch: Epoch::new(3) };
    let site = site(order.clone());
    let board: &'static Board = Box::leak(Box::new(Board::new(None)));
    let pulse = Pulse::new(&site.kept, "boot".to_owned(), board);
    std::thread::spawn(move || -> () { pulse.run() });
    std::thread::spawn(move || -> () {
        hold(&mut Tenant::new(Hanging, Remembered::Tenure(None), Some(Epochs::default())), board)
    });
    let is_activating =
        |beat: &Heartbeat| beat.held.as_ref().is_some_and(|held| held.phase == Phase::Activating);
    let began = Instant::now();
    let hanging: Vec<Instant> = loop {
        std::thread::sleep(Duration::from_millis(50));
        let heard = site.heard.lock().unwrap();
        let hanging: Vec<Instant> =
            heard.iter().filter(|(_, beat)| is_activating(beat)).map(|(at, _)| *at).collect();
        // Two thirds of the time that the first start hangs.
        if hanging.first().zip(hanging.last()).is_some_and(|(first, last)| *last - *first > HANGS * 2 / 3) {
            break hanging;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{} heartbeats", heard.len());
    };
    assert!(hanging.len() >= 5, "every 100 ms, as the site asked: {}", hanging.len());
    let uptimes: Vec<u64> = site.heard.lock().unwrap().iter().map(|(_, beat)| beat.uptime_ms).collect();
    assert!(uptimes.is_sorted_by(|one, next| one < next), "a late one is told from a new one: {uptimes:?}");
    assert_eq!(site.connections.load(Ordering::Relaxed), 1, "kept alive");
    assert_eq!(board.word().0.order, order);
}
