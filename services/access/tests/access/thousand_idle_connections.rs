//! A thousand clients under TLS that wait for mail: what each of them costs.

use crate::house::{At, House, More, PASSWORD, block_on};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const CLIENTS: usize = 1000;
const AT_ONCE: usize = 20;
const KIB_MAX: u64 = 200 * 1024;

type Client = BufReader<TlsStream<TcpStream>>;

/// IMAP that lets everybody in, and says what was said to it.
async fn pair(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut stream = BufReader::with_capacity(256, stream);
            let mut line = String::new();
            stream.write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR] ready\r\n").await?;
            stream.read_line(&mut line).await?;
            stream.write_all(b"a OK in\r\n").await?;
            loop {
                line.clear();
                if stream.read_line(&mut line).await? == 0 {
                    return std::io::Result::Ok(());
                }
                stream.write_all(line.as_bytes()).await?;
            }
        });
    }
}

fn connector(ca: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn ask(client: &mut Client, line: &str) -> String {
    client.write_all(line.as_bytes()).await.unwrap();
    client.flush().await.unwrap();
    let mut answer = String::new();
    client.read_line(&mut answer).await.unwrap();
    answer
}

async fn log_in(address: SocketAddr, connector: TlsConnector) -> Client {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = BufReader::with_capacity(512, connector.connect(name, stream).await.unwrap());
    let mut greeting = String::new();
    client.read_line(&mut greeting).await.unwrap();
    assert!(greeting.starts_with("* OK "), "{greeting}");
    let answer = ask(&mut client, &format!("a LOGIN ann@example.org \"{PASSWORD}\"\r\n")).await;
    assert_eq!(answer, "a OK in\r\n");
    client
}

fn resident_kib(id: u32) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_thousand_idle_clients_fit_into_200_mib() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let at = At::imap("p1", listener.local_addr().unwrap());
    let tables = "[limits]\nsessions_max = 1000\nsessions_per_client_max = 1000\nconnections_per_client_burst = 1000\n\
        [logins]\nwrong_per_client_and_account_max = 1000\nwrong_per_client_max = 1000\n";
    let house = House::start(&[at], &[("ann", Some("p1"))], More { tables, ..More::default() });
    let (address, connector) = (house.address("imap", "at-once"), connector(&house.ca_file()));
    block_on(async {
        tokio::spawn(pair(TcpListener::from_std(listener).unwrap()));
        let mut clients = Vec::new();
        while clients.len() < CLIENTS {
            let some = (0..AT_ONCE).map(|_| tokio::spawn(log_in(address, connector.clone())));
            for client in some.collect::<Vec<_>>() {
                clients.push(client.await.unwrap());
            }
        }
        let kib = resident_kib(house.id());
        println!("{CLIENTS} idle sessions under TLS: {kib} KiB resident");
        assert!(kib < KIB_MAX, "{kib} KiB");
        for client in &mut clients {
            assert_eq!(ask(client, "b NOOP\r\n").await, "b NOOP\r\n");
        }
    });
}
