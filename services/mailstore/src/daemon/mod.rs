//! `mailstore serve`: opens a store, takes mail by LMTP, tells of itself over HTTP, compacts from time to time.
//!
//! It ends when it is told to drain: sessions get their answers first ([`mail::server`]), then the store is closed. A second daemon on the
//! same folder does not start. There is no TLS and no password on these listeners: they are for networks of our own hosts. Entry points: [`Settings`],
//! [`run`].

mod settings;
mod well;

pub use settings::{Compaction, Lmtp, Observe, Settings};

use crate::error::StoreError;
use crate::lmtp::{self, Inbound};
use crate::store::{Config, Store};
use mail::content::{Spool, SpoolConfig};
use mail::observe::{self, Registry};
use mail::server::{NoCertificate, Server};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use well::{StoreNumbers, Well};

/// Of a message on its way; what is larger goes into a file.
const SPOOL_MEMORY_OCTETS_MAX: usize = 256 * 1024;
/// Of all messages on their way.
const SPOOL_OCTETS_MAX: u64 = 4 << 30;

/// Why the daemon does not start.
#[derive(Debug, Error)]
pub enum DaemonError {
    #[error("cannot open the store")]
    Store(#[source] StoreError),
    #[error("cannot make the folder for messages on their way")]
    Folder(#[source] io::Error),
    #[error("cannot listen on {address}; see who has it with `ss -ltnp`")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot serve LMTP")]
    Certificate(#[from] NoCertificate),
    #[error("opening the store broke")]
    Broken(#[source] tokio::task::JoinError),
}

/// Serves until it is told to drain, and then until everything has ended.
pub async fn run(settings: Settings, drain: CancellationToken) -> Result<(), DaemonError> {
    let store = open(&settings).await?;
    let spool = spool(&settings)?;
    let (registry, end) = (Registry::default(), CancellationToken::new());
    let inbound = Arc::new(Inbound::new(store.clone(), settings.host.clone(), &settings.own_names));
    registry.add(inbound.numbers());
    registry.add(Arc::new(StoreNumbers(store.clone())));
    let config = lmtp::config(settings.host.clone(), &store, settings.drain.0);
    let server = Server::new(config, inbound, None, Arc::clone(&spool))?;
    registry.add(server.numbers());

    let (mut serving, mut beside) = (JoinSet::new(), JoinSet::new());
    for address in settings.lmtp.listen {
        let (listener, server, drain) = (listen("lmtp", address).await?, server.clone(), drain.clone());
        serving.spawn(async move { server.serve(listener, drain).await });
    }
    if let Some(observed) = settings.observe {
        let listener = listen("observe", observed.listen).await?;
        let well = Arc::new(Well { store: store.clone(), spool });
        beside.spawn(observe::serve(listener, registry, well, end.clone()));
    } else {
        // It has the store too.
        drop(registry);
        drop(spool);
    }
    beside.spawn(compact(store, settings.compaction.every.0, end.clone()));

    drain.cancelled().await;
    info!("draining");
    serving.join_all().await;
    end.cancel();
    beside.join_all().await;
    // The last clone of the store goes with the server.
    let closed = spawn_blocking(move || drop(server)).await;
    closed.map_err(DaemonError::Broken)?;
    info!("ended");
    Ok(())
}

async fn open(settings: &Settings) -> Result<Store, DaemonError> {
    let config = Config::new(&settings.folder);
    let opened = spawn_blocking(move || Store::open(&config)).await;
    let store = opened.map_err(DaemonError::Broken)?.map_err(DaemonError::Store)?;
    let cut_octets = store.counts().cut_octets;
    if cut_octets > 0 {
        warn!(cut_octets, "a power cut tore the end of the journal; nothing in it had been acknowledged");
    }
    Ok(store)
}

fn spool(settings: &Settings) -> Result<Arc<Spool>, DaemonError> {
    let folder = settings.folder.join("incoming");
    fs_err::create_dir_all(&folder).map_err(DaemonError::Folder)?;
    Ok(Spool::new(SpoolConfig {
        folder,
        memory_octets_max: SPOOL_MEMORY_OCTETS_MAX,
        octets_max: SPOOL_OCTETS_MAX,
    }))
}

async fn listen(listener: &'static str, address: SocketAddr) -> Result<TcpListener, DaemonError> {
    let failed = |source| DaemonError::Listen { address, source };
    let bound = TcpListener::bind(address).await.map_err(failed)?;
    let address = bound.local_addr().map_err(failed)?;
    info!(listener, %address, "listening");
    Ok(bound)
}

/// From time to time. A failure is told, and the next time comes.
async fn compact(store: Store, every: Duration, end: CancellationToken) {
    let mut times = interval(every);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            _ = times.tick() => {}
        }
        // Whole segments: the end waits for the one that is being written anew, or for none.
        match store.compact().await {
            Ok(compacted) if compacted.segments == 0 => {}
            Ok(compacted) => {
                info!(segments = compacted.segments, freed_octets = compacted.freed_octets, "compacted");
            }
            Err(error) => warn!(error = &error as &dyn std::error::Error, "cannot compact"),
        }
    }
}
