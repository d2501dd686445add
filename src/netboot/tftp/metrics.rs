//! What the TFTP server counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start; `transfers_open` goes up and down.
#[derive(Debug, Default)]
pub struct TftpMetrics {
    pub transfers_open: AtomicU64,
    pub transfers_started: AtomicU64,
    pub transfers_complete: AtomicU64,
    /// Ended by the client's own word, as firmware does after it has asked for a size.
    pub transfers_ended_by_client: AtomicU64,
    /// Ended because the client was not heard of any more.
    pub transfers_given_up: AtomicU64,
    /// Ended to make room for another.
    pub transfers_evicted: AtomicU64,
    /// Requests that got an error: a write, an unknown file, another mode.
    pub requests_refused: AtomicU64,
    /// Requests that got nothing, as there was no room; clients ask again.
    pub requests_without_room: AtomicU64,
    /// Datagrams that are no request, or one that is being served.
    pub datagrams_ignored: AtomicU64,
    /// Bytes of files, repetitions included.
    pub bytes_sent: AtomicU64,
    /// Data packets and answered options that were sent another time.
    pub packets_resent: AtomicU64,
}

/// Adds to a counter that nobody waits for.
pub(super) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
