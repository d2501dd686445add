//! What is counted, in Prometheus' text format (version 0.0.4).

use crate::lifecycle::State;
use crate::view::NodeView;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    hellos: AtomicU64,
    reports: AtomicU64,
    handshakes_failed: AtomicU64,
    heartbeats: AtomicU64,
    heartbeats_refused: AtomicU64,
    bundles: AtomicU64,
    bundles_refused: AtomicU64,
    operator_refused: AtomicU64,
}

/// What is counted elsewhere.
#[derive(Debug)]
pub struct Gauges<'a> {
    pub nodes: &'a [NodeView],
    pub events: u64,
    pub images: usize,
    pub images_refused: usize,
    /// Lines of the servers that boot machines, in the same format.
    pub netboot: String,
}

impl Metrics {
    pub fn hellos(&self) {
        self.hellos.fetch_add(1, Ordering::Relaxed);
    }

    pub fn reports(&self) {
        self.reports.fetch_add(1, Ordering::Relaxed);
    }

    pub fn handshakes_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn heartbeats(&self) {
        self.heartbeats.fetch_add(1, Ordering::Relaxed);
    }

    pub fn heartbeats_refused(&self) {
        self.heartbeats_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn bundles(&self) {
        self.bundles.fetch_add(1, Ordering::Relaxed);
    }

    pub fn bundles_refused(&self) {
        self.bundles_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn operator_refused(&self) {
        self.operator_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it as text.
    pub fn text(&self, gauges: &Gauges<'_>) -> String {
        let mut text = String::from("# TYPE understudy_nodes gauge\n");
        for state in State::NAMES {
            let count = gauges.nodes.iter().filter(|node| node.state == state).count();
            // Writing to a string does not fail.
            let _ = writeln!(text, "understudy_nodes{{state=\"{state}\"}} {count}");
        }
        let attention = gauges.nodes.iter().filter(|node| !node.attention.is_empty()).count();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (name, kind, value) in [
            ("understudy_nodes_attention", "gauge", attention as u64),
            ("understudy_images", "gauge", gauges.images as u64),
            ("understudy_images_refused", "gauge", gauges.images_refused as u64),
            ("understudy_events_total", "counter", gauges.events),
            ("understudy_node_hellos_total", "counter", read(&self.hellos)),
            ("understudy_node_reports_total", "counter", read(&self.reports)),
            ("understudy_node_handshakes_failed_total", "counter", read(&self.handshakes_failed)),
            ("understudy_node_heartbeats_total", "counter", read(&self.heartbeats)),
            ("understudy_node_heartbeats_refused_total", "counter", read(&self.heartbeats_refused)),
            ("understudy_bundles_total", "counter", read(&self.bundles)),
            ("understudy_bundles_refused_total", "counter", read(&self.bundles_refused)),
            ("understudy_operator_tokens_refused_total", "counter", read(&self.operator_refused)),
        ] {
            let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
        }
        text + &gauges.netboot
    }
}
