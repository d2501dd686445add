//! How long a client may take. Pure: the caller brings the time.
//!
//! The time of a command ends with its last octet, not with its next one: a client of one byte a second is not a busy one.

use super::config::Timeouts;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Pace {
    timeouts: Timeouts,
    /// When a stranger's time is over. None: the client is known.
    login: Option<Instant>,
    /// When the last command was answered.
    since: Instant,
    /// When the one that comes now began to come.
    begun: Option<Instant>,
    /// The last time that anything came.
    heard: Instant,
    is_message: bool,
}

impl Pace {
    pub(super) fn new(timeouts: Timeouts, now: Instant) -> Self {
        let login = Some(now + timeouts.login);
        Self { timeouts, login, since: now, begun: None, heard: now, is_message: false }
    }

    pub(super) fn known(&mut self) {
        self.login = None;
    }

    /// Something came.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.begun.get_or_insert(now);
    }

    /// What comes now is a message.
    pub(super) fn message(&mut self, now: Instant) {
        self.heard = now;
        self.is_message = true;
    }

    /// All of a command has come, or it was answered.
    pub(super) fn rest(&mut self, now: Instant) {
        self.since = now;
        self.begun = None;
        self.is_message = false;
    }

    /// When it was too long.
    pub(super) fn deadline(&self) -> Instant {
        let timeouts = &self.timeouts;
        let deadline = match self.begun {
            None => self.since + timeouts.idle,
            Some(begun) if self.is_message => {
                (self.heard + timeouts.append_pause).min(begun + timeouts.append)
            }
            Some(begun) => begun + timeouts.command,
        };
        self.login.map_or(deadline, |login| login.min(deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// When a client is given up that sends a byte each second.
    fn given_up(is_known: bool, is_message: bool) -> u64 {
        let now = Instant::now();
        let mut pace = Pace::new(Timeouts::default(), now);
        if is_known {
            pace.known();
        }
        (1..)
            .find(|&second| {
                let then = now + Duration::from_secs(second);
                pace.hear(then);
                if is_message {
                    pace.message(then);
                }
                pace.deadline() <= then + Duration::from_secs(1)
            })
            .unwrap()
    }

    /// Catches a deadline that moves with each byte.
    #[test]
    fn a_byte_a_second_is_not_enough() {
        assert_eq!(given_up(false, false), 3 * 60 - 1);
        assert_eq!(given_up(true, false), 5 * 60);
        assert_eq!(given_up(true, true), 60 * 60);
    }

    #[test]
    fn silence_has_an_end() {
        let now = Instant::now();
        let mut pace = Pace::new(Timeouts::default(), now);
        pace.known();
        assert_eq!(pace.deadline(), now + Duration::from_secs(30 * 60));
        pace.hear(now);
        pace.message(now);
        assert_eq!(pace.deadline(), now + Duration::from_secs(180));
        let later = now + Duration::from_secs(60);
        pace.rest(later);
        assert_eq!(pace.deadline(), later + Duration::from_secs(30 * 60));
    }

    /// A stranger gets no more time by being busy.
    #[test]
    fn a_stranger_is_known_soon_or_goes() {
        let now = Instant::now();
        let mut pace = Pace::new(Timeouts::default(), now);
        pace.rest(now + Duration::from_secs(100));
        assert_eq!(pace.deadline(), now + Duration::from_secs(180));
    }
}
