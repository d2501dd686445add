//! A server on a port of its own, whose policy does what addresses say and keeps what arrives.

use mail::command::{Mail, Rcpt};
use mail::content::{Spool, SpoolConfig};
use mail::data::LongLines;
use mail::engine::{self, Protocol, Tls};
use mail::message_id::MessageId;
use mail::observe::Registry;
use mail::reply::{Refusal, Status, Text};
use mail::server::{Arrived, Config, Limits, Peer, Policy, Server, Timeouts, TlsStart, Unwelcome};
use mail::tls::{Certificates, Files};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a policy was given.
#[derive(Clone, Debug)]
pub struct Got {
    pub from: String,
    pub to: Vec<String>,
    pub content: Vec<u8>,
    pub with: &'static str,
    pub tls: Option<String>,
}

#[derive(Default)]
pub struct Post {
    got: Mutex<Vec<Got>>,
}

impl Policy for Post {
    type Session = Peer;

    async fn connected(&self, peer: Peer) -> Result<Peer, Unwelcome> {
        // No client here comes from there, unless it binds to that address.
        if peer.client.ip() == std::net::IpAddr::from([127, 0, 0, 66]) {
            return Err(Unwelcome { status: Status::new(7, 1), text: Text::fixed("Not you") });
        }
        Ok(peer)
    }

    async fn sender(&self, _: &mut Peer, _: MessageId, mail: Mail) -> Result<(), Refusal> {
        answer(&mail.from.to_string()).await
    }

    async fn recipient(&self, _: &mut Peer, rcpt: Rcpt) -> Result<(), Refusal> {
        answer(&rcpt.to.to_string()).await
    }

    async fn message(&self, _: &mut Peer, arrived: Arrived) -> Vec<Result<Text, Refusal>> {
        let envelope = &arrived.envelope;
        let to: Vec<_> = envelope.recipients.iter().map(|rcpt| rcpt.to.to_string()).collect();
        if envelope.mail.from.to_string().contains("later") {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        let outcomes = to.iter().map(|to| outcome(to)).collect();
        let got = Got {
            from: envelope.mail.from.to_string(),
            to,
            content: arrived.content.all().await.unwrap().to_vec(),
            with: envelope.transmission(),
            tls: arrived.tls,
        };
        self.got.lock().unwrap().push(got);
        outcomes
    }
}

/// An address says what becomes of it.
async fn answer(address: &str) -> Result<(), Refusal> {
    match address {
        text if text.contains("green") => Err(refusal(550, 1, 1, "No such user")),
        text if text.contains("slow") => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn outcome(address: &str) -> Result<Text, Refusal> {
    if address.contains("full") { Err(refusal(452, 2, 2, "Mailbox full")) } else { Ok(Text::of("Delivered")) }
}

fn refusal(code: u16, subject: u16, detail: u16, text: &str) -> Refusal {
    Refusal::new(code, Status::new(subject, detail), text).unwrap()
}

/// What a test may want otherwise.
pub struct Plan {
    pub protocol: Protocol,
    pub tls: Tls,
    pub tls_start: TlsStart,
    pub limits: Limits,
    pub session: engine::Limits,
    pub timeouts: Timeouts,
    pub message_octets_max: u64,
    pub spool_octets_max: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            protocol: Protocol::Smtp,
            tls: Tls::Offered,
            tls_start: TlsStart::AtCommand,
            limits: Limits::default(),
            session: engine::Limits::default(),
            timeouts: Timeouts::default(),
            message_octets_max: 20 << 20,
            spool_octets_max: 100 << 20,
        }
    }
}

pub struct House {
    pub address: SocketAddr,
    pub files: Files,
    pub certificates: Certificates,
    pub drain: CancellationToken,
    pub spool: Arc<Spool>,
    pub registry: Registry,
    post: Arc<Post>,
    pub serving: JoinHandle<()>,
    _folder: TempDir,
}

impl House {
    pub async fn open(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { certificates: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
        write_certificate(&files);
        let certificates = Certificates::load(files.clone()).unwrap();
        let post = Arc::new(Post::default());
        let spool = Spool::new(SpoolConfig {
            folder: folder.path().to_owned(),
            memory_octets_max: 100_000,
            octets_max: plan.spool_octets_max,
        });
        let config = plan.config();
        let server =
            Server::new(config, Arc::clone(&post), Some(certificates.clone()), Arc::clone(&spool)).unwrap();
        let registry = Registry::default();
        registry.add(server.numbers());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let token = drain.clone();
        let serving = tokio::spawn(async move { server.serve(listener, token).await });
        Self { address, files, certificates, drain, spool, registry, post, serving, _folder: folder }
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    pub fn certificate(&self) -> PathBuf {
        self.files.certificates.clone()
    }

    pub fn got(&self) -> Vec<Got> {
        self.post.got.lock().unwrap().clone()
    }

    /// One number of the metrics; the name with its labels behind the listener's.
    pub fn number(&self, name: &str) -> u64 {
        let page = self.registry.page().to_string();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    pub fn open_sessions(&self) -> u64 {
        self.number("mail_sessions{listener=\"test\"}")
    }

    pub async fn until_empty(&self) {
        let empty = async {
            while self.open_sessions() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), empty).await.expect("a session does not end");
        assert_eq!(self.spool.used(), 0, "a content is kept that nobody needs");
    }
}

impl Plan {
    fn config(&self) -> Config {
        let engine = engine::Config {
            protocol: self.protocol,
            host: "localhost".parse().unwrap(),
            tls: self.tls,
            message_octets_max: self.message_octets_max,
            long_lines: LongLines::Accept,
            limits: self.session,
        };
        Config {
            name: "test",
            engine,
            tls_start: self.tls_start,
            limits: self.limits,
            timeouts: self.timeouts,
        }
    }
}

pub fn write_certificate(files: &Files) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs_err::write(&files.certificates, made.cert.pem()).unwrap();
    fs_err::write(&files.key, made.signing_key.serialize_pem()).unwrap();
}
