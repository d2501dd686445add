//! `mailstore serve`: opens a store, takes mail by LMTP, lets it be read by IMAP and POP3, tells of itself over HTTP, compacts from time to time.
//!
//! It ends when it is told to drain: sessions get their answers first ([`mail::listen`]), then the store is closed. A second daemon on the
//! same folder does not start. LMTP has no TLS and no password: it is for networks of our own hosts. Who reads mail is asked for a
//! password, of the directory's; [`crate::login`] says what goes on while the directory does not answer. Certificates are read again when their
//! files change, and when it is told to. Entry points: [`Settings`], [`run`].

mod error;
mod listeners;
mod people;
mod settings;
mod well;

pub use error::DaemonError;
pub use settings::{Compaction, Lmtp, Observe, Readers, Settings, Tls};

use crate::store::{Config, Store};
use listeners::{Listeners, bind};
use mail::content::{Spool, SpoolConfig};
use mail::observe::{self, Registry};
use mail::tls::Certificates;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use well::{StoreNumbers, Well};

/// Of a message on its way; what is larger goes into a file.
const SPOOL_MEMORY_OCTETS_MAX: usize = 256 * 1024;
/// Of all messages on their way.
const SPOOL_OCTETS_MAX: u64 = 4 << 30;
/// Between two looks at the files of certificates.
const CERTIFICATES_WATCH: Duration = Duration::from_secs(60);

/// What the daemon is told while it runs.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Begin nothing new, and end.
    pub drain: CancellationToken,
    /// Read certificates again.
    pub reload: Arc<Notify>,
}

/// Serves until it is told to drain, and then until everything has ended.
pub async fn run(settings: Settings, orders: Orders) -> Result<(), DaemonError> {
    let store = open(&settings).await?;
    let spool = spool(&settings)?;
    let certificates = settings.tls.clone().map(Certificates::load).transpose()?;
    let people = people::open(&settings).await?;
    let (registry, end) = (Registry::default(), CancellationToken::new());
    registry.add(Arc::new(StoreNumbers(store.clone())));
    let accounts = Arc::new(people::accounts(&settings, store.clone(), people.clone(), &registry)?);
    let mut listeners = Listeners {
        settings: &settings,
        orders: &orders,
        store: store.clone(),
        accounts,
        certificates: certificates.clone(),
        registry: &registry,
        serving: JoinSet::new(),
    };
    listeners.lmtp(Arc::clone(&spool)).await?;
    listeners.imap().await?;
    listeners.pop3().await?;

    let mut beside = JoinSet::new();
    if let Some(observed) = &settings.observe {
        let listener = bind("observe", observed.listen).await?;
        let well = Arc::new(Well { store: store.clone(), spool, people });
        beside.spawn(observe::serve(listener, registry.clone(), well, end.clone()));
    }
    if let Some(certificates) = certificates {
        beside.spawn(renew(certificates, Arc::clone(&orders.reload), end.clone()));
    }
    beside.spawn(compact(store.clone(), settings.compaction.every.0, end.clone()));

    orders.drain.cancelled().await;
    info!("draining");
    listeners.serving.join_all().await;
    end.cancel();
    beside.join_all().await;
    // Then the last clone of the store goes, and waits for the disk.
    let last = (listeners.accounts, listeners.store, store, registry);
    spawn_blocking(move || drop(last)).await.map_err(DaemonError::Broken)?;
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

/// When the files have changed, and at once when somebody says so.
async fn renew(certificates: Certificates, reload: Arc<Notify>, end: CancellationToken) {
    let at_once = async {
        loop {
            reload.notified().await;
            certificates.reload_and_tell();
        }
    };
    tokio::select! {
        () = certificates.watch(CERTIFICATES_WATCH, end) => {}
        () = at_once => {}
    }
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
