//! What a server counts.

use mail::listen::Turned;
use mail::login::LoginError;
use mail::observe::{Counter, Gauge, Measured, Page};

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
    pub(super) logins: Counter,
    wrong: Counter,
    refused: Counter,
    unavailable: Counter,
    pub(super) commands: Counter,
    pub(super) failures: Counter,
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
            logins: Counter::default(),
            wrong: Counter::default(),
            refused: Counter::default(),
            unavailable: Counter::default(),
            commands: Counter::default(),
            failures: Counter::default(),
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

    pub(super) fn no_login(&self, error: LoginError) -> &Counter {
        match error {
            LoginError::Wrong => &self.wrong,
            LoginError::TooMany => &self.refused,
            LoginError::Busy | LoginError::Unavailable => &self.unavailable,
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
        let help = "Sessions that ended because their client was too slow.";
        count("mail_timeouts_total", help, &self.timeouts);
        count("mailstore_imap_commands_total", "Commands of IMAP.", &self.commands);
        let help = "Commands of IMAP that failed through no fault of the client.";
        count("mailstore_imap_failures_total", help, &self.failures);
        let help = "Octets that were said to clients of IMAP.";
        count("mailstore_imap_octets_total", help, &self.octets);
        for (reason, counter) in
            [("full", &self.full), ("sessions", &self.too_many), ("rate", &self.too_fast)]
        {
            let labels = [listener, ("reason", reason)];
            let help = "Connections that got no session.";
            page.counter("mail_turned_away_total", help, &labels, counter.get());
        }
        for (outcome, counter) in [
            ("known", &self.logins),
            ("wrong", &self.wrong),
            ("refused", &self.refused),
            ("unavailable", &self.unavailable),
        ] {
            let labels = [listener, ("outcome", outcome)];
            page.counter("mail_logins_total", "Logins.", &labels, counter.get());
        }
    }
}
