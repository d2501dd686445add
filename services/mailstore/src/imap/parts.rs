//! What all sessions share, and what they may take of it together.

use super::config::Config;
use super::failure::Failure;
use super::numbers::Numbers;
use crate::error::StoreError;
use crate::store::Store;
use mail::listen::Door;
use mail::tls::Certificates;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tracing::error;

/// Of messages that are appended, of all sessions.
const INCOMING_KIB: u32 = 256 * 1024;
/// Of messages that are looked into, of all sessions.
const WHOLE_KIB: u32 = 256 * 1024;
/// What is made of a message while it is looked into, for each of its octets.
const WHOLE_COPIES: u64 = 2;
/// Long works at once, for each processor.
const WORKS_PER_PROCESSOR: usize = 2;

pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) tls: Option<Certificates>,
    pub(super) door: Arc<Door>,
    pub(super) numbers: Arc<Numbers>,
    pub(super) incoming: Arc<Room>,
    whole: Arc<Room>,
    works: Semaphore,
}

/// Memory that is shared: whoever needs some of it waits until it is there, one after the other.
pub(super) struct Room {
    semaphore: Arc<Semaphore>,
    kib: u32,
}

impl Room {
    fn new(kib: u32) -> Arc<Self> {
        Arc::new(Self { semaphore: Arc::new(Semaphore::new(kib as usize)), kib })
    }

    /// Who needs more than there is gets all of it.
    pub(super) async fn take(self: Arc<Self>, octets: u64) -> OwnedSemaphorePermit {
        let kib = u32::try_from(octets.div_ceil(1024)).unwrap_or(u32::MAX).min(self.kib);
        Arc::clone(&self.semaphore).acquire_many_owned(kib).await.expect("nobody closes it")
    }
}

impl Parts {
    pub(super) fn new(config: Config, store: Store, tls: Option<Certificates>) -> Self {
        let door = Arc::new(Door::new(config.limits));
        let numbers = Arc::new(Numbers::new(config.name));
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            config,
            store,
            tls,
            door,
            numbers,
            incoming: Room::new(INCOMING_KIB),
            whole: Room::new(WHOLE_KIB),
            works: Semaphore::new(processors * WORKS_PER_PROCESSOR),
        }
    }

    /// Of a message in APPEND; the number is told to clients.
    pub(super) fn message_octets_max(&self) -> u32 {
        u32::try_from(self.store.message_octets_max()).unwrap_or(u32::MAX)
    }

    /// Reads that take longer than others could wait. Those of many sessions take turns.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let _turn = self.works.acquire().await.expect("nobody closes it");
        blocking(work).await
    }

    /// The same with a whole message of so many octets in memory.
    pub(super) async fn work_on_whole<T: Send + 'static>(
        &self,
        octets: u64,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let room = Arc::clone(&self.whole).take(octets.saturating_mul(WHOLE_COPIES)).await;
        // It is kept until the work is done, also if nobody waits for it any more.
        self.work(move || {
            let done = work();
            drop(room);
            done
        })
        .await
    }
}

/// Reads that are short, but may have to wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Failure> {
    match spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            error!(%error, "reading a mailbox broke");
            Err(Failure::Broken)
        }
    }
}
