//! Listeners of IMAP and POP3: each connection is driven through [`crate::front`], and then spliced with its pair.
//!
//! A client that is not known has [`Times::before_login`] for everything, and a bounded number of octets; when the daemon is told to drain it hears so at once.
//! A login that is being decided on is decided. A session that speaks with its pair goes on until the time to drain is over.
//!
//! Entry points: [`Server`], [`mail::listen::serve`].

mod before;

use crate::Protocol;
use crate::front::Channel;
use crate::numbers::Numbers;
use crate::pairs::Pairs;
use crate::splice::{self, Farewell, Splice};
use before::{Before, HandedOver};
use mail::directory::{Cached, Directory};
use mail::listen::{self, Door, Host, Stream, Turned, Visitor};
use mail::login::directory::Logins;
use mail::password::scram::Decoys;
use mail::tls::Certificates;
use serde::Deserialize;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tracing::debug;

/// Clients that vanished are noticed in some minutes; a telephone that sleeps is woken no more often than by its own keepalive.
const KEEPALIVE_TIME: Duration = Duration::from_secs(300);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// With STARTTLS or STLS, and before any password.
    Starttls,
    /// With the first octet (RFC 8314, section 3.3).
    AtOnce,
    /// Never: clients come from a network of our own hosts, or through somebody who has taken TLS off.
    Off,
}

impl Tls {
    /// In logs, and as it is written in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::AtOnce => "at-once",
            Self::Off => "off",
        }
    }
}

/// What clients on the same machine are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loopback {
    /// Nobody reads what they say.
    #[default]
    Trusted,
    /// Such as where a load balancer on this machine makes everybody look local.
    Stranger,
}

/// How long each may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Everything that a client says until it is known.
    pub before_login: Duration,
    pub handshake: Duration,
    /// Until the client has taken what is said to it.
    pub reply: Duration,
    pub splice: splice::Times,
    /// From the order to drain until sessions are cut off.
    pub drain: Duration,
}

/// What all listeners of a protocol share.
pub struct Shared<D> {
    pub protocol: Protocol,
    pub door: Arc<Door>,
    pub numbers: Arc<Numbers>,
    pub logins: Arc<Logins<Cached<D>>>,
    /// Keys of accounts that do not exist.
    pub decoys: Arc<Decoys>,
    pub pairs: Arc<Pairs<D>>,
    pub certificates: Option<Certificates>,
    pub times: Times,
}

/// What one kind of listener is.
pub struct Server<D> {
    pub shared: Arc<Shared<D>>,
    pub tls: Tls,
    pub loopback: Loopback,
}

impl<D: Directory> Host for Server<D> {
    fn name(&self) -> &'static str {
        self.shared.protocol.word()
    }

    fn door(&self) -> &Arc<Door> {
        &self.shared.door
    }

    fn drain(&self) -> Duration {
        self.shared.times.drain
    }

    fn turned_away(&self, turned: Turned, stream: TcpStream) {
        self.shared.numbers.turned_away(turned);
        if self.tls != Tls::AtOnce {
            let line = match self.shared.protocol {
                Protocol::Imap => format!("* BYE {}\r\n", turned.text()),
                Protocol::Pop3 => format!("-ERR [SYS/TEMP] {}\r\n", turned.text()),
            };
            listen::say(stream, line.as_bytes());
        }
    }

    async fn session(self: Arc<Self>, visitor: Visitor) {
        let shared = Arc::clone(&self.shared);
        shared.numbers.sessions.one_more();
        let _open = shared.numbers.open.hold();
        if prepare(&visitor.stream).is_err() {
            return;
        }
        let (end, client) = (visitor.end.clone(), visitor.client);
        let channel = self.channel(client.ip());
        // What is needed before the login is given back behind it.
        let before = Box::pin(Before::new(Arc::clone(&shared), self.tls, channel, visitor).run());
        let Some(HandedOver { mut stream, reached, to_client, to_backend }) = before.await else { return };

        let _spliced = shared.numbers.spliced.hold();
        let mut splice = Splice::new(to_client, to_backend, shared.times.splice);
        let farewell = match shared.protocol {
            Protocol::Imap => Farewell::Bye,
            Protocol::Pop3 => Farewell::Nothing,
        };
        let mut backend = reached.opened.stream;
        let ended = splice.run(&mut stream, &mut backend, &end.hurry, farewell).await;
        shared.numbers.ended(&ended, splice.octets());
        debug!(protocol = %shared.protocol, client = %client.ip(), pair = %reached.pair, ?ended, "session ended");
        if !matches!(ended, splice::Ended::ClientBroke(_)) {
            part(&mut stream, &end).await;
        }
    }
}

impl<D> Server<D> {
    fn channel(&self, client: IpAddr) -> Channel {
        let is_trusted = client.to_canonical().is_loopback() && self.loopback == Loopback::Trusted;
        match (self.tls, is_trusted) {
            (Tls::AtOnce, _) => Channel::Tls,
            (Tls::Off, _) => Channel::Trusted,
            (Tls::Starttls, true) => Channel::TrustedWithTls,
            (Tls::Starttls, false) => Channel::Clear,
        }
    }
}

/// As [`listen::part`], also when there is no more time: then it is short all the same.
async fn part(stream: &mut Stream, end: &listen::End) {
    let patient = listen::End { drain: end.drain.clone(), hurry: Default::default() };
    listen::part(stream, &patient).await;
}

/// Answers are small, and clients wait for them; and those that have vanished are to be noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
