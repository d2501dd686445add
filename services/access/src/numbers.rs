//! What is counted.

use crate::Protocol;
use crate::front::Refusal;
use crate::splice;
use mail::directory::PairName;
use mail::listen::Turned;
use mail::observe::{Counter, Gauge, Measured, Page};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Of all listeners of one protocol.
#[derive(Debug)]
pub struct Numbers {
    protocol: Protocol,
    pub open: Gauge,
    /// Those that speak with their pair.
    pub spliced: Gauge,
    pub sessions: Counter,
    pub handshakes: Counter,
    pub handshakes_failed: Counter,
    pub timeouts: Counter,
    pub logged_in: Counter,
    refused: [Counter; Refusal::ALL.len()],
    full: Counter,
    too_many: Counter,
    too_fast: Counter,
    octets_up: Counter,
    octets_down: Counter,
    ended: Mutex<BTreeMap<&'static str, u64>>,
}

impl Numbers {
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            open: Gauge::default(),
            spliced: Gauge::default(),
            sessions: Counter::default(),
            handshakes: Counter::default(),
            handshakes_failed: Counter::default(),
            timeouts: Counter::default(),
            logged_in: Counter::default(),
            refused: Default::default(),
            full: Counter::default(),
            too_many: Counter::default(),
            too_fast: Counter::default(),
            octets_up: Counter::default(),
            octets_down: Counter::default(),
            ended: Mutex::default(),
        }
    }

    pub fn turned_away(&self, turned: Turned) {
        match turned {
            Turned::Full => self.full.one_more(),
            Turned::TooManySessions => self.too_many.one_more(),
            Turned::TooFast => self.too_fast.one_more(),
        }
    }

    pub fn refused(&self, refusal: Refusal) {
        for (known, counter) in Refusal::ALL.iter().zip(&self.refused) {
            if *known == refusal {
                counter.one_more();
            }
        }
    }

    /// A session that spoke with its pair.
    pub fn ended(&self, ended: &splice::Ended, [up, down]: [u64; 2]) {
        self.octets_up.more(up);
        self.octets_down.more(down);
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner).entry(ended.word()).or_default() += 1;
    }
}

impl Measured for Numbers {
    fn measure(&self, page: &mut Page) {
        let listener = ("listener", self.protocol.word());
        page.gauge("mail_sessions", "Sessions that are open.", &[listener], self.open.get());
        let help = "Sessions that speak with their pair.";
        page.gauge("access_spliced_sessions", help, &[listener], self.spliced.get());
        let mut count = |name, help, counter: &Counter| page.counter(name, help, &[listener], counter.get());
        count("mail_sessions_total", "Sessions that were begun.", &self.sessions);
        count("mail_handshakes_total", "TLS handshakes that were begun.", &self.handshakes);
        count("mail_handshakes_failed_total", "TLS handshakes that failed.", &self.handshakes_failed);
        count(
            "mail_timeouts_total",
            "Sessions that ended because their client was too slow.",
            &self.timeouts,
        );
        let mut each = |name, help, label, value, count| {
            page.counter(name, help, &[listener, (label, value)], count);
        };
        for (reason, counter) in
            [("full", &self.full), ("sessions", &self.too_many), ("rate", &self.too_fast)]
        {
            let help = "Connections that got no session.";
            each("mail_turned_away_total", help, "reason", reason, counter.get());
        }
        let logins = Refusal::ALL.iter().map(|refusal| refusal.word()).zip(&self.refused);
        for (outcome, counter) in logins.chain([("logged_in", &self.logged_in)]) {
            each("access_logins_total", "Logins, by what became of them.", "outcome", outcome, counter.get());
        }
        for (direction, counter) in [("to_pair", &self.octets_up), ("to_client", &self.octets_down)] {
            let help = "Octets of sessions that have ended, behind the login.";
            each("access_octets_total", help, "direction", direction, counter.get());
        }
        for (reason, count) in self.ended.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            each(
                "access_ended_total",
                "Sessions behind the login, by how they ended.",
                "reason",
                reason,
                *count,
            );
        }
    }
}

/// Of all pairs.
#[derive(Debug, Default)]
pub struct PairNumbers {
    /// Mailboxes that were found on another pair than they had been.
    pub moved: Counter,
    /// There are no more pairs than the directory has.
    failed: Mutex<BTreeMap<(PairName, Protocol, &'static str), u64>>,
}

impl PairNumbers {
    pub fn failed(&self, pair: &PairName, protocol: Protocol, reason: &'static str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed.entry((pair.clone(), protocol, reason)).or_default() += 1;
    }
}

impl Measured for PairNumbers {
    fn measure(&self, page: &mut Page) {
        let help = "Logins that went to another pair than the directory had said at first.";
        page.counter("access_moved_total", help, &[], self.moved.get());
        for ((pair, protocol, reason), count) in
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).iter()
        {
            let labels = [("pair", pair.as_str()), ("listener", protocol.word()), ("reason", *reason)];
            page.counter(
                "access_pair_failures_total",
                "Mailboxes that a pair did not open.",
                &labels,
                *count,
            );
        }
    }
}
