//! Databases that are not there, go, come back, hang, or are somebody else's.

use crate::server::Server;
use crate::{Book, with_sqlite};
use mail::directory::database::{Database, MariaDb, MariaDbOptions, Presence, Sqlite, Transport};
use mail::directory::{Directory, DirectoryError, DirectorySettings, Records};
use std::net::TcpListener;
use std::time::{Duration, Instant};

fn records(options: &MariaDbOptions) -> Records {
    Records::new(Database::MariaDb(MariaDb::new(options)))
}

async fn asks(records: &Records) -> bool {
    match records.recipient(&"joe@here.org".parse().unwrap()).await {
        Ok(_) => true,
        // Never "no such user" because of a failure.
        Err(DirectoryError::Database(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_is_used_again_when_it_is_back() {
    let mut server = Server::start(&[]);
    let records = records(&server.options());
    records.upgrade().await.unwrap();
    assert!(asks(&records).await);
    server.kill();
    let began = Instant::now();
    assert!(!asks(&records).await);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    server.run();
    assert!(asks(&records).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_or_does_not_let_in_holds_nobody_for_long() {
    let server = Server::start(&[]);
    let without_password = MariaDbOptions { password: None, ..server.options() };
    assert!(!asks(&records(&without_password)).await);
    let records = records(&server.options());
    records.upgrade().await.unwrap();
    server.signal("-STOP");
    let began = Instant::now();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let records = records.clone();
            tokio::spawn(async move { asks(&records).await })
        })
        .collect();
    for asked in waiting {
        assert!(!asked.await.unwrap());
    }
    let took = began.elapsed();
    server.signal("-CONT");
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert!(asks(&records).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_only_spoken_with_the_server_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs_err::write(path("cert.pem"), issued.cert.pem()).unwrap();
    fs_err::write(path("other.pem"), other.cert.pem()).unwrap();
    fs_err::write(path("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    for name in ["", "cert.pem", "key.pem"] {
        let mode = if name.is_empty() { 0o755 } else { 0o644 };
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs_err::set_permissions(path(name), mode).unwrap();
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(&[
        &format!("--port={port}"),
        "--bind-address=127.0.0.1",
        &format!("--ssl-cert={}", path("cert.pem").display()),
        &format!("--ssl-key={}", path("key.pem").display()),
    ]);
    records(&server.options()).upgrade().await.unwrap();
    let with = |transport| records(&MariaDbOptions { transport, ..server.options() });
    let tls = |host: &str, authorities: &str| {
        with(Transport::Tls { host: host.to_owned(), port, authorities: Some(path(authorities)) })
    };
    assert!(asks(&tls("localhost", "cert.pem")).await);
    assert!(!asks(&tls("127.0.0.1", "cert.pem")).await, "the certificate is for another name");
    assert!(!asks(&tls("localhost", "other.pem")).await, "the certificate is somebody else's");
    assert!(asks(&with(Transport::Clear { host: "127.0.0.1".to_owned(), port })).await);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made_by_a_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.db");
    let settings = DirectorySettings::sqlite(&file);
    let error = Records::open(&settings).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot open the directory {}", file.display()));
    assert!(!file.exists());
    Records::open_or_make(&settings).unwrap().upgrade().await.unwrap();
    Records::open(&settings).unwrap().check().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.db");
    fs_err::write(&file, "plain text, and quite a lot of it. ".repeat(100)).unwrap();
    assert!(Sqlite::open(&file, Presence::MayBeMade).is_err());
    assert!(fs_err::read_to_string(&file).unwrap().starts_with("plain text"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ask_one_file_at_once() {
    with_sqlite(async |book: Book| {
        let records = book.furnished().await;
        let asking: Vec<_> = (0..200)
            .map(|_| {
                let records = records.clone();
                tokio::spawn(async move { asks(&records).await })
            })
            .collect();
        for asked in asking {
            assert!(asked.await.unwrap());
        }
    })
    .await;
}
