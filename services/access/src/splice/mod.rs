//! Carries octets both ways between a client and its pair, until one of them leaves.
//!
//! A session that is idle holds no buffer: octets are read into the stack of whoever runs the task and go out at once, and only what the
//! other side does not take is kept, at most [`BUFFER_OCTETS`] each way; nothing more is read before that has gone. A client that has closed its half still
//! hears its pair, for [`Times::half_closed`]. When the time to drain is over, a session of IMAP ends between two responses ([`boundary`]) with BYE;
//! POP3 has no word for it, and a session that ends without QUIT deletes nothing (RFC 1939, section 6).
//!
//! Entry point: [`Splice::run`].

pub mod boundary;
mod pump;

pub use pump::BUFFER_OCTETS;

use boundary::Boundary;
use pump::Pump;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Until the pair has ended its response, when there is no more time.
const LAST_RESPONSE: Duration = Duration::from_secs(2);
const BYE: &[u8] = b"* BYE shutting down; come again\r\n";

/// How long nothing may be said.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// By both sides: more than the half hour that a client of IMAP may be silent (RFC 3501, section 5.4; RFC 2177).
    pub idle: Duration,
    /// By the pair, to a client that says nothing more.
    pub half_closed: Duration,
}

/// What becomes of the last words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// `* BYE`, between two responses.
    Bye,
    Nothing,
}

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    ClientLeft,
    BackendLeft,
    Idle,
    CutOff,
    ClientBroke(io::Error),
    BackendBroke(io::Error),
}

impl Ended {
    /// In logs and metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::ClientLeft => "client_left",
            Self::BackendLeft => "backend_left",
            Self::Idle => "idle",
            Self::CutOff => "cut_off",
            Self::ClientBroke(_) => "client_broke",
            Self::BackendBroke(_) => "backend_broke",
        }
    }
}

/// One session behind its login.
#[derive(Debug)]
pub struct Splice {
    up: Pump,
    down: Pump,
    boundary: Boundary,
    times: Times,
}

impl Splice {
    /// With what is to be passed on first.
    pub fn new(to_client: Vec<u8>, to_backend: Vec<u8>, times: Times) -> Self {
        let mut boundary = Boundary::default();
        boundary.pass(&to_client);
        Self { up: Pump::new(to_backend), down: Pump::new(to_client), boundary, times }
    }

    /// Octets to the pair, and to the client.
    pub fn octets(&self) -> [u64; 2] {
        [self.up.octets(), self.down.octets()]
    }

    /// Until a side leaves, nothing is said for too long, or there is no more time. What was said to the client is sent then.
    pub async fn run<C, B>(
        &mut self,
        client: &mut C,
        backend: &mut B,
        hurry: &CancellationToken,
        farewell: Farewell,
    ) -> Ended
    where
        C: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        let ended = tokio::select! {
            ended = self.carry(client, backend) => ended,
            () = hurry.cancelled() => self.cut_off(client, backend, farewell).await,
        };
        // The pair may be gone; the client's end is its host's business.
        let _ = timeout(LAST_RESPONSE, backend.shutdown()).await;
        ended
    }

    async fn carry<C, B>(&mut self, client: &mut C, backend: &mut B) -> Ended
    where
        C: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        let mut idle = pin!(sleep(self.times.idle));
        poll_fn(|context| self.poll(context, client, backend, idle.as_mut())).await
    }

    fn poll<C, B>(
        &mut self,
        context: &mut Context<'_>,
        client: &mut C,
        backend: &mut B,
        mut idle: Pin<&mut Sleep>,
    ) -> Poll<Ended>
    where
        C: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        let before = (self.octets(), self.up.is_done());
        match self.up.poll(context, client, backend, None) {
            Poll::Ready(Err(pump::Broken::Reader(error))) => return Poll::Ready(Ended::ClientBroke(error)),
            Poll::Ready(Err(pump::Broken::Writer(error))) => return Poll::Ready(Ended::BackendBroke(error)),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        match self.down.poll(context, backend, client, Some(&mut self.boundary)) {
            Poll::Ready(Ok(())) if self.up.is_done() => return Poll::Ready(Ended::ClientLeft),
            Poll::Ready(Ok(())) => return Poll::Ready(Ended::BackendLeft),
            Poll::Ready(Err(pump::Broken::Reader(error))) => return Poll::Ready(Ended::BackendBroke(error)),
            Poll::Ready(Err(pump::Broken::Writer(error))) => return Poll::Ready(Ended::ClientBroke(error)),
            Poll::Pending => {}
        }
        if before != (self.octets(), self.up.is_done()) {
            let patience = if self.up.is_done() { self.times.half_closed } else { self.times.idle };
            idle.as_mut().reset(Instant::now() + patience);
        }
        idle.poll(context).map(|()| if self.up.is_done() { Ended::ClientLeft } else { Ended::Idle })
    }

    async fn cut_off<C, B>(&mut self, client: &mut C, backend: &mut B, farewell: Farewell) -> Ended
    where
        C: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        if farewell == Farewell::Bye {
            let last = timeout(LAST_RESPONSE, self.end_response(client, backend)).await;
            if matches!(last, Ok(Ok(()))) {
                let say = async {
                    client.write_all(BYE).await?;
                    client.flush().await
                };
                // Whoever does not take it hears nothing.
                let _ = timeout(LAST_RESPONSE, say).await;
            }
        }
        Ended::CutOff
    }

    /// Until the client has a whole response.
    async fn end_response<C, B>(&mut self, client: &mut C, backend: &mut B) -> Result<(), pump::Broken>
    where
        C: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        poll_fn(|context| self.down.poll_between(context, backend, client, &mut self.boundary)).await
    }
}

#[cfg(test)]
mod tests;
