//! What every listener does, whatever is spoken there: connections are taken, counted, and told of the end.
//!
//! [`serve`] takes connections until it is told to drain. Then it takes no more, and every session hears of it ([`End::drain`]); those
//! that have not ended after [`Host::drain`] hear that there is no more time ([`End::hurry`]). It returns when all have ended. What is said to
//! a client is the [`Host`]'s. Entry points: [`Host`], [`serve`].

mod door;
mod stream;

pub use door::{Door, Guest, Limits, Rate, Turned, client};
pub use stream::Stream;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// After a connection could not be taken: most likely there are no file descriptors, and they do not come at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What a client may still send behind the end, so that it is not told of a broken connection instead of our last words.
const FAREWELL_OCTETS_MAX: usize = 4 << 20;
/// How long that may take.
pub const FAREWELL: Duration = Duration::from_secs(2);

/// What speaks with the clients of one kind of listener.
pub trait Host: Send + Sync + 'static {
    /// In logs.
    fn name(&self) -> &'static str;

    fn door(&self) -> &Arc<Door>;

    /// From the order to drain until sessions are cut off.
    fn drain(&self) -> Duration;

    /// This connection gets no session: see [`say`].
    fn turned_away(&self, turned: Turned, stream: TcpStream);

    fn session(self: Arc<Self>, visitor: Visitor) -> impl Future<Output = ()> + Send;
}

/// A client that may come in.
#[derive(Debug)]
pub struct Visitor {
    pub stream: TcpStream,
    pub client: SocketAddr,
    pub end: End,
}

/// How sessions hear of the end.
#[derive(Clone, Debug)]
pub struct End {
    /// Begin nothing new.
    pub drain: CancellationToken,
    /// There is no more time.
    pub hurry: CancellationToken,
}

/// Serves one listener. It returns when it was told to drain and every session has ended.
pub async fn serve<H: Host>(host: Arc<H>, listener: TcpListener, drain: CancellationToken) {
    let end = End { drain, hurry: CancellationToken::new() };
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            () = end.drain.cancelled() => break,
            Some(ended) = sessions.join_next() => tell(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => admit(&host, Visitor { stream, client, end: end.clone() }, &mut sessions),
                Err(error) => {
                    warn!(listener = host.name(), %error, "a connection could not be taken");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // Whoever comes now is sent to another server by its own kernel.
    drop(listener);
    finish(host.as_ref(), &end, sessions).await;
}

fn admit<H: Host>(host: &Arc<H>, visitor: Visitor, sessions: &mut JoinSet<()>) {
    let client = visitor.client.ip();
    match host.door().admit(client, Instant::now()) {
        Ok(guest) => {
            let session = Arc::clone(host).session(visitor);
            sessions.spawn(async move {
                session.await;
                drop(guest);
            });
        }
        Err(turned) => {
            info!(listener = host.name(), %client, reason = turned.word(), "turned away");
            host.turned_away(turned, visitor.stream);
        }
    }
}

async fn finish<H: Host>(host: &H, end: &End, mut sessions: JoinSet<()>) {
    let all = async {
        while let Some(ended) = sessions.join_next().await {
            tell(ended);
        }
    };
    if timeout(host.drain(), all).await.is_err() {
        let (listener, sessions_left) = (host.name(), sessions.len());
        warn!(listener, sessions_left, "sessions are cut off, the time to end is over");
        end.hurry.cancel();
        while let Some(ended) = sessions.join_next().await {
            tell(ended);
        }
    }
}

/// A session of which nothing else tells.
fn tell(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a session broke");
    }
}

/// Says it if that can be done at once; nobody waits for a client who does not come in.
pub fn say(stream: TcpStream, octets: &[u8]) {
    if let Ok(mut stream) = stream.into_std() {
        // It does not block, and a new connection has room for a line.
        let _ = stream.write(octets);
    }
}

/// After the last words: what the client has sent meanwhile is read, for otherwise its system would forget them.
pub async fn part(stream: &mut Stream, end: &End) {
    let farewell = async {
        stream.shutdown().await?;
        let mut rest = stream.take(FAREWELL_OCTETS_MAX as u64);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    tokio::select! {
        _ = timeout(FAREWELL, farewell) => {}
        () = end.hurry.cancelled() => {}
    }
}
