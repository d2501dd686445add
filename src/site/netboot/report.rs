//! What the servers that boot machines have to say: the log, the events that a person should see, and counters.

use super::cards::Cards;
use crate::events::EventKind;
use crate::registry::Registry;
use std::collections::HashMap;
use std::fmt::Write;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use understudy_netboot::advertise::AdvertiseMetrics;
use understudy_netboot::dhcp::{self, Client, DhcpMetrics, DropReason};
use understudy_netboot::http::{HttpMetrics, Status};
use understudy_netboot::tftp::TftpMetrics;

/// A trouble of one kind is an event this often at most: strangers can cause some of them.
const TOLD_EVERY: Duration = Duration::from_secs(600);

/// Carries what DHCP says to the log and to the events.
pub struct Reports {
    registry: Registry,
    told: HashMap<Discriminant<dhcp::EventKind>, Instant>,
    cards: Cards,
}

impl Reports {
    pub fn new(registry: Registry) -> Self {
        Self { registry, told: HashMap::new(), cards: Cards::default() }
    }

    pub async fn run(mut self, mut events: mpsc::Receiver<dhcp::Event>, token: CancellationToken) {
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                event = events.recv() => match event {
                    Some(event) => self.tell(&event).await,
                    None => return,
                },
            }
        }
    }

    async fn tell(&mut self, event: &dhcp::Event) {
        use dhcp::EventKind as Kind;
        if let (Some(mac), Some(machine)) = (event.client.as_ref().and_then(Client::mac), event.machine)
            && let Some(text) = self.cards.seen(mac, machine, Instant::now())
        {
            warn!(%mac, text, "two machines with one card");
            self.registry.record(EventKind::SameMachine, text).await;
        }
        match &event.kind {
            Kind::PoolExhausted { .. }
            | Kind::StoreFailed { .. }
            | Kind::LeasesForgotten { .. }
            | Kind::NothingToBoot { .. }
            | Kind::Declined { .. } => {
                warn!(%event, "DHCP");
                self.record(event).await;
            }
            Kind::SendFailed { .. } | Kind::ReceiveFailed { .. } => warn!(%event, "DHCP"),
            Kind::Dropped { .. } => debug!(%event, "DHCP"),
            _ => info!(%event, "DHCP"),
        }
    }

    async fn record(&mut self, event: &dhcp::Event) {
        let (kind, now) = (discriminant(&event.kind), Instant::now());
        let is_due = self.told.get(&kind).is_none_or(|told| now.duration_since(*told) >= TOLD_EVERY);
        if is_due {
            self.told.insert(kind, now);
            self.registry.record(EventKind::Netboot, format!("DHCP on {event}")).await;
        }
    }
}

/// Counters that this crate hands to the servers; the others come from them.
#[derive(Debug, Default)]
pub struct Counters {
    pub dhcp: Arc<DhcpMetrics>,
    pub advertise: Arc<AdvertiseMetrics>,
}

impl Counters {
    /// All of them in Prometheus' text format.
    pub fn text(&self, http: &HttpMetrics, tftp: &TftpMetrics) -> String {
        let mut text = String::new();
        for (name, value) in self.dhcp.rows() {
            // Writing to a string does not fail, here and below.
            let _ = writeln!(text, "# TYPE understudy_dhcp_{name} counter\nunderstudy_dhcp_{name} {value}");
        }
        text.push_str("# TYPE understudy_dhcp_dropped_total counter\n");
        for reason in DropReason::ALL {
            let value = self.dhcp.dropped(reason);
            let _ = writeln!(text, "understudy_dhcp_dropped_total{{reason=\"{}\"}} {value}", reason.label());
        }
        for (name, kind, counter) in [
            ("advertise_solicitations_total", "counter", &self.advertise.solicitations),
            ("advertise_advertisements_total", "counter", &self.advertise.advertisements),
            ("advertise_refused_total", "counter", &self.advertise.refused),
            ("advertise_failures_total", "counter", &self.advertise.failures),
            ("http_connections", "gauge", &http.connections_open),
            ("http_connections_total", "counter", &http.connections_accepted),
            ("http_connections_refused_total", "counter", &http.connections_refused),
            ("http_body_bytes_total", "counter", &http.body_bytes_sent),
            ("http_bodies_cut_total", "counter", &http.bodies_cut),
            ("http_files_changed_total", "counter", &http.files_changed),
            ("tftp_transfers", "gauge", &tftp.transfers_open),
            ("tftp_transfers_total", "counter", &tftp.transfers_started),
            ("tftp_transfers_complete_total", "counter", &tftp.transfers_complete),
            ("tftp_transfers_given_up_total", "counter", &tftp.transfers_given_up),
            ("tftp_requests_refused_total", "counter", &tftp.requests_refused),
            ("tftp_bytes_total", "counter", &tftp.bytes_sent),
            ("tftp_packets_resent_total", "counter", &tftp.packets_resent),
        ] {
            let value = read(counter);
            let _ = writeln!(text, "# TYPE understudy_{name} {kind}\nunderstudy_{name} {value}");
        }
        text.push_str("# TYPE understudy_http_responses_total counter\n");
        for status in Status::ALL {
            let (value, code) = (http.responses(status), &status.line()[..3]);
            let _ = writeln!(text, "understudy_http_responses_total{{code=\"{code}\"}} {value}");
        }
        text
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
