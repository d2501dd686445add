//! One connection: requests in, answers out, one after the other, until one side has enough.
//!
//! Requests that come before their turn wait in the buffer of the socket (pipelining, RFC 9112, section 9.3.2).

use super::Shared;
use super::body::{BodyError, send_bytes, send_file};
use super::metrics::count;
use super::request::{Method, Request, parse};
use super::response::{Body, Response, Status};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

const READ_BYTES: usize = 2048;
/// What a client may still be sending when it is refused; closing on it would take the answer away from it.
const DRAIN_BYTES_MAX: usize = 64 << 10;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub async fn serve(stream: TcpStream, client: SocketAddr, shared: &Shared) {
    let open = &shared.metrics.connections_open;
    open.fetch_add(1, Ordering::Relaxed);
    let _open = OnDrop(|| {
        open.fetch_sub(1, Ordering::Relaxed);
    });
    // Answers are whole when they are written; nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let Ok(server) = stream.local_addr() else { return };
    let mut connection = Connection { stream, buffer: Vec::new(), requests: 0, shared };
    if let Err(error) = connection.run(server).await {
        // What the kernel still holds for a client that does not take it goes at once.
        let _ = connection.stream.set_zero_linger();
        count(&shared.metrics.bodies_cut, 1);
        debug!(%client, %error, "HTTP answer cut off");
    }
}

/// Tells a client that it gets nothing, and ends the connection.
pub async fn refuse(stream: TcpStream, status: Status, shared: &Shared) {
    let mut connection = Connection { stream, buffer: Vec::new(), requests: 0, shared };
    // A client that does not listen to a refusal has ended what was to be ended.
    let _ = connection.refuse(status).await;
}

struct Connection<'a> {
    stream: TcpStream,
    /// What was read and not yet answered; at most one head that is not whole, and one read more.
    buffer: Vec<u8>,
    requests: u64,
    shared: &'a Shared,
}

/// What came from a client.
enum Incoming {
    Request(Request),
    Refused(Status),
    /// It left, or has been silent between requests.
    Nothing,
}

impl Connection<'_> {
    async fn run(&mut self, server: SocketAddr) -> Result<(), BodyError> {
        loop {
            match self.read().await {
                Incoming::Nothing => return Ok(()),
                Incoming::Refused(status) => return self.refuse(status).await,
                Incoming::Request(request) => {
                    self.requests += 1;
                    let response = self.shared.answer(&request, server);
                    if !self.send(response, request.keep_alive, request.method).await? {
                        return self.end().await;
                    }
                }
            }
        }
    }

    async fn read(&mut self) -> Incoming {
        let limits = &self.shared.limits;
        let wait = if self.requests == 0 { limits.head_time_max } else { limits.idle_time_max };
        let mut deadline = Instant::now() + wait;
        let mut has_begun = false;
        let mut chunk = [0; READ_BYTES];
        loop {
            if !self.buffer.is_empty() {
                match parse(&self.buffer) {
                    Ok(Some((request, bytes))) => {
                        self.buffer.drain(..bytes);
                        return Incoming::Request(request);
                    }
                    Ok(None) => {}
                    Err(status) => return Incoming::Refused(status),
                }
                if !has_begun {
                    has_begun = true;
                    deadline = Instant::now() + limits.head_time_max;
                }
            }
            match timeout_at(deadline, self.stream.read(&mut chunk)).await {
                Ok(Ok(0) | Err(_)) => return Incoming::Nothing,
                Ok(Ok(bytes)) => self.buffer.extend_from_slice(&chunk[..bytes]),
                Err(_) if has_begun => return Incoming::Refused(Status::RequestTimeout),
                Err(_) => return Incoming::Nothing,
            }
        }
    }

    /// Whether the connection goes on.
    async fn send(
        &mut self,
        response: Response,
        keep_alive: bool,
        method: Method,
    ) -> Result<bool, BodyError> {
        let (limits, metrics) = (&self.shared.limits, &self.shared.metrics);
        metrics.count_response(response.status);
        let (head, goes_on) = response.head(keep_alive, SystemTime::now());
        let mut bytes = head.into_bytes();
        match response.body {
            _ if method == Method::Head => send_bytes(&mut self.stream, &bytes, limits).await?,
            Body::Memory(body) => {
                bytes.extend_from_slice(&body);
                send_bytes(&mut self.stream, &bytes, limits).await?;
                count(&metrics.body_bytes_sent, body.len() as u64);
            }
            Body::File(file, range) => {
                send_bytes(&mut self.stream, &bytes, limits).await?;
                send_file(&self.stream, &file, range, limits, metrics).await?;
            }
        }
        Ok(goes_on)
    }

    async fn refuse(&mut self, status: Status) -> Result<(), BodyError> {
        self.send(Response::refusal(status), false, Method::Get).await?;
        self.end().await
    }

    /// Closes this side first, and hears the client out for a moment (RFC 9112, section 9.6).
    async fn end(&mut self) -> Result<(), BodyError> {
        self.stream.shutdown().await.map_err(BodyError::Connection)?;
        let deadline = Instant::now() + DRAIN_TIME_MAX;
        let mut chunk = [0; READ_BYTES];
        let mut drained = 0;
        while drained < DRAIN_BYTES_MAX {
            match timeout_at(deadline, self.stream.read(&mut chunk)).await {
                Ok(Ok(bytes)) if bytes > 0 => drained += bytes,
                _ => break,
            }
        }
        Ok(())
    }
}

/// Runs something when a scope is left, also when its task is cancelled.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
