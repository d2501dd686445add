//! What the HTTP server counts.

use super::response::Status;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start; `connections_open` goes up and down.
#[derive(Debug, Default)]
pub struct HttpMetrics {
    pub connections_open: AtomicU64,
    pub connections_accepted: AtomicU64,
    /// Connections that got a 503, as too many were open.
    pub connections_refused: AtomicU64,
    /// Bytes of bodies that were handed to the kernel.
    pub body_bytes_sent: AtomicU64,
    /// Bodies that were cut off: the client left or was too slow, or the file became shorter.
    pub bodies_cut: AtomicU64,
    /// Files that are not what they were when their digests were taken.
    pub files_changed: AtomicU64,
    responses: [AtomicU64; Status::ALL.len()],
}

impl HttpMetrics {
    /// How many answers had this status.
    pub fn responses(&self, status: Status) -> u64 {
        self.counter(status).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    pub(super) fn count_response(&self, status: Status) {
        if let Some(counter) = self.counter(status) {
            count(counter, 1);
        }
    }

    fn counter(&self, status: Status) -> Option<&AtomicU64> {
        let at = Status::ALL.iter().position(|known| *known == status)?;
        self.responses.get(at)
    }
}

/// Adds to a counter that nobody waits for.
pub(super) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
