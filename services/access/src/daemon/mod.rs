//! The daemon: listeners of IMAP and POP3, certificates that are read again, what it tells of itself, and how it ends.
//!
//! When it is told to drain, listeners close at once, clients that are not known hear BYE, and sessions that speak with their pair go on, for
//! [`Settings::drain`] at most. Entry points: [`Settings`], [`run`].

mod open_files;
mod settings;
mod well;

pub use settings::{BackendSettings, BackendTls, Limits, Listener, Observe, Settings};

use crate::Protocol;
use crate::backend::{AuthorityError, Backend, Times as BackendTimes, Transport};
use crate::numbers::Numbers;
use crate::pairs::Pairs;
use crate::session::{Server, Shared, Times};
use crate::splice;
use mail::directory::settings::OpenError;
use mail::directory::{Cached, Records};
use mail::listen::{self, Door};
use mail::login::directory::Logins;
use mail::login::proxy::{Proxy, ProxyError};
use mail::observe::{self, Registry};
use mail::password::hash::HashError;
use mail::tls::{Certificates, TlsError};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;
use well::Well;

/// How often certificates are looked at.
const WATCH: Duration = Duration::from_secs(60);
const HANDSHAKE: Duration = Duration::from_secs(30);
const REPLY: Duration = Duration::from_secs(60);
/// For a pair whose client says nothing more.
const HALF_CLOSED: Duration = Duration::from_secs(60);

/// What the operator wants of a daemon that runs.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    pub drain: CancellationToken,
    /// Certificates are to be read again.
    pub reload: Arc<Notify>,
}

/// Why the daemon does not start.
#[derive(Debug, Error)]
pub enum DaemonError {
    #[error("cannot use the directory")]
    Directory(#[from] OpenError),
    #[error("cannot compare passwords")]
    Passwords(#[from] HashError),
    #[error("cannot prove to pairs who this is")]
    Proxy(#[from] ProxyError),
    #[error("cannot verify pairs")]
    Authority(#[from] AuthorityError),
    #[error("cannot offer TLS")]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}; see who has it with `ss -ltnp`")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// Serves until it is told to drain, and then until everything has ended.
pub async fn run(settings: Settings, orders: Orders) -> Result<(), DaemonError> {
    open_files::raise(settings.limits.sessions_max);
    let records = Records::open(&settings.directory)?;
    let directory = &settings.directory;
    let cached = Cached::new(records.clone(), directory.cache.0, directory.cache_entries_max);
    let logins = Arc::new(Logins::new(cached.clone(), settings.logins.limits(), None)?);
    let proxy = settings.proxy.proxy()?;
    let decoys = Arc::new(proxy.decoys());
    let pairs = Arc::new(Pairs::new(cached, backend(&settings.backend, proxy)?));
    let certificates = settings.tls.clone().map(Certificates::load).transpose()?;
    let registry = Registry::default();
    registry.add(logins.numbers());
    registry.add(pairs.numbers());

    let (mut serving, mut beside) = (JoinSet::new(), JoinSet::new());
    let mut bound = Vec::new();
    for (protocol, listeners) in [(Protocol::Imap, &settings.imap), (Protocol::Pop3, &settings.pop3)] {
        let shared = Arc::new(Shared {
            protocol,
            door: Arc::new(Door::new(settings.limits.into())),
            numbers: Arc::new(Numbers::new(protocol)),
            logins: Arc::clone(&logins),
            decoys: Arc::clone(&decoys),
            pairs: Arc::clone(&pairs),
            certificates: certificates.clone(),
            times: times(&settings),
        });
        registry.add(Arc::clone(&shared.numbers) as Arc<dyn observe::Measured>);
        bound.extend(bind_all(&shared, listeners).await?);
    }
    let end = CancellationToken::new();
    if let Some(observed) = &settings.observe {
        let listener = bind("observe", None, observed.listen).await?;
        let well = Arc::new(Well { records, drain: orders.drain.clone() });
        beside.spawn(observe::serve(listener, registry, well, end.clone()));
    }
    // Only when all of them are there: a daemon that does not start has taken no client.
    for (server, listener) in bound {
        serving.spawn(listen::serve(server, listener, orders.drain.clone()));
    }
    if let Some(certificates) = certificates {
        beside.spawn(reload(certificates, orders.reload, end.clone()));
    }
    orders.drain.cancelled().await;
    info!("draining");
    serving.join_all().await;
    end.cancel();
    beside.join_all().await;
    info!("ended");
    Ok(())
}

async fn bind_all(
    shared: &Arc<Shared<Records>>,
    listeners: &[Listener],
) -> Result<Vec<(Arc<Server<Records>>, TcpListener)>, DaemonError> {
    let mut bound = Vec::new();
    for Listener { listen: addresses, tls, loopback } in listeners {
        let server = Arc::new(Server { shared: Arc::clone(shared), tls: *tls, loopback: *loopback });
        for address in addresses {
            let listener = bind(shared.protocol.word(), Some(tls.word()), *address).await?;
            bound.push((Arc::clone(&server), listener));
        }
    }
    Ok(bound)
}

async fn bind(
    listener: &'static str,
    tls: Option<&'static str>,
    address: SocketAddr,
) -> Result<TcpListener, DaemonError> {
    let failed = |source| DaemonError::Listen { address, source };
    let bound = TcpListener::bind(address).await.map_err(failed)?;
    let address = bound.local_addr().map_err(failed)?;
    info!(listener, tls, %address, "listening");
    Ok(bound)
}

fn backend(settings: &BackendSettings, proxy: Proxy) -> Result<Backend, DaemonError> {
    let BackendSettings { tls, ca_file, connect, login } = settings;
    let transport = match (tls, ca_file) {
        (BackendTls::Verified, Some(file)) => Transport::verified(file)?,
        // The settings have no problems: whoever verifies names a file.
        (BackendTls::Verified | BackendTls::Off, _) => Transport::Clear,
    };
    let times = BackendTimes { connect: connect.0, login: login.0 };
    Ok(Backend { proxy, transport, times })
}

fn times(settings: &Settings) -> Times {
    Times {
        before_login: settings.before_login.0,
        handshake: HANDSHAKE.min(settings.before_login.0),
        reply: REPLY,
        splice: splice::Times { idle: settings.idle.0, half_closed: HALF_CLOSED },
        drain: settings.drain.0,
    }
}

/// When the files change, and when somebody says so.
async fn reload(certificates: Certificates, reload: Arc<Notify>, end: CancellationToken) {
    let told = async {
        while end.run_until_cancelled(reload.notified()).await.is_some() {
            certificates.reload_and_tell();
        }
    };
    tokio::join!(certificates.watch(WATCH, end.clone()), told);
}
