//! A server on a port of its own, over a store in a folder of its own.

use bytes::Bytes;
use jiff::Timestamp;
use mail::listen::{self, Limits, Rate};
use mail::login::{LogIn, LoginError, PlainLogin};
use mail::observe::Registry;
use mail::server::TlsStart;
use mail::tls::{Certificates, Files};
use mailstore::imap::{Config, Passwords, Server, Timeouts};
use mailstore::{AccountName, Delivery, Flags, MailboxName, Store};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Everybody's password.
pub const PASSWORD: &str = "a \"secret\"";

/// A name is the account of that name at example.org; the front end may act as anybody.
pub struct Everybody;

impl LogIn for Everybody {
    type Known = AccountName;

    async fn log_in(&self, _: IpAddr, login: PlainLogin) -> Result<AccountName, LoginError> {
        let name = String::from_utf8(login.name).map_err(|_| LoginError::Wrong)?;
        if name == "nobody-knows" {
            return Err(LoginError::Unavailable);
        }
        let is_right = login.password.reveal() == PASSWORD.as_bytes();
        let account = match login.acts_as {
            Some(other) if name == "proxy" => String::from_utf8(other).map_err(|_| LoginError::Wrong)?,
            Some(_) => return Err(LoginError::Wrong),
            None => name,
        };
        if is_right { Ok(account_of(&account)) } else { Err(LoginError::Wrong) }
    }
}

/// What a test may want otherwise.
pub struct Plan {
    pub tls_start: TlsStart,
    pub passwords: Passwords,
    pub timeouts: Timeouts,
    pub message_octets_max: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            tls_start: TlsStart::AtCommand,
            passwords: Passwords::UnderTlsOrLoopback,
            timeouts: Timeouts::default(),
            message_octets_max: 20 << 20,
        }
    }
}

pub struct House {
    pub address: SocketAddr,
    pub store: Store,
    pub files: Files,
    pub drain: CancellationToken,
    pub serving: JoinHandle<()>,
    registry: Registry,
    pub folder: TempDir,
}

impl House {
    /// With the account `ann`.
    pub async fn open(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { certificates: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
        write_certificate(&files);
        let certificates = Certificates::load(files.clone()).unwrap();
        let mut config = mailstore::Config::new(folder.path().join("store"));
        config.message_octets_max = plan.message_octets_max;
        let store = Store::open(&config).unwrap();
        store.create_account(&account_of("ann")).await.unwrap();
        let (listener, drain) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), CancellationToken::new());
        let address = listener.local_addr().unwrap();
        let server = server(plan.tls_start, plan.passwords, plan.timeouts, &store, Some(certificates));
        let registry = Registry::default();
        registry.add(server.numbers());
        let serving = tokio::spawn(listen::serve(server, listener, drain.clone()));
        Self { address, store, files, drain, serving, registry, folder }
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Into a mailbox of ann's.
    pub async fn put(&self, mailbox: &str, flags: Flags, content: impl Into<Vec<u8>>) {
        put(&self.store, mailbox, flags, content).await;
    }

    /// One number of the metrics; the name with its labels.
    pub fn number(&self, name: &str) -> u64 {
        let page = self.registry.page().to_string();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    pub async fn until_empty(&self) {
        let empty = async {
            while self.number("mail_sessions{listener=\"imap\"}") > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), empty).await.expect("a session does not end");
    }
}

pub fn server(
    tls_start: TlsStart,
    passwords: Passwords,
    timeouts: Timeouts,
    store: &Store,
    tls: Option<Certificates>,
) -> Arc<Server<Everybody>> {
    let rate = Rate { burst: 10_000, per_minute: 100_000 };
    let limits = Limits { sessions_max: 2000, sessions_per_client_max: 2000, connections_per_client: rate };
    let config = Config { limits, timeouts, ..Config::new("imap", tls_start, passwords) };
    Arc::new(Server::new(config, store.clone(), Arc::new(Everybody), tls).unwrap())
}

pub fn account_of(name: &str) -> AccountName {
    AccountName::new(&format!("{name}@example.org")).unwrap()
}

pub async fn put(store: &Store, mailbox: &str, flags: Flags, content: impl Into<Vec<u8>>) {
    let delivery = Delivery {
        account: account_of("ann"),
        mailbox: MailboxName::new(mailbox).unwrap(),
        content: Bytes::from(content.into()),
        received: Timestamp::from_second(1_000_000_000).unwrap(),
        flags,
        key: None,
    };
    store.append(delivery).await.unwrap();
}

/// A message with a subject, a date that its number makes, and a body.
pub fn message(number: u32, body: &str) -> String {
    let (minute, second) = (number / 60 % 60, number % 60);
    format!(
        "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: message {number}\r\n\
         Date: Mon, 7 Feb 1994 21:{minute:02}:{second:02} +0000\r\nMessage-ID: <{number}@example.org>\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    )
}

fn write_certificate(files: &Files) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(&files.certificates, &made.cert.pem());
    write(&files.key, &made.signing_key.serialize_pem());
}

pub fn write(path: &Path, text: &str) {
    fs_err::write(path, text).unwrap();
}
