//! Pairs under TLS: one whose certificate is another's gets no login, and so not the front end's secret.

use crate::house::{At, House, More, block_on, write_certificate};
use crate::pair::account_of;
use mail::tls::{Certificates, Files};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A pair under TLS that lets one client in, and the account as which it came.
fn pair(folder: &TempDir) -> (SocketAddr, Receiver<String>) {
    let file = |name: &str| folder.path().join(name);
    let files = Files { certificates: file("tls.crt"), key: file("tls.key") };
    let acceptor = Certificates::load(files).unwrap().acceptor();
    let (told, accounts) = channel();
    let (ready, address) = channel();
    std::thread::spawn(move || {
        block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ready.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                stream.write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR] ready\r\n").await.unwrap();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    continue;
                }
                told.send(account_of(line.trim_end())).unwrap();
                stream.write_all(b"a OK in\r\n").await.unwrap();
                let _ = stream.read_line(&mut line).await;
            }
        });
    });
    (address.recv().unwrap(), accounts)
}

#[test]
fn only_a_pair_that_shows_its_certificate_hears_the_secret() {
    let [known, unknown] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    write_certificate(&known, "localhost");
    write_certificate(&unknown, "localhost");
    let (good, good_accounts) = pair(&known);
    let (bad, bad_accounts) = pair(&unknown);
    let backend = format!("tls = 'verified'\nca_file = '{}'", known.path().join("tls.crt").display());
    let house = House::start(
        &[At::imap("p1", good), At::imap("p2", bad)],
        &[("ann", Some("p1")), ("bob", Some("p2"))],
        More { backend: Some(&backend), ..More::default() },
    );
    assert_eq!(house.imap().log_in("ann"), "l OK in");
    assert_eq!(good_accounts.recv().unwrap(), "ann@example.org");
    let said = house.imap().log_in("bob");
    assert!(said.starts_with("l NO [UNAVAILABLE] "), "{said}");
    assert!(bad_accounts.try_recv().is_err());
    house.measures("access_pair_failures_total{pair=\"p2\",listener=\"imap\",reason=\"tls\"} 1");
}
