//! Counters of one server, for Prometheus; they only grow.

use super::event::{DropReason, Event, EventKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// What was done since the start.
#[derive(Debug, Default)]
pub struct DhcpMetrics {
    pub offers: AtomicU64,
    pub acknowledgements: AtomicU64,
    pub refusals: AtomicU64,
    pub declines: AtomicU64,
    pub releases: AtomicU64,
    pub informs: AtomicU64,
    pub proxy_offers: AtomicU64,
    pub proxy_acknowledgements: AtomicU64,
    pub pool_exhaustions: AtomicU64,
    pub nothing_to_boot: AtomicU64,
    pub store_failures: AtomicU64,
    pub send_failures: AtomicU64,
    pub receive_failures: AtomicU64,
    /// Events that nobody had room for.
    pub events_lost: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl DhcpMetrics {
    /// Counts what happened.
    pub fn count(&self, event: &Event) {
        let counter = match &event.kind {
            EventKind::Offered { .. } => &self.offers,
            EventKind::Acknowledged { .. } => &self.acknowledgements,
            EventKind::Refused { .. } => &self.refusals,
            EventKind::Declined { .. } => &self.declines,
            EventKind::Released { .. } => &self.releases,
            EventKind::Informed { .. } => &self.informs,
            EventKind::ProxyOffered { .. } => &self.proxy_offers,
            EventKind::ProxyAcknowledged { .. } => &self.proxy_acknowledgements,
            EventKind::PoolExhausted { .. } => &self.pool_exhaustions,
            EventKind::NothingToBoot { .. } => &self.nothing_to_boot,
            EventKind::StoreFailed { .. } => &self.store_failures,
            EventKind::SendFailed { .. } => &self.send_failures,
            EventKind::ReceiveFailed { .. } => &self.receive_failures,
            EventKind::Dropped { reason } => &self.dropped[*reason as usize],
            EventKind::OptionsOmitted { .. } | EventKind::LeasesForgotten { .. } => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages got no answer for a reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].load(Ordering::Relaxed)
    }

    /// Every counter but the dropped ones: the end of its Prometheus name, and its value.
    pub fn rows(&self) -> [(&'static str, u64); 14] {
        [
            ("offers_total", &self.offers),
            ("acknowledgements_total", &self.acknowledgements),
            ("refusals_total", &self.refusals),
            ("declines_total", &self.declines),
            ("releases_total", &self.releases),
            ("informs_total", &self.informs),
            ("proxy_offers_total", &self.proxy_offers),
            ("proxy_acknowledgements_total", &self.proxy_acknowledgements),
            ("pool_exhaustions_total", &self.pool_exhaustions),
            ("nothing_to_boot_total", &self.nothing_to_boot),
            ("store_failures_total", &self.store_failures),
            ("send_failures_total", &self.send_failures),
            ("receive_failures_total", &self.receive_failures),
            ("events_lost_total", &self.events_lost),
        ]
        .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let metrics = DhcpMetrics::default();
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at, "{reason:?}");
            let kind = EventKind::Dropped { reason };
            metrics.count(&Event { interface: "rack0".into(), client: None, machine: None, kind });
            assert_eq!(metrics.dropped(reason), 1, "{reason:?}");
        }
    }
}
