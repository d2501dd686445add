//! The whole controller: what it is made of, in which order it starts and ends.

use crate::authority::{Authority, AuthorityError};
use crate::bundles::Bundles;
use crate::definition::{OperatorListen, SiteDefinition};
use crate::metrics::Metrics;
use crate::netboot::{self, Netboot, NetbootError};
use crate::node_api::any_key::AnyKey;
use crate::node_api::{self, NodeApi};
use crate::operator_api::{self, OperatorApi, SocketError};
use crate::rack::{self, RackPart, RackPartError};
use crate::registry::{self, BookError, Registry, RegistryTask, Rules};
use crate::secrets::{Secrets, SecretsError};
use crate::shelf::{Scanner, Shelf, ShelfTask};
use crate::state::{
    CA_CERTIFICATE_FILE, CA_FILE, LEDGER_FILE, SECRETS_FILE, SHELF_FILE, SOCKET_FILE, StateError, StateFolder,
};
use crate::tls;
use rustls::server::WebPkiClientVerifier;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::notify::Notifier;
use understudy_ledger::{Ledger, OpenError, Sqlite};

/// How often systemd hears that the site lives, when it does not say itself how often it wants to.
const WATCHDOG_DEFAULT: Duration = Duration::from_secs(10);

/// Open files of the runtime, the ledger, the log and of sockets that listen.
const OPEN_FILES_REST: usize = 64;

/// A site and where it listens.
#[derive(Clone, Debug)]
pub struct Config {
    pub definition: SiteDefinition,
    pub listen: Listen,
}

/// Where nodes are answered.
#[derive(Clone, Debug)]
pub enum Listen {
    /// On the address of every network of `site.toml`.
    Networks,
    /// On one address only, and no machine is booted: for tests on loopback.
    Only(SocketAddr),
}

