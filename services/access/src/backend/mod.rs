//! The client's side of IMAP and POP3, as far as a login: this front end logs in to a pair as the client's account.
//!
//! It says who it is by SASL PLAIN with a secret of its own, and as whom it acts by the authorization identity (RFC 4616). Each step has its time,
//! whatever is answered is bounded ([`dialogue`]), and the pair may be asked to show a certificate ([`Transport`]). What is said behind the login is
//! nobody's business here. Entry point: [`Backend::open`].

pub mod dialogue;
mod stream;

pub use stream::{AuthorityError, BackendStream, Transport};

use crate::Protocol;
use crate::front::Welcome;
use dialogue::{Answered, Dialogue, Step};
use mail::directory::{Address, Endpoint};
use mail::login::Proxy;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const BUFFER_OCTETS: usize = 2048;
/// A pair that has vanished is noticed in a minute, also in the middle of a session that is idle.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);

/// How to log in to a pair.
#[derive(Debug)]
pub struct Backend {
    pub proxy: Proxy,
    pub transport: Transport,
    pub times: Times,
}

/// How long a pair may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub connect: Duration,
    /// From there to the answer to the login, TLS and greeting included.
    pub login: Duration,
}

/// An account's mailbox.
#[derive(Debug)]
pub struct Opened {
    pub stream: BackendStream,
    pub welcome: Welcome,
}

/// What is wrong with a pair.
#[derive(Debug, Error)]
pub enum BackendError {
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    #[error("took too long to take the connection")]
    SlowConnect,
    #[error("took too long to let us log in")]
    SlowLogin,
    #[error("TLS failed")]
    Tls(#[source] io::Error),
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("closed the connection")]
    Closed,
    #[error("answered what nobody understands: {0}")]
    Nonsense(String),
    /// It does not have the account, or does not know us.
    #[error("does not let us act as the account: {0}")]
    NotHere(String),
    #[error("cannot do it now: {0}")]
    Later(String),
    #[error("another session has the mailbox: {0}")]
    InUse(String),
}

impl BackendError {
    /// In metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::SlowConnect | Self::SlowLogin => "slow",
            Self::Tls(_) => "tls",
            Self::Broken(_) | Self::Closed => "broken",
            Self::Nonsense(_) => "nonsense",
            Self::NotHere(_) => "not_here",
            Self::Later(_) => "later",
            Self::InUse(_) => "in_use",
        }
    }
}

impl Backend {
    /// Logs in as the account.
    pub async fn open(
        &self,
        protocol: Protocol,
        endpoint: &Endpoint,
        account: &Address,
    ) -> Result<Opened, BackendError> {
        let connecting = timeout(self.times.connect, TcpStream::connect(endpoint.as_str())).await;
        let stream = connecting.map_err(|_| BackendError::SlowConnect)?.map_err(BackendError::Connect)?;
        prepare(&stream).map_err(BackendError::Connect)?;
        let log_in = async {
            let stream = self.transport.begin(stream, endpoint).await.map_err(BackendError::Tls)?;
            self.log_in(protocol, stream, account).await
        };
        timeout(self.times.login, log_in).await.map_err(|_| BackendError::SlowLogin)?
    }

    async fn log_in(
        &self,
        protocol: Protocol,
        mut stream: BackendStream,
        account: &Address,
    ) -> Result<Opened, BackendError> {
        let mut dialogue = Dialogue::new(protocol, &self.proxy.login_as(account.as_str()));
        let mut buffer = [0; BUFFER_OCTETS];
        loop {
            let octets = stream.read(&mut buffer).await.map_err(BackendError::Broken)?;
            if octets == 0 {
                return Err(BackendError::Closed);
            }
            match dialogue.receive(&buffer[..octets]) {
                Step::Wait => {}
                Step::Send(line) => {
                    stream.write_all(&line).await.map_err(BackendError::Broken)?;
                    stream.flush().await.map_err(BackendError::Broken)?;
                }
                Step::Done(Answered::LoggedIn(welcome)) => return Ok(Opened { stream, welcome }),
                Step::Done(Answered::NotHere(answer)) => return Err(BackendError::NotHere(answer)),
                Step::Done(Answered::Later(answer)) => return Err(BackendError::Later(answer)),
                Step::Done(Answered::InUse(answer)) => return Err(BackendError::InUse(answer)),
                Step::Done(Answered::Nonsense(answer)) => return Err(BackendError::Nonsense(answer)),
            }
        }
    }
}

/// Small commands go at once, and a pair that is dead is noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_TIME)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))
}
