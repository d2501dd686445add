//! Metrics and health, asked by curl.

use crate::client::{Raw, run, stdout};
use crate::house::{House, Plan};
use mail::observe::{Health, Report, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[derive(Default)]
struct Mood {
    is_ill: AtomicBool,
}

impl Health for Mood {
    async fn report(&self) -> Report {
        let is_ill = self.is_ill.load(Ordering::Relaxed);
        let result = if is_ill { Err("\"no\" disk".to_owned()) } else { Ok(()) };
        Report::default().with("clock", Ok(())).with("store", result)
    }
}

async fn curl(address: SocketAddr, path: &str, arguments: &[&str]) -> (String, String) {
    let url = format!("http://{address}{path}");
    let all = [&["-sS", "-m", "10", "-w", "\n%{http_code} %{content_type}", &url], arguments].concat();
    let said = stdout(run("curl", &all, b"").await);
    let (body, status) = said.rsplit_once('\n').unwrap();
    (body.to_owned(), status.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_are_told() {
    let house = House::open(Plan::default()).await;
    let _session = Raw::open(house.address).await;
    let (listener, mood) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(Mood::default()));
    let (address, end) = (listener.local_addr().unwrap(), CancellationToken::new());
    let serving = tokio::spawn(serve(listener, house.registry.clone(), Arc::clone(&mood), end.clone()));
    let (page, status) = curl(address, "/metrics", &[]).await;
    assert_eq!(status, "200 text/plain; version=0.0.4; charset=utf-8");
    assert!(page.contains("# TYPE mail_sessions gauge\nmail_sessions{listener=\"test\"} 1\n"), "{page}");
    let expected = r#"{"healthy":true,"checks":{"clock":"ok","store":"ok"}}"#;
    assert_eq!(curl(address, "/health", &[]).await, (format!("{expected}\n"), "200 application/json".into()));
    mood.is_ill.store(true, Ordering::Relaxed);
    let expected = r#"{"healthy":false,"checks":{"clock":"ok","store":"\"no\" disk"}}"#;
    assert_eq!(curl(address, "/health", &[]).await, (format!("{expected}\n"), "503 application/json".into()));
    assert!(curl(address, "/", &[]).await.1.starts_with("404"));
    assert!(curl(address, "/metrics", &["-d", "x"]).await.1.starts_with("405"));
    // Clients that say nothing do not keep others from the door, nor the daemon from its end.
    let mut silent = Vec::new();
    for _ in 0..31 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert!(curl(address, "/metrics", &[]).await.1.starts_with("200"));
    end.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap();
}