/// Why a site does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Ledger(#[from] OpenError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    #[error(transparent)]
    Registry(#[from] BookError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("cannot listen for nodes on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot listen for operators on {address}")]
    ListenForOperators {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Netboot(#[from] NetbootError),
    #[error("cannot make the folder of images")]
    Images(#[source] FsError),
    #[error("cannot reach systemd")]
    Notify(#[source] io::Error),
    #[error(transparent)]
    Rack(#[from] RackPartError),
    #[error("a part of the site ended by itself")]
    Ended,
    #[error("a part of the site broke")]
    Broken(#[source] JoinError),
}

/// A site that listens already and answers as soon as it runs.
pub struct Site {
    /// Dropped last: the folder is ours until everything has ended.
    state: StateFolder,
    registry: Registry,
    registry_task: RegistryTask,
    shelf_task: ShelfTask,
    node_api: NodeApi,
    node_listeners: Vec<TcpListener>,
    operator_api: OperatorApi,
    operator_socket: UnixListener,
    operator_tls: Option<(TcpListener, Arc<rustls::ServerConfig>)>,
    rack_part: Option<RackPart>,
    netboot: Option<Netboot>,
    notifier: Notifier,
    ca: Arc<[u8]>,
    name: String,
}

/// Takes the state folder, reads the ledger, binds every socket.
pub async fn build(config: Config) -> Result<Site, SiteError> {
    let Config { definition, listen } = config;
    let state = StateFolder::take(&definition.state)?;
    let ledger: Arc<dyn Ledger> = Arc::new(Sqlite::open(&state.file(LEDGER_FILE))?);
    let authority = Authority::open(&state.file(CA_FILE))?;
    let ca: Arc<[u8]> = authority.certificate().as_ref().into();
    let addresses = node_addresses(&definition, &listen);
    let mut names: Vec<IpAddr> = definition.networks.iter().map(|net| net.address.address.into()).collect();
    names.extend(addresses.iter().map(SocketAddr::ip));
    names.push(Ipv4Addr::LOCALHOST.into());
    names.sort_unstable();
    names.dedup();
    let identity = authority.server(&names, &[])?;
    let tls = Arc::new(tls::server_config(identity, Arc::new(AnyKey::default())).map_err(SiteError::Tls)?);
    keep_certificate(&state, &authority);
    let operator_tls = operator_tls(definition.operator_api.as_ref(), &authority).await?;
    fs::create_dir_all(&definition.images).map_err(SiteError::Images)?;

    let (shelf_sender, shelf) = watch::channel(Arc::new(Shelf::default()));
    let rules = Rules {
        image: definition.image.clone(),
        serials: definition.serials.clone(),
        disk: definition.disk.clone(),
        foreign_data: definition.foreign_data,
        operator_keys: definition.operator_keys.clone(),
    };
    let (registry, registry_task) = registry::build(Arc::clone(&ledger), rules, shelf.clone()).await?;
    let secrets = Secrets::open(&state.file(SECRETS_FILE), Arc::clone(&ledger)).await?;
    let (agent, rack_part) = rack::build(&definition, Arc::clone(&ledger), registry.clone(), shelf.clone())?;
    let clusters: Arc<[_]> = definition.clusters.clone().into();
    let metrics = Arc::new(Metrics::default());
    let mut node_listeners = Vec::new();
    for address in addresses {
        let bound = TcpListener::bind(address).await;
        node_listeners.push(bound.map_err(|source| SiteError::Listen { address, source })?);
    }
    let netboot = match listen {
        Listen::Networks => Some(
            netboot::build(&definition, Arc::clone(&ledger), registry.wishes().clone(), shelf.clone())
                .await?,
        ),
        Listen::Only(_) => None,
    };
    let scanner = Scanner::new(definition.images, definition.image_keys, &state.file(SHELF_FILE));
    Ok(Site {
        shelf_task: ShelfTask {
            scanner,
            shelf: shelf_sender,
            registry: registry.clone(),
            rescan: Arc::new(Notify::new()),
        },
        node_api: NodeApi {
            registry: registry.clone(),
            metrics: Arc::clone(&metrics),
            tls,
            ca: Arc::clone(&ca),
            http_port: definition.http_port,
            rack: agent.clone(),
            bundles: Arc::new(Bundles::new(Arc::clone(&clusters), secrets)),
            codes: Arc::new(Semaphore::new(1)),
        },
        node_listeners,
        operator_api: OperatorApi {
            registry: registry.clone(),
            ledger,
            metrics,
            more_metrics: netboot.as_ref().map_or_else(|| Arc::new(String::new) as _, Netboot::metrics),
            shelf,
            image: definition.image,
            rack: agent,
            rack_name: definition.rack.name,
            clusters,
        },
        rack_part,
        operator_tls,
        operator_socket: operator_api::listen(&state.file(SOCKET_FILE))?,
        netboot,
        notifier: Notifier::from_environment().map_err(SiteError::Notify)?,
        registry,
        registry_task,
        state,
        ca,
        name: definition.name.to_string(),
    })
}

fn node_addresses(definition: &SiteDefinition, listen: &Listen) -> Vec<SocketAddr> {
    match listen {
        Listen::Only(address) => vec![*address],
        Listen::Networks => {
            let networks = definition.networks.iter();
            networks.map(|net| (net.address.address, definition.node_api_port).into()).collect()
        }
    }
}

async fn operator_tls(
    listen: Option<&OperatorListen>,
    authority: &Authority,
) -> Result<Option<(TcpListener, Arc<rustls::ServerConfig>)>, SiteError> {
    let Some(OperatorListen { address, names }) = listen else { return Ok(None) };
    let identity = authority.server(&[address.ip()], names)?;
    // A token inside says who asks.
    let config =
        tls::server_config(identity, WebPkiClientVerifier::no_client_auth()).map_err(SiteError::Tls)?;
    let failed = |source| SiteError::ListenForOperators { address: *address, source };
    Ok(Some((TcpListener::bind(address).await.map_err(failed)?, Arc::new(config))))
}

/// Operators cannot read the CA's own file, as its key is in there.
fn keep_certificate(state: &StateFolder, authority: &Authority) {
    let (path, wanted) = (state.file(CA_CERTIFICATE_FILE), authority.certificate_pem());
    if fs::read_text(&path).is_ok_and(|kept| kept == wanted) {
        return;
    }
    if let Err(error) = fs::write_atomic(&path, wanted.as_bytes()) {
        // A full disk is no reason not to serve machines.
        warn!(error = with_causes(&error), "operators will not find the CA's certificate");
    }
}

impl Site {
    /// Where nodes are answered; with the real port where 0 was asked for.
    pub fn node_addresses(&self) -> Vec<SocketAddr> {
        self.node_listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The operator's socket.
    pub fn socket(&self) -> PathBuf {
        self.state.file(SOCKET_FILE)
    }

    /// Where holders of tokens are answered.
    pub fn operator_address(&self) -> Option<SocketAddr> {
        self.operator_tls.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// How many files it may have open at once, when everybody asks.
    pub fn open_files_max(&self) -> u64 {
        let node_api = self.node_listeners.len() * node_api::CONNECTIONS_MAX;
        let netboot = self.netboot.as_ref().map_or(0, Netboot::open_files_max);
        (OPEN_FILES_REST + operator_api::OPEN_FILES_MAX + node_api + netboot) as u64
    }

    /// The CA's certificate (DER).
    pub fn ca(&self) -> &[u8] {
        &self.ca
    }

    /// Asks for a look at the shelf at once.
    pub fn rescan(&self) -> Arc<Notify> {
        Arc::clone(&self.shelf_task.rescan)
    }

    /// What boot requests lead to.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Runs until cancelled or until a part breaks, and ends every part.
    pub async fn run(self, token: CancellationToken) -> Result<(), SiteError> {
        let Self { state, registry, registry_task, shelf_task, node_api, operator_api, notifier, .. } = self;
        let registry_ended = tokio::spawn(registry_task.run());
        // Whoever asks the registry ends first; it ends when nobody is left who could.
        let front = token.child_token();
        let mut parts: JoinSet<Result<(), SiteError>> = JoinSet::new();
        for listener in self.node_listeners {
            let (api, token) = (node_api.clone(), front.clone());
            parts.spawn(async move {
                node_api::serve(api, listener, token).await;
                Ok(())
            });
        }
        if let Some((listener, tls)) = self.operator_tls {
            let (api, token) = (operator_api.clone(), front.clone());
            parts.spawn(async move {
                operator_api::serve_tls(api, listener, tls, token).await;
                Ok(())
            });
        }
        let (listener, api_token) = (self.operator_socket, front.clone());
        parts.spawn(async move {
            operator_api::serve_socket(operator_api, listener, api_token).await;
            Ok(())
        });
        let shelf_token = front.clone();
        parts.spawn(async move {
            shelf_task.run(shelf_token).await;
            Ok(())
        });
        if let Some(rack) = self.rack_part {
            let token = front.clone();
            parts.spawn(async move { Ok(rack.run(token).await?) });
        }
        if let Some(netboot) = self.netboot {
            let (registry, token) = (registry.clone(), front.clone());
            parts.spawn(async move { Ok(netboot.run(registry, token).await?) });
        }
        parts.spawn(watchdog(notifier, front.clone()));
        drop((registry, node_api));
        info!(site = self.name, "the site runs");
        let mut result = Ok(());
        while let Some(ended) = parts.join_next().await {
            // One part that ends takes the others along, whatever it ended with.
            let is_early = !front.is_cancelled();
            front.cancel();
            let ended = ended.map_err(SiteError::Broken).and_then(|ended| ended);
            let ended = if is_early && ended.is_ok() { Err(SiteError::Ended) } else { ended };
            if let Err(error) = ended {
                match result {
                    Ok(()) => result = Err(error),
                    Err(_) => warn!(%error, "one more part of the site broke"),
                }
            }
        }
        registry_ended.await.map_err(SiteError::Broken)?;
        info!("the site has ended");
        drop(state);
        result
    }
}

/// Tells systemd that the site is ready, and that it still lives as long as its tasks get their turn.
async fn watchdog(notifier: Notifier, token: CancellationToken) -> Result<(), SiteError> {
    // sd_watchdog_enabled(3): in microseconds; it wants to hear twice as often.
    let asked = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
    let every = asked.map_or(WATCHDOG_DEFAULT, |asked| Duration::from_micros(asked) / 2);
    notifier.tell("READY=1");
    let mut tick = tokio::time::interval(every.max(Duration::from_millis(10)));
    loop {
        tokio::select! {
            () = token.cancelled() => break,
            _ = tick.tick() => notifier.tell("WATCHDOG=1"),
        }
    }
    notifier.tell("STOPPING=1");
    Ok(())
}
