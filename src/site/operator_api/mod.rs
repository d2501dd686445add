//! The operator API: HTTP and JSON on a unix socket that only the site's own user can open.
//!
//! TLS with role tokens is not part of it yet: whoever may open the socket may do everything.

mod routes;

pub use routes::{ApproveRequest, ErrorBody, EventsQuery, openapi};

use crate::definition::WantedImage;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::shelf::Shelf;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs::{self, FsError};
use understudy_ledger::Ledger;

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

/// Answers until cancelled.
pub async fn serve(
    api: OperatorApi,
    listener: UnixListener,
    token: CancellationToken,
) -> Result<(), std::io::Error> {
    let router = routes::router(api);
    axum::serve(listener, router).with_graceful_shutdown(token.cancelled_owned()).await
}
