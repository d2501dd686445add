//! An INBOX by POP3 (RFC 1939): the driver of [`mail::pop3::Engine`] over a store.
//!
//! A session sees the INBOX as it was when its client logged in, and nobody else reads that account by POP3 meanwhile ([`maildrop`]). An id of UIDL is
//! UIDVALIDITY and UID, so it stays what it is as long as the message does. QUIT deletes what DELE has named in one change, durable when the
//! client hears of it; flags are left as they are.
//!
//! What a session may cost: one task, a read buffer, a list of at most [`maildrop::MESSAGES_MAX`] messages, and of a message the piece that is on
//! its way. Each wait has an end ([`Timeouts`]); a client that does not take what is sent to it is not read from, and is given up. When the daemon drains,
//! sessions end between two commands; a message that is on its way still arrives, and a QUIT is still done. Entry point: [`Server::new`].

pub mod maildrop;
mod numbers;
mod session;

use crate::name::AccountName;
use crate::store::Store;
use mail::listen::{self, Door, Host, Limits, Turned, Visitor};
use mail::login::LogIn;
use mail::observe::Measured;
use mail::server::NoCertificate;
use mail::tls::Certificates;
use maildrop::Maildrops;
use numbers::Numbers;
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// What a listener is, and where its patience ends.
#[derive(Clone, Debug)]
pub struct Config {
    pub security: Security,
    pub limits: Limits,
    pub timeouts: Timeouts,
}

/// What can be read on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing behind STLS, and no password is taken before it (RFC 2595 section 2.3).
    StartTls,
    /// Nothing (RFC 8314 section 3.3).
    TlsAtOnce,
    /// Everything, by our own hosts alone.
    Trusted,
}

/// How long each may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From a connection until its client is known.
    pub login: Duration,
    /// From an answer to the end of the next command (RFC 1939 section 3: at least ten minutes).
    pub command: Duration,
    /// Until the client has taken a piece of what is sent to it.
    pub reply: Duration,
    pub handshake: Duration,
    /// Until it is known whether a client may come in, and what it has.
    pub question: Duration,
    /// Until messages are deleted.
    pub commit: Duration,
    /// From the order to drain until sessions are cut off.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |number: u64| Duration::from_secs(60 * number);
        Self {
            login: minutes(3),
            command: minutes(10),
            reply: minutes(5),
            handshake: Duration::from_secs(30),
            question: minutes(1),
            commit: minutes(5),
            drain: Duration::from_secs(30),
        }
    }
}

/// Listeners of one kind: their limits count for them together, and so do their locks.
pub struct Server<L> {
    config: Config,
    maildrops: Maildrops,
    logins: Arc<L>,
    tls: Option<Certificates>,
    door: Arc<Door>,
    numbers: Arc<Numbers>,
}

impl<L: LogIn<Known = AccountName>> Server<L> {
    pub fn new(
        config: Config,
        store: Store,
        logins: Arc<L>,
        tls: Option<Certificates>,
    ) -> Result<Self, NoCertificate> {
        if config.security != Security::Trusted && tls.is_none() {
            return Err(NoCertificate);
        }
        let door = Arc::new(Door::new(config.limits));
        Ok(Self { config, maildrops: Maildrops::new(store), logins, tls, door, numbers: Arc::default() })
    }

    /// For [`mail::observe::Registry::add`].
    pub fn numbers(&self) -> Arc<dyn Measured> {
        Arc::clone(&self.numbers) as Arc<dyn Measured>
    }
}

impl<L: LogIn<Known = AccountName>> Host for Server<L> {
    fn name(&self) -> &'static str {
        "pop3"
    }

    fn door(&self) -> &Arc<Door> {
        &self.door
    }

    fn drain(&self) -> Duration {
        self.config.timeouts.drain
    }

    fn turned_away(&self, turned: Turned, stream: TcpStream) {
        self.numbers.turned_away(turned).one_more();
        if self.config.security != Security::TlsAtOnce {
            listen::say(stream, format!("-ERR [SYS/TEMP] {}\r\n", turned.text()).as_bytes());
        }
    }

    async fn session(self: Arc<Self>, visitor: Visitor) {
        self.numbers.sessions.one_more();
        Session::new(self, visitor).run().await;
    }
}

#[cfg(test)]
mod tests;
