//! The thin part: sockets and a clock around the engine.
//!
//! One task per port of an interface receives, one decides, one saves leases. What needs no lease is answered at
//! once; other answers wait in [`super::saving`].

use super::config::{Config, ConfigError};
use super::engine::Engine;
use super::event::{DropReason, Event, EventKind};
use super::exchange::{Port, Received};
use super::lease::{LeaseStore, LeaseStoreError, SAVE_LEASES_MAX};
use super::metrics::DhcpMetrics;
use super::outlet::{Outlet, Reporter};
use super::promised::Promised;
use super::saving::{self, Unsaved};
use super::sockets::{SocketError, Sockets};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Longer than any message that an Ethernet carries.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// Messages that were received and not yet decided about.
const QUEUE_MESSAGES_MAX: usize = 1024;
/// Messages that are decided about in one go.
const BATCH_MESSAGES_MAX: usize = 64;
/// Decisions that wait for a save; further ones wait for a place, and then messages are dropped.
const UNSAVED_MAX: usize = 4 * SAVE_LEASES_MAX;
/// How long to wait after a socket failed.
const RETRY: Duration = Duration::from_secs(1);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the DHCP configuration cannot be used")]
    Config(#[from] ConfigError),
    #[error("DHCP leases of before are not known")]
    Store(#[from] LeaseStoreError),
    #[error("DHCP cannot be served")]
    Socket(#[from] SocketError),
}

/// A DHCP server with its ports open.
pub struct Server {
    engine: Engine,
    promised: Promised,
    store: Arc<dyn LeaseStore>,
    outlet: Outlet,
}

struct Datagram {
    interface: usize,
    port: Port,
    source: SocketAddrV4,
    bytes: Vec<u8>,
}

/// Loads leases and opens every socket; inside a tokio runtime, as a user who may use ports below 1024 and packet
/// sockets (CAP_NET_BIND_SERVICE, CAP_NET_RAW).
pub fn build(
    config: &Config,
    store: Arc<dyn LeaseStore>,
    events: mpsc::Sender<Event>,
    metrics: Arc<DhcpMetrics>,
) -> Result<Server, BuildError> {
    let checked = config.validate()?;
    let (leases, mut promised) = (store.load()?, Promised::default());
    leases.iter().cloned().for_each(|lease| promised.keep(lease));
    let (engine, forgotten) = Engine::new(&checked, leases);
    let opened =
        checked.interfaces.iter().map(|served| Sockets::open(&served.name, served.address).map(Arc::new));
    let sockets = opened.collect::<Result<Vec<_>, _>>()?;
    let outlet = Outlet { sockets, reporter: Reporter { events, metrics } };
    if !outlet.sockets.is_empty() && forgotten > 0 {
        outlet.report(0, EventKind::LeasesForgotten { count: forgotten });
    }
    Ok(Server { engine, promised, store, outlet })
}

impl Server {
    /// Serves until cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        let (sender, mut queue) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let mut tasks = JoinSet::new();
        for (interface, sockets) in self.outlet.sockets.iter().enumerate() {
            for port in [Port::Dhcp, Port::Proxy] {
                let (sockets, sender) = (sockets.clone(), sender.clone());
                let (reporter, cancel) = (self.outlet.reporter.clone(), cancel.clone());
                tasks.spawn(async move {
                    let receive = receive(interface, port, &sockets, &sender, &reporter);
                    cancel.run_until_cancelled(receive).await;
                });
            }
        }
        drop(sender);
        let (unsaved, decided) = mpsc::channel(UNSAVED_MAX);
        tasks.spawn(saving::run(
            self.store.clone(),
            std::mem::take(&mut self.promised),
            decided,
            self.outlet.clone(),
        ));
        let mut batch = Vec::with_capacity(BATCH_MESSAGES_MAX);
        // Ends when cancelled, or at once where no interface is served: then wait for that.
        while let Some(1..) =
            cancel.run_until_cancelled(queue.recv_many(&mut batch, BATCH_MESSAGES_MAX)).await
        {
            self.decide(&mut batch, &unsaved).await;
        }
        cancel.cancelled().await;
        // What was decided is still saved and answered.
        drop(unsaved);
        while tasks.join_next().await.is_some() {}
    }

    async fn decide(&mut self, batch: &mut Vec<Datagram>, unsaved: &mpsc::Sender<Unsaved>) {
        let now = SystemTime::now();
        for Datagram { interface, port, source, bytes } in batch.drain(..) {
            let received = Received { interface, port, source, bytes: &bytes };
            let mut effects = self.engine.step(now, &received);
            match effects.lease.take() {
                None => self.outlet.carry_out(effects),
                // It is there as long as somebody decides.
                Some(lease) => drop(unsaved.send(Unsaved { interface, lease, effects }).await),
            }
        }
    }
}

async fn receive(
    interface: usize,
    port: Port,
    sockets: &Sockets,
    queue: &mpsc::Sender<Datagram>,
    reporter: &Reporter,
) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        match sockets.listener(port).recv_from(&mut buffer).await {
            Ok((length, SocketAddr::V4(source))) => {
                let bytes = buffer[..length].to_vec();
                if queue.try_send(Datagram { interface, port, source, bytes }).is_err() {
                    let reason = DropReason::Overloaded;
                    reporter.report(sockets.event(EventKind::Dropped { reason }));
                }
            }
            Ok((_, SocketAddr::V6(_))) => unreachable!("an IPv4 socket"),
            Err(error) => {
                reporter.report(sockets.event(EventKind::ReceiveFailed { error: error.to_string() }));
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
