//! Answers that no BMC should give: too large, too slow, elsewhere, not Redfish.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};
use understudy_core::base::sha256::Sha256;
use understudy_rack::redfish::{
    CertificateTrust, Login, Patience, Power, Redfish, RedfishError, Reset, Word,
};

const PATIENCE: Patience =
    Patience { connect_max: Duration::from_millis(500), answer_max: Duration::from_millis(500) };
const UUID: &str = "00112233-4455-6677-8899-aabbccddeeff";

type Answer = dyn Fn(&str) -> String + Send + Sync;

/// Answers each path with raw bytes.
struct Host {
    address: SocketAddr,
    /// Request lines, in order.
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Host {
    async fn new(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::with_tls(answer, None).await
    }

    async fn with_tls(
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, lines): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, lines, tls) = (Arc::clone(&answer), Arc::clone(&lines), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, &*answer, &lines).await,
                        // A client that does not trust us goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*answer, &lines).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    fn client(&self) -> Redfish {
        let url = format!("http://{}", self.address).parse().unwrap();
        Redfish::new(url, None, login(), PATIENCE, Some(UUID.to_owned())).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn login() -> Login {
    Login { user: "u".to_owned(), password: "p".to_owned() }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Answer, lines: &Mutex<Vec<String>>) {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        text.extend_from_slice(&buffer[..count]);
        let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&text[..end]).into_owned();
        text.clear();
        let line = head.lines().next().unwrap().to_owned();
        lines.lock().unwrap().push(line.clone());
        if stream.write_all(answer(&line).as_bytes()).await.is_err() {
            return;
        }
    }
}

