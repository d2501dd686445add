//! The operator API: HTTP and JSON, on a unix socket that only the site's own user can open, and, where
//! `site.toml` says so, over TLS for holders of tokens.
//!
//! One set of routes stands behind both doors, and each route says in its description which role it needs
//! (`gate`). Nothing is answered over TLS before a token was accepted. Entry points: [`listen`], [`serve_socket`],
//! [`serve_tls`], [`openapi`].

mod body;
mod describe;
mod gate;
mod identities;
mod routes;
mod tokens;

pub use body::ErrorBody;
pub use describe::{openapi, roles};
pub use identities::{
    AssignRequest, CommandView, DrainRequest, PauseRequest, PlainRequest, ReplaceRequest, ResumeRequest,
    ScopeRequest,
};
pub use routes::{ApproveRequest, EventsQuery};
pub use tokens::{MadeToken, NewTokenRequest};

use crate::connections::{self, HttpLimits};
use crate::definition::{Cluster, WantedImage};
use crate::metrics::Metrics;
use crate::rack::Agent;
use crate::registry::Registry;
use crate::shelf::Shelf;
use axum::{Extension, Router};
use gate::{Caller, Gate};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use understudy_core::base::fs::{self, FsError};
use understudy_core::model::name::Name;
use understudy_ledger::Ledger;

/// Connections of one door; a site has few operators, and each of their commands is a connection.
const CONNECTIONS_MAX: usize = 64;
/// Of both doors.
pub const OPEN_FILES_MAX: usize = 2 * CONNECTIONS_MAX;
/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const LIMITS: HttpLimits = HttpLimits { idle_max: Duration::from_secs(15), head_bytes_max: 16 << 10 };

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("cannot make room for the operator's socket")]
    File(#[from] FsError),
    #[error("cannot listen on the operator's socket {}", path.display())]
    Listen {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Lines of metrics that other parts count.
pub type MoreMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the routes need.
#[derive(Clone)]
pub struct OperatorApi {
    pub registry: Registry,
    pub ledger: Arc<dyn Ledger>,
    pub metrics: Arc<Metrics>,
    pub more_metrics: MoreMetrics,
    pub shelf: watch::Receiver<Arc<Shelf>>,
    pub image: WantedImage,
    pub rack: Agent,
    pub rack_name: Name,
    /// As `site.toml` declares them.
    pub clusters: Arc<[Cluster]>,
}

/// Makes the socket. The caller holds the state folder, so a socket that is there already is nobody's.
pub fn listen(path: &Path) -> Result<UnixListener, SocketError> {
    match fs::remove_file(path) {
        Err(error) if !error.is_not_found() => return Err(error.into()),
        _ => {}
    }
    let fail = |source| SocketError::Listen { path: path.to_owned(), source };
    let listener = UnixListener::bind(path).map_err(fail)?;
    // The folder lets nobody else in as well; this holds when an operator has opened the folder.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    Ok(listener)
}

/// Answers on the socket until cancelled. Whoever can open it may do everything.
pub async fn serve_socket(api: OperatorApi, listener: UnixListener, token: CancellationToken) {
    let router = router(api);
    let serve = move |stream: UnixStream, token| {
        let router = router.clone();
        async move {
            match stream.peer_cred() {
                Ok(peer) => speak(stream, router, Caller::Socket { uid: peer.uid() }, token).await,
                Err(error) => debug!(%error, "nobody is at the other end of the operator's socket"),
            }
        }
    };
    connections::each(listener, CONNECTIONS_MAX, token, serve).await;
}

/// Answers holders of tokens until cancelled.
pub async fn serve_tls(
    api: OperatorApi,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    token: CancellationToken,
) {
    let router = router(api);
    let serve = move |(stream, remote): (TcpStream, SocketAddr), token: CancellationToken| {
        let (router, handshake) = (router.clone(), TlsAcceptor::from(Arc::clone(&tls)).accept(stream));
        async move {
            let stream = tokio::select! {
                () = token.cancelled() => return,
                stream = timeout(HANDSHAKE_MAX, handshake) => stream,
            };
            match stream {
                Ok(Ok(stream)) => speak(stream, router, Caller::Remote(remote.ip()), token).await,
                Ok(Err(error)) => debug!(%remote, %error, "an operator's handshake failed"),
                Err(_) => debug!(%remote, "an operator's handshake took too long"),
            }
        }
    };
    connections::each(listener, CONNECTIONS_MAX, token, serve).await;
}

fn router(api: OperatorApi) -> Router {
    let gate = Arc::new(Gate::new(api.registry.clone(), Arc::clone(&api.metrics)));
    let layer = axum::middleware::from_fn_with_state(gate, gate::pass);
    routes::router().split_for_parts().0.layer(layer).with_state(api)
}

async fn speak(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    router: Router,
    caller: Caller,
    token: CancellationToken,
) {
    let router = router.layer(Extension(caller));
    if let Err(error) = connections::speak_http(stream, router, LIMITS, token).await {
        debug!(%caller, %error, "an operator's connection broke");
    }
}
