//! What a server counts.

use crate::listen::Turned;
use crate::observe::{Counter, Gauge, Measured, Page};
use crate::reply::{Refusal, Text};

pub(super) struct Numbers {
    listener: &'static str,
    pub(super) open: Gauge,
    pub(super) sessions: Counter,
    full: Counter,
    too_many: Counter,
    too_fast: Counter,
    pub(super) handshakes: Counter,
    pub(super) handshakes_failed: Counter,
    pub(super) timeouts: Counter,
    pub(super) refused: Counter,
    taken: Counter,
    later: Counter,
    never: Counter,
    pub(super) octets: Counter,
}

impl Numbers {
    pub(super) fn new(listener: &'static str) -> Self {
        Self {
            listener,
            open: Gauge::default(),
            sessions: Counter::default(),
            full: Counter::default(),
            too_many: Counter::default(),
            too_fast: Counter::default(),
            handshakes: Counter::default(),
            handshakes_failed: Counter::default(),
            timeouts: Counter::default(),
            refused: Counter::default(),
            taken: Counter::default(),
            later: Counter::default(),
            never: Counter::default(),
            octets: Counter::default(),
        }
    }

    pub(super) fn turned_away(&self, turned: Turned) -> &Counter {
        match turned {
            Turned::Full => &self.full,
            Turned::TooManySessions => &self.too_many,
            Turned::TooFast => &self.too_fast,
        }
    }

    pub(super) fn outcome(&self, outcome: &Result<Text, Refusal>) {
        match outcome {
            Ok(_) => self.taken.one_more(),
            Err(refusal) if refusal.is_permanent() => self.never.one_more(),
            Err(_) => self.later.one_more(),
        }
    }
}

impl Measured for Numbers {
    fn measure(&self, page: &mut Page) {
        let listener = ("listener", self.listener);
        page.gauge("mail_sessions", "Sessions that are open.", &[listener], self.open.get());
        let mut count = |name, help, counter: &Counter| page.counter(name, help, &[listener], counter.get());
        count("mail_sessions_total", "Sessions that were begun.", &self.sessions);
        count("mail_handshakes_total", "TLS handshakes that were begun.", &self.handshakes);
        count("mail_handshakes_failed_total", "TLS handshakes that failed.", &self.handshakes_failed);
        count(
            "mail_timeouts_total",
            "Sessions that ended because their client was too slow.",
            &self.timeouts,
        );
        count("mail_refused_total", "Senders and recipients that the policy refused.", &self.refused);
        count("mail_content_octets_total", "Octets of whole messages.", &self.octets);
        for (reason, counter) in
            [("full", &self.full), ("sessions", &self.too_many), ("rate", &self.too_fast)]
        {
            let labels = [listener, ("reason", reason)];
            page.counter(
                "mail_turned_away_total",
                "Connections that got no session.",
                &labels,
                counter.get(),
            );
        }
        for (outcome, counter) in [("taken", &self.taken), ("later", &self.later), ("never", &self.never)] {
            let labels = [listener, ("outcome", outcome)];
            let help = "Messages, for each of their recipients, by what the policy said.";
            page.counter("mail_deliveries_total", help, &labels, counter.get());
        }
    }
}