fn json(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

/// A BMC that is as it should be, but for the system itself.
fn bmc(line: &str, system: &str) -> String {
    if line.starts_with("GET /redfish/v1/ ") {
        json(r#"{"Systems": {"@odata.id": "/redfish/v1/Systems"}}"#)
    } else if line.starts_with("GET /redfish/v1/Systems ") {
        json(r#"{"Members": [{"@odata.id": "/redfish/v1/Systems/1"}]}"#)
    } else {
        system.to_owned()
    }
}

async fn word(system: &'static str) -> Word {
    let host = Host::new(move |line| bmc(line, system)).await;
    host.client().look().await.unwrap_err().word()
}

#[tokio::test]
async fn what_is_not_redfish_is_garbage() {
    for system in ["[]", "", "{\"PowerState\": 7}", "<html>", "{\"PowerState\": \"Off\""] {
        let text: &'static str = json(system).leak();
        assert_eq!(word(text).await, Word::Garbage, "{system}");
    }
    for root in [r#"{"Systems": {"@odata.id": "//evil/redfish"}}"#, r#"{"Systems": 1}"#, r#"{}"#] {
        let host = Host::new(move |_| json(root)).await;
        assert_eq!(host.client().look().await.unwrap_err().word(), Word::Garbage, "{root}");
        assert_eq!(host.asked().len(), 1);
    }
}

/// Mutant: the body is collected without a limit.
#[tokio::test]
async fn an_answer_without_an_end_is_not_waited_for_nor_kept() {
    let huge: &'static str = json(&format!("{{\"x\": \"{}\"}}", "a".repeat(1 << 20))).leak();
    assert_eq!(word(huge).await, Word::Garbage);
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";
    assert_eq!(word(endless).await, Word::Unreachable);
    let silent = "";
    assert_eq!(word(silent).await, Word::Unreachable);
    let headers: &'static str = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(100_000)).leak();
    assert_eq!(word(headers).await, Word::Unreachable);
}

/// Mutant: a redirect counts as success, or is followed.
#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let elsewhere = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&elsewhere);
    let other = Host::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        json(r#"{"PowerState": "Off", "UUID": "00112233-4455-6677-8899-aabbccddeeff"}"#)
    })
    .await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let to =
            format!("HTTP/1.1 {status}\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", other.address);
        let to: &'static str = to.leak();
        assert_eq!(word(to).await, Word::Refused, "{status}");
    }
    assert_eq!(elsewhere.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn refusals_are_told_with_what_the_bmc_says() {
    for status in ["401 Unauthorized", "403 Forbidden", "500 Oops", "503 Busy"] {
        let body = r#"{"error": {"code": "x", "message": "not today"}}"#;
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let text: &'static str = text.leak();
        let host = Host::new(move |line| bmc(line, text)).await;
        let error = host.client().look().await.unwrap_err();
        assert_eq!(error.word(), Word::Refused);
        assert!(
            error.to_string().ends_with(&format!("HTTP {} and says: not today", &status[..3])),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_blade_with_our_uuid_is_found_in_either_byte_order_and_no_other_is_ordered() {
    let chassis = |line: &str| {
        if line.starts_with("GET /redfish/v1/Systems ") {
            json(r#"{"Members": [{"@odata.id": "/s/1"}, {"@odata.id": "/s/2"}]}"#)
        } else if line.starts_with("GET /s/1 ") {
            json(r#"{"PowerState": "On", "UUID": "ffeeddcc-4455-6677-8899-aabbccddeeff"}"#)
        } else if line.starts_with("GET /s/2 ") {
            json(r#"{"PowerState": "Off", "UUID": "33221100-5544-7766-8899-AABBCCDDEEFF"}"#)
        } else if line.starts_with("POST") {
            "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
        } else {
            bmc(line, "")
        }
    };
    let host = Host::new(chassis).await;
    let client = host.client();
    let seen = client.look().await.unwrap();
    assert_eq!((seen.power, seen.uuid.as_deref()), (Power::Off, Some(UUID)));
    client.order(Reset::ForceOff).await.unwrap();
    let posts: Vec<_> = host.asked().into_iter().filter(|line| line.starts_with("POST")).collect();
    assert_eq!(posts, ["POST /s/2/Actions/ComputerSystem.Reset HTTP/1.1"]);
}

/// Mutant: `check_uuid` is left out of `order`.
#[tokio::test]
async fn no_order_goes_to_a_machine_that_is_not_ours_or_does_not_say_whose_it_is() {
    for system in [
        r#"{"PowerState": "On", "UUID": "ffeeddcc-4455-6677-8899-aabbccddeeff"}"#,
        r#"{"PowerState": "On", "UUID": null}"#,
        r#"{"PowerState": "On"}"#,
    ] {
        let text: &'static str = json(system).leak();
        let host = Host::new(move |line| bmc(line, text)).await;
        let error = host.client().order(Reset::ForceOff).await.unwrap_err();
        assert_eq!(error.word(), Word::OtherMachine, "{system}");
        assert!(host.asked().iter().all(|line| !line.starts_with("POST")), "{system}");
    }
}

fn certificate() -> (TlsAcceptor, Sha256) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["bmc".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let digest = Sha256::of(cert.der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), digest)
}

/// Mutant: any certificate counts when one is pinned.
#[tokio::test]
async fn a_pinned_certificate_is_the_only_one_that_gets_the_password() {
    let system: &'static str = json(&format!(r#"{{"PowerState": "On", "UUID": "{UUID}"}}"#)).leak();
    let (tls, digest) = certificate();
    let (_, other) = certificate();
    let host = Host::with_tls(move |line| bmc(line, system), Some(tls)).await;
    let url = || format!("https://{}", host.address).parse().unwrap();
    let client = |trust| Redfish::new(url(), trust, login(), PATIENCE, Some(UUID.to_owned()));
    for trust in [CertificateTrust::Pinned(digest), CertificateTrust::Unchecked] {
        assert_eq!(client(Some(trust)).unwrap().look().await.unwrap().power, Power::On, "{trust:?}");
    }
    let before = host.asked().len();
    let wrong = client(Some(CertificateTrust::Pinned(other))).unwrap().look().await.unwrap_err();
    assert_eq!((wrong.word(), host.asked().len()), (Word::Unreachable, before));
    assert!(matches!(client(None), Err(RedfishError::NoTrust(_))));
}
