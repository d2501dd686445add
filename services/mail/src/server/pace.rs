//! How long a client may take. Pure: the caller brings the time.
//!
//! The time of a command ends with its last octet, not with its next one: a client of one byte a second is not a busy one. The same
//! goes for a content as a whole.

use super::config::Timeouts;
use crate::engine::Awaits;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Pace {
    timeouts: Timeouts,
    begun: Instant,
    /// What the client is to send, and since when.
    awaits: Awaits,
    since: Instant,
    /// The last time that anything came.
    heard: Instant,
}

impl Pace {
    pub(super) fn new(timeouts: Timeouts, now: Instant) -> Self {
        Self { timeouts, begun: now, awaits: Awaits::Driver, since: now, heard: now }
    }

    /// Before each wait. `has_spoken` tells whether anything was answered since the last one.
    pub(super) fn wait(&mut self, now: Instant, awaits: Awaits, has_spoken: bool) {
        if has_spoken || awaits != self.awaits {
            self.since = now;
        }
        self.awaits = awaits;
        self.heard = now;
    }

    /// When it was too long.
    pub(super) fn deadline(&self) -> Instant {
        let timeouts = &self.timeouts;
        match self.awaits {
            Awaits::Content => (self.heard + timeouts.content_pause).min(self.since + timeouts.content),
            _ => (self.since + timeouts.command).min(self.begun + timeouts.session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// When a client is given up that sends a byte each second.
    fn given_up(awaits: Awaits, has_spoken: bool) -> u64 {
        let now = Instant::now();
        let mut pace = Pace::new(Timeouts::default(), now);
        (1..)
            .find(|&second| {
                let then = now + Duration::from_secs(second);
                pace.wait(then, awaits, has_spoken);
                pace.deadline() <= then + Duration::from_secs(1)
            })
            .unwrap()
    }

    /// Catches a deadline that moves with each byte.
    #[test]
    fn a_byte_a_second_is_not_enough() {
        assert_eq!(given_up(Awaits::Command, false), 5 * 60);
        assert_eq!(given_up(Awaits::Content, false), 60 * 60);
        assert_eq!(given_up(Awaits::Command, true), 120 * 60 - 1);
    }

    #[test]
    fn a_pause_in_a_content_has_an_end_of_its_own() {
        let now = Instant::now();
        let mut pace = Pace::new(Timeouts::default(), now);
        pace.wait(now, Awaits::Content, false);
        assert_eq!(pace.deadline(), now + Duration::from_secs(180));
    }
}
