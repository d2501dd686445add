//! The node API: where nodes enrol and report, say that they live and fetch what they hold. Nothing of the operator's
//! stands here.
//!
//! Who a node is follows from the key of its connection. Entry point: [`serve`].

mod holders;
mod routes;
pub mod tls;

pub use routes::Peer;

use crate::bundles::Bundles;
use crate::metrics::Metrics;
use crate::registry::Registry;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use understudy_core::model::id::NodeId;

/// Connections of one listener: two of each of a thousand nodes, one for heartbeats and one for reports, and as many
/// that begin anew. Whoever comes beyond that waits in the kernel's queue.
const CONNECTIONS_MAX: usize = 4096;
/// How long a handshake may take, also on a loaded machine.
const HANDSHAKE_MAX: Duration = Duration::from_secs(15);
/// How long a connection may be idle between requests; spares speak more often.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How much of a request's head is buffered.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Waits after an error of the listener itself, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What the listeners of the node API share.
#[derive(Clone)]
pub struct NodeApi {
    pub registry: Registry,
    pub metrics: Arc<Metrics>,
    pub tls: Arc<ServerConfig>,
    /// The CA's certificate, for the short code.
    pub ca: Arc<[u8]>,
    pub http_port: u16,
    pub rack: Arc<dyn RackAgent>,
    pub bundles: Arc<Bundles>,
    /// One short code is made at a time: it costs on purpose, and a stranger asks for it.
    pub codes: Arc<Semaphore>,
}

/// Answers on one address until cancelled; then every connection ends after the request that it is in.
pub async fn serve(api: NodeApi, listener: TcpListener, token: CancellationToken) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        while connections.try_join_next().is_some() {}
        let place = tokio::select! {
            () = token.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = token.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                let (api, token) = (api.clone(), token.clone());
                connections.spawn(async move {
                    connection(api, stream, remote, token).await;
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept a node's connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn connection(api: NodeApi, stream: TcpStream, remote: SocketAddr, token: CancellationToken) {
    let Ok(local) = stream.local_addr() else { return };
    let handshake = timeout(HANDSHAKE_MAX, TlsAcceptor::from(Arc::clone(&api.tls)).accept(stream));
    let stream = tokio::select! {
        () = token.cancelled() => return,
        stream = handshake => stream,
    };
    let stream = match stream {
        Ok(Ok(stream)) => stream,
        // A node that fetches the CA ends its first handshake like this.
        Ok(Err(error)) => {
            api.metrics.handshakes_failed();
            return debug!(%remote, %error, "a handshake failed");
        }
        Err(_) => {
            api.metrics.handshakes_failed();
            return debug!(%remote, "a handshake took too long");
        }
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let Some(Ok(public_key)) = certificates.first().map(tls::public_key) else { return };
    let id = NodeId::of_public_key(&public_key);
    let peer = Peer { id, public_key: public_key.into(), remote: remote.ip(), local: local.ip() };
    let service = TowerToHyperService::new(routes::router(api, peer));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE_MAX).max_buf_size(HEAD_BYTES_MAX);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = token.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        debug!(%remote, %error, "a node's connection broke");
    }
}
