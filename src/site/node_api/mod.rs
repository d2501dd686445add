//! The node API: where nodes enrol and report, say that they live and fetch what they hold. Nothing of the operator's
//! stands here.
//!
//! Who a node is follows from the key of its connection. Entry point: [`serve`].

pub mod any_key;
mod holders;
mod routes;

pub use routes::Peer;

use crate::bundles::Bundles;
use crate::connections::{self, HttpLimits};
use crate::metrics::Metrics;
use crate::rack::Agent;
use crate::registry::Registry;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use understudy_core::model::id::NodeId;

/// Connections of one listener: two of each of a thousand nodes, one for heartbeats and one for reports, and as many
/// that begin anew. Whoever comes beyond that waits in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 4096;
/// How long a handshake may take, also on a loaded machine.
const HANDSHAKE_MAX: Duration = Duration::from_secs(15);
const LIMITS: HttpLimits = HttpLimits {
    // Spares speak more often.
    idle_max: Duration::from_secs(60),
    head_bytes_max: 64 << 10,
};

/// What the listeners of the node API share.
#[derive(Clone)]
pub struct NodeApi {
    pub registry: Registry,
    pub metrics: Arc<Metrics>,
    pub tls: Arc<ServerConfig>,
    /// The CA's certificate, for the short code.
    pub ca: Arc<[u8]>,
    pub http_port: u16,
    pub rack: Agent,
    pub bundles: Arc<Bundles>,
    /// One short code is made at a time: it costs on purpose, and a stranger asks for it.
    pub codes: Arc<Semaphore>,
}

/// Answers on one address until cancelled; then every connection ends after the request that it is in.
pub async fn serve(api: NodeApi, listener: TcpListener, token: CancellationToken) {
    let serve = move |(stream, remote), token| connection(api.clone(), stream, remote, token);
    connections::each(listener, CONNECTIONS_MAX, token, serve).await;
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
    let Some(Ok(public_key)) = certificates.first().map(any_key::public_key) else { return };
    let id = NodeId::of_public_key(&public_key);
    let peer = Peer { id, public_key: public_key.into(), remote: remote.ip(), local: local.ip() };
    let ended = connections::speak_http(stream, routes::router(api, peer), LIMITS, token).await;
    if let Err(error) = ended {
        debug!(%remote, %error, "a node's connection broke");
    }
}
