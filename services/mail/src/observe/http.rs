//! `/metrics` and `/health` over HTTP/1.1.

use super::{Health, Registry, Report};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

const CONNECTIONS_MAX: usize = 32;
const HEAD_OCTETS_MAX: usize = 16 * 1024;
const HEAD: Duration = Duration::from_secs(10);
/// Of one connection: whoever asks often comes again.
const CONNECTION: Duration = Duration::from_secs(300);
/// A check that takes longer has failed.
const REPORT: Duration = Duration::from_secs(5);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

struct Parts<H> {
    registry: Registry,
    health: Arc<H>,
}

/// Answers until the end.
pub async fn serve<H: Health>(
    listener: TcpListener,
    registry: Registry,
    health: Arc<H>,
    end: CancellationToken,
) {
    let parts = Arc::new(Parts { registry, health });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        tokio::select! {
            () = end.cancelled() => return connections.shutdown().await,
            Some(_) = connections.join_next() => {}
            accepted = accepted => match accepted {
                Ok((stream, place)) => {
                    let speak = speak(stream, Arc::clone(&parts));
                    connections.spawn(async move {
                        speak.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(%error, "a connection for metrics could not be taken");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn speak<H: Health>(stream: TcpStream, parts: Arc<Parts<H>>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let parts = Arc::clone(&parts);
        async move { Ok::<_, Infallible>(parts.answer(&request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_OCTETS_MAX);
    let connection = server.serve_connection(TokioIo::new(stream), answer);
    if let Ok(Err(error)) = timeout(CONNECTION, connection).await {
        debug!(%error, "a connection for metrics broke");
    }
}

impl<H: Health> Parts<H> {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response =
                text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET and HEAD only\n".into());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/metrics" => text(StatusCode::OK, METRICS_TYPE, self.registry.page().to_string()),
            "/health" => self.health().await,
            _ => text(StatusCode::NOT_FOUND, "text/plain", "/metrics or /health\n".into()),
        }
    }

    async fn health(&self) -> Response<Full<Bytes>> {
        let slow = |_| Report::default().with("report", Err("takes too long".to_owned()));
        let report = timeout(REPORT, self.health.report()).await.unwrap_or_else(slow);
        let status = if report.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        text(status, "application/json", format!("{}\n", report.json()))
    }
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
