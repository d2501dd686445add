//! The driver of [`crate::engine`]: sockets, TLS, time, and the policy's answers.
//!
//! A [`Server`] is what all listeners of one kind share: its limits count for them together. [`Server::serve`] takes connections of one
//! listener until it is told to drain: then sessions between two messages end with 421, a message that has begun to come is still
//! answered, and what is not done after [`Timeouts::drain`] ends with 421 too; but no delivery that was begun is cut off.
//!
//! What a session may cost: one task, a read buffer, at most [`crate::engine::INPUT_OCTETS_MAX`] of input that waits, replies up to the size
//! of a socket's buffer, and its content in the [`Spool`]. Each wait has an end ([`Timeouts`]); a client that does not read its replies is not read
//! from, and is given up. Nothing here knows what a mailbox is: that is the [`Policy`]'s.

mod config;
mod numbers;
mod pace;
mod policy;
mod questions;
mod session;

pub use crate::listen::{Limits, Rate};
pub use config::{Config, Timeouts, TlsStart};
pub use policy::{Arrived, Peer, Policy, Unwelcome};

use crate::content::Spool;
use crate::engine;
use crate::listen::{self, Door, Host, Turned, Visitor};
use crate::observe::Measured;
use crate::reply::{Refusal, Status};
use crate::tls::Certificates;
use numbers::Numbers;
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The configuration wants TLS, and there is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS is configured without a certificate; name its files, or turn TLS off")]
pub struct NoCertificate;

/// Cheap to clone: all clones count together.
pub struct Server<P> {
    parts: Arc<Parts<P>>,
}

/// What every session needs.
struct Parts<P> {
    config: Config,
    engine: Arc<engine::Config>,
    policy: Arc<P>,
    tls: Option<Certificates>,
    spool: Arc<Spool>,
    door: Arc<Door>,
    numbers: Arc<Numbers>,
}

impl<P> Clone for Server<P> {
    fn clone(&self) -> Self {
        Self { parts: Arc::clone(&self.parts) }
    }
}

impl<P: Policy> Server<P> {
    pub fn new(
        config: Config,
        policy: Arc<P>,
        tls: Option<Certificates>,
        spool: Arc<Spool>,
    ) -> Result<Self, NoCertificate> {
        let is_tls_wanted =
            config.engine.tls != engine::Tls::Unavailable || config.tls_start == TlsStart::AtOnce;
        if is_tls_wanted && tls.is_none() {
            return Err(NoCertificate);
        }
        let engine = Arc::new(config.engine.clone());
        let door = Arc::new(Door::new(config.limits));
        let numbers = Arc::new(Numbers::new(config.name));
        Ok(Self { parts: Arc::new(Parts { config, engine, policy, tls, spool, door, numbers }) })
    }

    /// For [`crate::observe::Registry::add`].
    pub fn numbers(&self) -> Arc<dyn Measured> {
        Arc::clone(&self.parts.numbers) as Arc<dyn Measured>
    }

    /// Serves one listener. It returns when it was told to drain and every session has ended.
    pub async fn serve(&self, listener: TcpListener, drain: CancellationToken) {
        listen::serve(Arc::clone(&self.parts), listener, drain).await;
    }
}

impl<P: Policy> Host for Parts<P> {
    fn name(&self) -> &'static str {
        self.config.name
    }

    fn door(&self) -> &Arc<Door> {
        &self.door
    }

    fn drain(&self) -> Duration {
        self.config.timeouts.drain
    }

    fn turned_away(&self, turned: Turned, stream: TcpStream) {
        self.numbers.turned_away(turned).one_more();
        if self.config.tls_start == TlsStart::AtCommand {
            let mut line = Vec::new();
            refusal(turned).reply().write(&mut line);
            listen::say(stream, &line);
        }
    }

    async fn session(self: Arc<Self>, visitor: Visitor) {
        self.numbers.sessions.one_more();
        Session::new(self, visitor).run().await;
    }
}

fn refusal(turned: Turned) -> Refusal {
    let status = match turned {
        Turned::Full => Status::new(3, 2),
        Turned::TooManySessions | Turned::TooFast => Status::new(7, 0),
    };
    Refusal::new(421, status, turned.text()).expect("421 is the code of a refusal")
}
