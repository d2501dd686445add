//! Starts what the file says, serves until it is told to drain, and ends when every session has its answer.
//!
//! Certificates are read again at [`Signals::reload`], and when their files change. Entry point: [`run`].

mod health;

use crate::authentication::Authenticator;
use crate::delivery::Mailstores;
use crate::dns::{Dns, ResolverError};
use crate::filter::Chain;
use crate::gate::Gate;
use crate::numbers::Numbers;
use crate::policy::{Inbound, Names};
use crate::settings::Settings;
use health::{SpoolNumbers, Well};
use mail::content::{Spool, SpoolConfig};
use mail::data::LongLines;
use mail::directory::settings::OpenError;
use mail::directory::{Cached, Records};
use mail::engine::{self, Protocol, Tls};
use mail::observe::{self, Registry};
use mail::server::{self, Limits, NoCertificate, Server, Timeouts, TlsStart};
use mail::tls::{Certificates, TlsError};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Of a message on its way; what is larger goes into a file.
const SPOOL_MEMORY_OCTETS_MAX: usize = 256 * 1024;
/// Between two looks at the files of the certificate.
const CERTIFICATES_WATCH: Duration = Duration::from_secs(60);

/// What is told from outside.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    pub drain: CancellationToken,
    /// Read certificates again.
    pub reload: Arc<Notify>,
}

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("cannot open the directory of accounts")]
    Directory(#[source] OpenError),
    #[error("cannot make the folder for messages on their way")]
    Folder(#[source] io::Error),
    #[error("cannot use the certificate")]
    Tls(#[source] TlsError),
    #[error("cannot ask the resolvers")]
    Dns(#[source] ResolverError),
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot serve SMTP")]
    Certificate(#[from] NoCertificate),
}

impl DaemonError {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::Directory(error) => error.hint().to_owned(),
            Self::Folder(_) => "name a folder that this user may write to: folder = \"...\"".to_owned(),
            Self::Tls(_) => "correct [tls], or what its files hold".to_owned(),
            Self::Dns(_) => "correct servers in [dns]".to_owned(),
            Self::Listen { address, .. } => format!("see who has it: ss -ltnp sport = :{}", address.port()),
            Self::Certificate(_) => "name a certificate in [tls]".to_owned(),
        }
    }
}

/// Serves until it is told to drain, and then until everything has ended.
pub async fn run(settings: Settings, filters: Chain, signals: Signals) -> Result<(), DaemonError> {
    let spool = spool(&settings)?;
    let tls = settings.tls.clone().map(|tls| Certificates::load(tls.into())).transpose();
    let tls = tls.map_err(DaemonError::Tls)?;
    let records = Records::open(&settings.directory).map_err(DaemonError::Directory)?;
    let directory = Cached::new(records, settings.directory.cache.0, settings.directory.cache_entries_max);
    let registry = Registry::default();
    let inbound = Arc::new(inbound(&settings, directory.clone(), filters, &registry)?);
    let mailstores = inbound.mailstores.clone();
    let server = Server::new(server_config(&settings), inbound, tls.clone(), Arc::clone(&spool))?;
    registry.add(server.numbers());
    registry.add(Arc::new(SpoolNumbers(Arc::clone(&spool))));

    let (mut serving, mut beside, end) = (JoinSet::new(), JoinSet::new(), CancellationToken::new());
    if let Some(observed) = settings.observe {
        let listener = listen("observe", observed.listen).await?;
        let well = Arc::new(Well { directory, mailstores, spool });
        beside.spawn(observe::serve(listener, registry, well, end.clone()));
    }
    for address in settings.smtp.listen {
        let (listener, server) = (listen("smtp", address).await?, server.clone());
        let drain = signals.drain.clone();
        serving.spawn(async move { server.serve(listener, drain).await });
    }
    if let Some(tls) = tls {
        beside.spawn(reload(tls.clone(), signals.reload, end.clone()));
        let end = end.clone();
        beside.spawn(async move { tls.watch(CERTIFICATES_WATCH, end).await });
    }
    signals.drain.cancelled().await;
    info!("draining");
    serving.join_all().await;
    end.cancel();
    beside.join_all().await;
    info!("ended");
    Ok(())
}

fn inbound(
    settings: &Settings,
    directory: Cached<Records>,
    filters: Chain,
    registry: &Registry,
) -> Result<Inbound<Cached<Records>>, DaemonError> {
    let dns = Dns::new(&settings.dns).map_err(DaemonError::Dns)?;
    let host = settings.host.normal();
    let results = settings.authentication.name.as_ref().map_or_else(|| host.clone(), |name| name.normal());
    let mut own: Vec<_> = settings.own_names.iter().map(|name| name.normal()).collect();
    own.extend([host.clone(), results.clone()]);
    let postmaster = settings.postmaster().expect("the file was checked for it");
    let (gate, filters) = (Arc::new(Gate::new(settings, dns.clone())), Arc::new(filters));
    let numbers = Arc::new(Numbers::default());
    registry.add(Arc::clone(&gate) as Arc<dyn observe::Measured>);
    registry.add(Arc::clone(&filters) as Arc<dyn observe::Measured>);
    registry.add(Arc::clone(&numbers) as Arc<dyn observe::Measured>);
    let authenticator = Authenticator::new(dns, host.clone(), &settings.authentication);
    Ok(Inbound {
        hops_max: settings.smtp.hops_max,
        mailstores: Mailstores::new(directory.clone(), host.clone(), settings.delivery),
        names: Names { host, results, own, postmaster },
        directory,
        gate,
        authenticator,
        filters,
        numbers,
    })
}

fn server_config(settings: &Settings) -> server::Config {
    let limits = engine::Limits { recipients_max: settings.smtp.recipients_max, ..engine::Limits::default() };
    let tls = if settings.tls.is_some() { Tls::Offered } else { Tls::Unavailable };
    server::Config {
        name: "smtp",
        engine: engine::Config {
            protocol: Protocol::Smtp,
            host: settings.host.clone(),
            tls,
            message_octets_max: settings.smtp.message_octets_max.0,
            long_lines: LongLines::Accept,
            limits,
        },
        tls_start: TlsStart::AtCommand,
        limits: Limits {
            sessions_max: settings.limits.sessions_max,
            sessions_per_client_max: settings.limits.sessions_per_client_max,
            connections_per_client: settings.limits.connections.into(),
        },
        timeouts: Timeouts { drain: settings.drain.0, ..Timeouts::default() },
    }
}

fn spool(settings: &Settings) -> Result<Arc<Spool>, DaemonError> {
    fs_err::create_dir_all(&settings.folder).map_err(DaemonError::Folder)?;
    let spool = Spool::new(SpoolConfig {
        folder: settings.folder.clone(),
        memory_octets_max: SPOOL_MEMORY_OCTETS_MAX,
        octets_max: settings.smtp.octets_max.0,
    });
    spool.check().map_err(DaemonError::Folder)?;
    Ok(spool)
}

async fn listen(listener: &'static str, address: SocketAddr) -> Result<TcpListener, DaemonError> {
    let failed = |source| DaemonError::Listen { address, source };
    let bound = TcpListener::bind(address).await.map_err(failed)?;
    let address = bound.local_addr().map_err(failed)?;
    info!(listener, %address, "listening");
    Ok(bound)
}

async fn reload(certificates: Certificates, reload: Arc<Notify>, end: CancellationToken) {
    while end.run_until_cancelled(reload.notified()).await.is_some() {
        certificates.reload_and_tell();
    }
}
