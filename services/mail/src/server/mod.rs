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
mod door;
mod numbers;
mod pace;
mod policy;
mod questions;
mod session;
mod stream;

pub use config::{Config, Limits, Rate, Timeouts, TlsStart};
pub use policy::{Arrived, Peer, Policy, Unwelcome};

use crate::content::Spool;
use crate::engine;
use crate::observe::Measured;
use crate::tls::Certificates;
use door::Door;
use numbers::Numbers;
use session::Session;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// After a connection could not be taken: most likely there are no file descriptors, and they do not come at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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

/// How sessions hear of the end.
#[derive(Clone)]
struct End {
    /// Begin nothing new.
    drain: CancellationToken,
    /// There is no more time.
    hurry: CancellationToken,
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
        let end = End { drain, hurry: CancellationToken::new() };
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                () = end.drain.cancelled() => break,
                Some(ended) = sessions.join_next() => tell(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer, &end, &mut sessions),
                    Err(error) => {
                        warn!(listener = self.parts.config.name, %error, "a connection could not be taken");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        // Whoever comes now is sent to another server by its own kernel.
        drop(listener);
        self.finish(&end, sessions).await;
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, end: &End, sessions: &mut JoinSet<()>) {
        let parts = &self.parts;
        match parts.door.admit(peer.ip(), Instant::now()) {
            Ok(guest) => {
                parts.numbers.sessions.one_more();
                let session = Session::new(Arc::clone(parts), stream, peer, end.clone());
                sessions.spawn(async move {
                    session.run().await;
                    drop(guest);
                });
            }
            Err(turned) => {
                parts.numbers.turned_away(turned).one_more();
                info!(listener = parts.config.name, peer = %peer.ip(), reason = turned.word(), "turned away");
                if parts.config.tls_start == TlsStart::AtCommand {
                    door::say(stream, &turned.refusal());
                }
            }
        }
    }

    async fn finish(&self, end: &End, mut sessions: JoinSet<()>) {
        let all = async {
            while let Some(ended) = sessions.join_next().await {
                tell(ended);
            }
        };
        if timeout(self.parts.config.timeouts.drain, all).await.is_err() {
            let name = self.parts.config.name;
            warn!(
                listener = name,
                sessions = sessions.len(),
                "sessions are cut off, the time to end is over"
            );
            end.hurry.cancel();
            while let Some(ended) = sessions.join_next().await {
                tell(ended);
            }
        }
    }
}

/// A session of which nothing else tells.
fn tell(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a session broke");
    }
}
