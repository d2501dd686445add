//! The thin part: sockets and a clock around the engine.
//!
//! One task per port of an interface receives, one decides. Answers wait for their leases to be saved; a batch of
//! messages shares one save, so a boot storm costs few.

use super::config::{Config, ConfigError};
use super::engine::Engine;
use super::event::{DropReason, Event, EventKind};
use super::exchange::{Effects, Port, Received};
use super::lease::{Lease, LeaseStore, LeaseStoreError};
use super::metrics::DhcpMetrics;
use super::promised::Promised;
use super::sockets::{SocketError, Sockets};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use understudy_core::base::causes::with_causes;

/// Longer than any message that an Ethernet carries.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// Messages that were received and not yet decided about.
const QUEUE_MESSAGES_MAX: usize = 1024;
/// Messages that share one save of leases.
const BATCH_MESSAGES_MAX: usize = 64;
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
    sockets: Vec<Arc<Sockets>>,
    store: Arc<dyn LeaseStore>,
    reporter: Reporter,
}

/// Where events go. A listener that is too slow misses some, and that is counted; nobody waits for it.
#[derive(Clone)]
struct Reporter {
    events: mpsc::Sender<Event>,
    metrics: Arc<DhcpMetrics>,
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
    promised.keep(&leases);
    let (engine, forgotten) = Engine::new(&checked, leases);
    let opened =
        checked.interfaces.iter().map(|served| Sockets::open(&served.name, served.address).map(Arc::new));
    let sockets = opened.collect::<Result<Vec<_>, _>>()?;
    let reporter = Reporter { events, metrics };
    if let (Some(first), 1..) = (sockets.first(), forgotten) {
        reporter.report(first.event(EventKind::LeasesForgotten { count: forgotten }));
    }
    Ok(Server { engine, promised, sockets, store, reporter })
}

impl Server {
    /// Serves until cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        let (sender, mut queue) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let mut receivers = JoinSet::new();
        for (interface, sockets) in self.sockets.iter().enumerate() {
            for port in [Port::Dhcp, Port::Proxy] {
                let (sockets, sender) = (sockets.clone(), sender.clone());
                let (reporter, cancel) = (self.reporter.clone(), cancel.clone());
                receivers.spawn(async move {
                    let receive = receive(interface, port, &sockets, &sender, &reporter);
                    cancel.run_until_cancelled(receive).await;
                });
            }
        }
        drop(sender);
        let mut batch = Vec::with_capacity(BATCH_MESSAGES_MAX);
        // Ends when cancelled, or at once where no interface is served: then wait for that.
        while let Some(1..) =
            cancel.run_until_cancelled(queue.recv_many(&mut batch, BATCH_MESSAGES_MAX)).await
        {
            self.serve(&mut batch).await;
        }
        cancel.cancelled().await;
        while receivers.join_next().await.is_some() {}
    }

    async fn serve(&mut self, batch: &mut Vec<Datagram>) {
        let now = SystemTime::now();
        let decide = |datagram: Datagram| {
            let Datagram { interface, port, source, bytes } = datagram;
            let received = Received { interface, port, source, bytes: &bytes };
            (interface, self.engine.step(now, &received))
        };
        let decided: Vec<(usize, Effects)> = batch.drain(..).map(decide).collect();
        let leases: Vec<Lease> = decided.iter().filter_map(|(_, effects)| effects.lease.clone()).collect();
        let unsaved = match leases.is_empty() {
            true => None,
            false => self.save(leases.clone()).await,
        };
        let Some(error) = unsaved else {
            self.promised.keep(&leases);
            return decided.into_iter().for_each(|(_, effects)| self.carry_out(effects));
        };
        let first = decided.first().map(|(interface, _)| *interface);
        let mut unanswered = 0;
        for (interface, effects) in decided {
            if effects.lease.is_none() {
                self.carry_out(effects);
            } else if let Some(shortened) = self.promised.shorten(now, &effects) {
                self.carry_out(shortened);
            } else {
                unanswered += 1;
                let client = effects.events.into_iter().next().and_then(|event| event.client);
                let kind = EventKind::Dropped { reason: DropReason::Unsaved };
                self.reporter.report(Event { client, ..self.sockets[interface].event(kind) });
            }
        }
        if let Some(interface) = first {
            let kind = EventKind::StoreFailed { unanswered, error };
            self.reporter.report(self.sockets[interface].event(kind));
        }
    }

    /// What went wrong, if anything did.
    async fn save(&self, leases: Vec<Lease>) -> Option<String> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || store.save(&leases)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(with_causes(&error)),
            Err(panic) => Some(panic.to_string()),
        }
    }

    fn carry_out(&self, effects: Effects) {
        effects.events.into_iter().for_each(|event| self.reporter.report(event));
        let Some(reply) = effects.reply else { return };
        let sockets = &self.sockets[reply.interface];
        if let Err(error) = sockets.send(&reply) {
            self.reporter.report(sockets.event(EventKind::SendFailed { error: error.to_string() }));
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

impl Reporter {
    fn report(&self, event: Event) {
        self.metrics.count(&event);
        if self.events.try_send(event).is_err() {
            self.metrics.events_lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
