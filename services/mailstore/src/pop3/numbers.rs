//! What the server counts.

use mail::listen::Turned;
use mail::observe::{Counter, Gauge, Measured, Page};

#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) open: Gauge,
    pub(super) sessions: Counter,
    full: Counter,
    too_many: Counter,
    too_fast: Counter,
    pub(super) handshakes: Counter,
    pub(super) handshakes_failed: Counter,
    pub(super) timeouts: Counter,
    /// Logins that found another session.
    pub(super) in_use: Counter,
    /// Messages that a client has taken, whole or in part.
    pub(super) read: Counter,
    pub(super) deleted: Counter,
}

impl Numbers {
    pub(super) fn turned_away(&self, turned: Turned) -> &Counter {
        match turned {
            Turned::Full => &self.full,
            Turned::TooManySessions => &self.too_many,
            Turned::TooFast => &self.too_fast,
        }
    }
}

impl Measured for Numbers {
    fn measure(&self, page: &mut Page) {
        let listener = ("listener", "pop3");
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
        count("mailstore_in_use_total", "Logins that found another session.", &self.in_use);
        count("mailstore_read_total", "Messages that were sent to their reader.", &self.read);
        count("mailstore_deleted_total", "Messages that their reader deleted.", &self.deleted);
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
    }
}
