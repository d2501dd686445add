//! HTTP for firmware, loaders and installers: boot answers, and the files of the image shelf.
//!
//! Serves `/boot/MAC/ipxe`, `/boot/MAC/x64.efi` and `/images/NAME-VERSION/FILE` to GET and HEAD, with ranges.
//! Refuses everything else, bodies included, and never makes a path of what a client wrote. Every connection has
//! a seat, every wait a limit. File bodies go from the page cache to the socket (`sendfile`), so that memory does
//! not grow with their size or number. Entry points: [`build`], [`Server::run`]; what is behind it is a
//! [`BootDirectory`]. What a client wrote is read without a socket in [`request`], [`route`] and [`range`].

mod answer;
mod body;
mod connection;
mod files;
mod metrics;
pub mod range;
pub mod request;
mod response;
pub mod route;
mod seats;

pub use files::{BootDirectory, FileStamp, ServedFile, ServedFileError, ShelfFile};
pub use metrics::HttpMetrics;
pub use request::HEAD_BYTES_MAX;
pub use response::Status;

use metrics::count;
use seats::{Admission, Seats};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long a listener rests after it could not accept, as when the process has no file descriptors left.
const REST_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Where to serve, and how much.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: Vec<SocketAddr>,
    pub limits: Limits,
}

/// What one client, or all of them, can take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Each has one or two file descriptors.
    pub connections_max: usize,
    /// From one address; a rack's cache fetches for many machines.
    pub connections_per_client_max: usize,
    /// From the first byte of a request to the last one of its head, and from a connection to its first byte.
    pub head_time_max: Duration,
    /// Between two requests.
    pub idle_time_max: Duration,
    /// In each such time a client takes at least [`Limits::PROGRESS_BYTES_MIN`] of a body.
    pub progress_time_max: Duration,
}

impl Limits {
    /// A network that is slower than this in [`Limits::progress_time_max`] boots nothing.
    pub const PROGRESS_BYTES_MIN: u64 = 64 << 10;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_client_max: 128,
            head_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_secs(30),
            progress_time_max: Duration::from_secs(30),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot listen for HTTP on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot hand an HTTP listener to the runtime")]
    Runtime(#[source] io::Error),
}

/// A server whose listeners are bound.
pub struct Server {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
}

struct Shared {
    directory: Arc<dyn BootDirectory>,
    limits: Limits,
    seats: Arc<Seats>,
    metrics: Arc<HttpMetrics>,
}

/// Binds the listeners.
pub fn build(config: Config, directory: Arc<dyn BootDirectory>) -> Result<Server, HttpError> {
    let bind = |address: &SocketAddr| {
        let fail = |source| HttpError::Listen { address: *address, source };
        let listener = TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        Ok(listener)
    };
    let listeners = config.listen.iter().map(bind).collect::<Result<_, _>>()?;
    let seats = Arc::new(Seats::new(&config.limits));
    let shared = Shared { directory, limits: config.limits, seats, metrics: Arc::default() };
    Ok(Server { listeners, shared: Arc::new(shared) })
}

impl Server {
    /// Where it listens, in the order of the configuration; with real ports where that said 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<HttpMetrics> {
        self.shared.metrics.clone()
    }

    /// Serves until `stop` is cancelled. Bodies that are under way are cut then; clients resume by range.
    pub async fn run(self, stop: CancellationToken) -> Result<(), HttpError> {
        let mut listeners = JoinSet::new();
        for listener in self.listeners {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(HttpError::Runtime)?;
            listeners.spawn(listen(listener, self.shared.clone(), stop.clone()));
        }
        while listeners.join_next().await.is_some() {}
        Ok(())
    }
}

async fn listen(listener: tokio::net::TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => shared.take(stream, client, &stop, &mut connections),
            Err(error) => {
                warn!(%error, "cannot accept HTTP connections");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(REST_AFTER_ERROR) => {}
                }
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

impl Shared {
    fn take(
        self: &Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        stop: &CancellationToken,
        connections: &mut JoinSet<()>,
    ) {
        count(&self.metrics.connections_accepted, 1);
        let (shared, stop) = (self.clone(), stop.clone());
        match self.seats.admit(client.ip()) {
            Admission::Seat(seat) => {
                connections.spawn(async move {
                    let _seat = seat;
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        () = connection::serve(stream, client, &shared) => {}
                    }
                });
            }
            Admission::Refuse(seat) => {
                count(&self.metrics.connections_refused, 1);
                connections.spawn(async move {
                    let _seat = seat;
                    connection::refuse(stream, Status::Unavailable, &shared).await;
                });
            }
            Admission::Drop => count(&self.metrics.connections_refused, 1),
        }
    }
}
