//! Accepting connections and speaking HTTP on them: so many at once, until cancelled, each of them waited for.

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Waits after an error of the listener itself, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What accepts connections of one kind.
pub trait Accept: Send + Sync + 'static {
    type Connection: Send + 'static;

    fn accept_one(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

impl Accept for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    async fn accept_one(&self) -> io::Result<Self::Connection> {
        self.accept().await
    }
}

impl Accept for UnixListener {
    type Connection = UnixStream;

    async fn accept_one(&self) -> io::Result<Self::Connection> {
        Ok(self.accept().await?.0)
    }
}

/// Hands out connections until cancelled, then waits for those that are open.
pub async fn each<L: Accept, F>(
    listener: L,
    connections_max: usize,
    token: CancellationToken,
    serve: impl Fn(L::Connection, CancellationToken) -> F + Send,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(connections_max));
    loop {
        while connections.try_join_next().is_some() {}
        let place = tokio::select! {
            () = token.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = token.cancelled() => break,
            accepted = listener.accept_one() => accepted,
        };
        match accepted {
            Ok(connection) => {
                let served = serve(connection, token.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

/// What one connection may take.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// How long it may be idle between requests, and how long the head of one may take.
    pub idle_max: Duration,
    /// How much of a request's head is buffered.
    pub head_bytes_max: usize,
}

/// Speaks HTTP until the other side ends it; when cancelled, until the request that it is in is answered.
pub async fn speak_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: HttpLimits,
    token: CancellationToken,
) -> Result<(), hyper::Error> {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.idle_max).max_buf_size(limits.head_bytes_max);
    let service = TowerToHyperService::new(router);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = served.as_mut() => ended,
        () = token.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    }
}
