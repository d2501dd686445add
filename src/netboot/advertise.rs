//! IPv6 router advertisements (RFC 4861) that say "no router, no prefix, no DHCPv6 here".
//!
//! iPXE and firmware wait for an advertisement until they give up, 16 s later; this answer lets them go on with
//! IPv4 at once. Nothing that listens gets an IPv6 address or route from it.
//!
//! Entry points: [`build`], [`Server::run`].

mod schedule;
mod socket;

use schedule::{Schedule, Target};
use socket::{Heard, Socket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use socket::AdvertiseError;

/// How long to wait after a socket failed.
const RETRY: Duration = Duration::from_secs(1);

/// Where to advertise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub interfaces: Vec<String>,
}

/// Counters; they only grow.
#[derive(Debug, Default)]
pub struct AdvertiseMetrics {
    pub solicitations: AtomicU64,
    pub advertisements: AtomicU64,
    /// Packets that claim to be solicitations and are not.
    pub refused: AtomicU64,
    pub failures: AtomicU64,
}

/// A server with its sockets open.
#[derive(Debug)]
pub struct Server {
    sockets: Vec<Socket>,
    metrics: Arc<AdvertiseMetrics>,
}

/// Opens one socket for each interface; inside a tokio runtime, with CAP_NET_RAW.
pub fn build(config: &Config, metrics: Arc<AdvertiseMetrics>) -> Result<Server, AdvertiseError> {
    let sockets = config.interfaces.iter().map(|name| Socket::open(name)).collect::<Result<_, _>>()?;
    Ok(Server { sockets, metrics })
}

impl Config {
    /// The interfaces of a DHCP configuration that want advertisements.
    pub fn of(dhcp: &crate::dhcp::Config) -> Self {
        let wanting = dhcp.interfaces.iter().filter(|interface| interface.router_advertisements);
        Self { interfaces: wanting.map(|interface| interface.name.clone()).collect() }
    }
}

impl Server {
    /// Advertises until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        let mut tasks = JoinSet::new();
        for socket in self.sockets {
            let (cancel, metrics) = (cancel.clone(), self.metrics.clone());
            tasks.spawn(async move {
                cancel.run_until_cancelled(advertise(&socket, &metrics)).await;
            });
        }
        cancel.cancelled().await;
        while tasks.join_next().await.is_some() {}
    }
}

async fn advertise(socket: &Socket, metrics: &AdvertiseMetrics) {
    let mut schedule = Schedule::new(Instant::now().into_std());
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    loop {
        let heard = tokio::time::timeout_at(schedule.next().into(), socket.hear()).await;
        let now = Instant::now().into_std();
        let target = match heard {
            Err(_) => schedule.due(now),
            Ok(Ok(Heard::Solicitation(source))) => {
                count(&metrics.solicitations);
                schedule.solicited(now, source)
            }
            Ok(Ok(Heard::Noise)) => {
                count(&metrics.refused);
                None
            }
            Ok(Err(_)) => {
                count(&metrics.failures);
                tokio::time::sleep(RETRY).await;
                None
            }
        };
        let Some(target) = target else { continue };
        match (socket.advertise(target), target) {
            (Ok(()), _) => count(&metrics.advertisements),
            // The interface's own address may not be usable yet: nobody hears of this, and somebody may wait.
            (Err(_), Target::Everybody) => {
                schedule.retry(now);
                count(&metrics.failures)
            }
            (Err(_), Target::One(_)) => count(&metrics.failures),
        };
    }
}
