//! TFTP, for firmware that cannot do better: the first loader of a BIOS or UEFI PXE machine, and nothing else.
//!
//! Serves files of a fixed map from memory, in mode octet, to readers. Refuses writes, other modes and every
//! name that is not in the map. Entry points: [`build`], [`Server::run`]; the protocol is [`transfer::Transfer`].

#[cfg(test)]
mod history;
mod metrics;
pub mod packet;
mod seats;
mod serve;
mod socket;
pub mod terms;
pub mod transfer;

pub use metrics::TftpMetrics;
pub use seats::{TRANSFERS_MAX, TRANSFERS_PER_CLIENT_MAX};
pub use serve::TRANSFER_TIME_MAX;

use metrics::count;
use packet::{ErrorCode, Packet, REQUEST_BYTES_MAX, Request};
use seats::{Admission, Seats};
use socket::Received;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// How long a listener rests after its socket failed, so that a broken one does not fill the log.
const REST_AFTER_ERROR: Duration = Duration::from_secs(1);

/// The files, by the name that clients ask for.
pub type Files = BTreeMap<String, Arc<[u8]>>;

/// What to serve, and where.
#[derive(Clone, Debug)]
pub struct Config {
    /// Each with its port; 69 by the standard (RFC 1350, section 4).
    pub listen: Vec<SocketAddr>,
    pub files: Files,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum TftpError {
    #[error("cannot listen for TFTP on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot start a runtime for TFTP")]
    Runtime(#[source] io::Error),
}

/// A server whose sockets are bound.
#[derive(Debug)]
pub struct Server {
    sockets: Vec<UdpSocket>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    files: Files,
    seats: Arc<Seats>,
    metrics: Arc<TftpMetrics>,
}

/// Binds the sockets.
pub fn build(config: Config) -> Result<Server, TftpError> {
    let bind = |address: &SocketAddr| {
        socket::bind(*address).map_err(|source| TftpError::Listen { address: *address, source })
    };
    let sockets = config.listen.iter().map(bind).collect::<Result<_, _>>()?;
    let shared = Shared { files: config.files, seats: Arc::default(), metrics: Arc::default() };
    Ok(Server { sockets, shared: Arc::new(shared) })
}

impl Server {
    /// Where it listens, in the order of the configuration; with real ports where that said 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<TftpMetrics> {
        self.shared.metrics.clone()
    }

    /// Serves until `stop` is cancelled; transfers that are under way end then, too.
    ///
    /// On a thread of its own: a transfer is thousands of short steps, one after the other, and at each of them a
    /// runtime with several threads wakes another one, which finds nothing to do.
    pub async fn run(self, stop: CancellationToken) -> Result<(), TftpError> {
        let stop = stop.child_token();
        let _ended_with_this = stop.clone().drop_guard();
        match tokio::task::spawn_blocking(move || self.run_here(&stop)).await {
            Ok(result) => result,
            Err(broken) => std::panic::resume_unwind(broken.into_panic()),
        }
    }

    fn run_here(self, stop: &CancellationToken) -> Result<(), TftpError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(TftpError::Runtime)?.block_on(async {
            let mut listeners = JoinSet::new();
            for socket in self.sockets {
                let socket = tokio::net::UdpSocket::from_std(socket).map_err(TftpError::Runtime)?;
                listeners.spawn(listen(socket, self.shared.clone(), stop.clone()));
            }
            while listeners.join_next().await.is_some() {}
            Ok(())
        })
    }
}

async fn listen(socket: tokio::net::UdpSocket, shared: Arc<Shared>, stop: CancellationToken) {
    let mut transfers = JoinSet::new();
    // One byte more than a request may have, so that a longer one is known as such.
    let mut buffer = [0; REQUEST_BYTES_MAX + 1];
    loop {
        let received = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = transfers.join_next() => continue,
            received = socket::receive(&socket, &mut buffer) => received,
        };
        match received {
            Ok(received) => {
                let bytes = &buffer[..received.bytes];
                if let Some(transfer) = shared.take_request(bytes, &received, &stop) {
                    transfers.spawn(transfer);
                }
            }
            Err(error) => {
                warn!(%error, "cannot receive TFTP requests");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(REST_AFTER_ERROR) => {}
                }
            }
        }
    }
    while transfers.join_next().await.is_some() {}
}

impl Shared {
    fn take_request(
        self: &Arc<Self>,
        bytes: &[u8],
        received: &Received,
        stop: &CancellationToken,
    ) -> Option<impl Future<Output = ()> + use<>> {
        let client = received.client;
        let Some(asked) = received.asked else {
            count(&self.metrics.datagrams_ignored, 1);
            return None;
        };
        let request = match Packet::parse(bytes) {
            Ok(Packet::Read(request)) => request,
            Ok(Packet::Write(_)) => return self.refuse(asked, client, Refusal::Write),
            Err(packet::PacketError::LongRequest | packet::PacketError::Text) => {
                return self.refuse(asked, client, Refusal::Malformed);
            }
            // Late packets of transfers that are over, and noise. An error is never answered with an error.
            Ok(_) | Err(_) => {
                count(&self.metrics.datagrams_ignored, 1);
                return None;
            }
        };
        let file = match self.find(&request) {
            Ok(file) => file,
            Err(refusal) => {
                info!(%client, file = ?request.file, "TFTP request refused");
                return self.refuse(asked, client, refusal);
            }
        };
        let seat = match self.seats.admit(client, &request, stop) {
            Admission::Seat { seat, evicted } => {
                count(&self.metrics.transfers_evicted, u64::from(evicted));
                seat
            }
            Admission::Again => {
                count(&self.metrics.datagrams_ignored, 1);
                return None;
            }
            // Firmware takes an error for the end of its boot, but asks again when it hears nothing.
            Admission::Full => {
                count(&self.metrics.requests_without_room, 1);
                return None;
            }
        };
        debug!(%client, file = ?request.file, "TFTP request");
        Some(serve::serve(asked, client, request, file, seat, self.metrics.clone()))
    }

    fn find(&self, request: &Request) -> Result<Arc<[u8]>, Refusal> {
        if !request.mode.eq_ignore_ascii_case("octet") {
            return Err(Refusal::Mode);
        }
        if let Some(file) = self.files.get(&request.file) {
            return Ok(file.clone());
        }
        let is_path = request.file.contains(['/', '\\']) || request.file.starts_with('.');
        Err(if is_path { Refusal::Path } else { Refusal::Unknown })
    }

    /// Answers with an error, once: it is no part of a transfer.
    fn refuse<T>(&self, asked: IpAddr, client: SocketAddr, refusal: Refusal) -> Option<T> {
        count(&self.metrics.requests_refused, 1);
        let (code, message) = refusal.words();
        let packet = Packet::error(code, message).to_bytes();
        let sent = socket::connect(asked, client).and_then(|socket| socket.send(&packet));
        if let Err(error) = sent {
            debug!(%client, %error, "cannot send a TFTP error");
        }
        None
    }
}

/// Why a request gets an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Write,
    Mode,
    Path,
    Unknown,
    Malformed,
}

impl Refusal {
    fn words(self) -> (ErrorCode, &'static str) {
        match self {
            Self::Write => (ErrorCode::AccessViolation, "nothing can be written here"),
            Self::Mode => (ErrorCode::NotDefined, "only mode octet is served"),
            Self::Path => (ErrorCode::AccessViolation, "names have no folders here"),
            Self::Unknown => (ErrorCode::FileNotFound, "no such file"),
            Self::Malformed => (ErrorCode::IllegalOperation, "this is not a request"),
        }
    }
}
