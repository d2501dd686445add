//! One connection to a server: commands out, replies in, each within its time.

use super::replies::{Heard, ReplyReader};
use super::{LmtpError, Target, Timeouts};
use crate::address::Domain;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

const BUFFER_OCTETS: usize = 4096;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    replies: ReplyReader,
    /// What has come behind the last reply.
    input: Vec<u8>,
    pub(super) timeouts: Timeouts,
    pub(super) offers: Offers,
}

/// What of the server's LHLO answer matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    pub(super) pipelining: bool,
    pub(super) utf8: bool,
    pub(super) eight_bit: bool,
    pub(super) size: bool,
    /// Of a message, where the server says so (RFC 1870, section 4).
    pub(super) octets_max: Option<u64>,
}

impl Connection {
    pub(super) async fn open(target: &Target, host: &Domain, timeouts: Timeouts) -> Result<Self, LmtpError> {
        let connected = timeout(timeouts.connect, connect(target)).await;
        let connected = connected.map_err(|_| LmtpError::Slow("to take the connection"))?;
        let stream = connected.map_err(|source| LmtpError::Connect { target: target.clone(), source })?;
        let (replies, offers) = (ReplyReader::default(), Offers::default());
        let mut connection = Self { stream, replies, input: Vec::new(), timeouts, offers };
        let greeting = connection.reply(timeouts.command).await?;
        expect_success(&greeting, "instead of a greeting")?;
        connection.write(format!("LHLO {}\r\n", host.normal()).as_bytes(), timeouts.command).await?;
        let hello = connection.reply(timeouts.command).await?;
        expect_success(&hello, "to LHLO")?;
        connection.offers = Offers::read(&hello);
        Ok(connection)
    }

    pub(super) async fn write(&mut self, octets: &[u8], time: Duration) -> Result<(), LmtpError> {
        let write = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        let written = timeout(time, write).await.map_err(|_| LmtpError::Slow("to take what was sent"))?;
        written.map_err(LmtpError::Broken)
    }

    pub(super) async fn reply(&mut self, time: Duration) -> Result<Heard, LmtpError> {
        timeout(time, self.next_reply()).await.map_err(|_| LmtpError::Slow("to answer"))?
    }

    async fn next_reply(&mut self) -> Result<Heard, LmtpError> {
        loop {
            let mut rest = &self.input[..];
            let heard = self.replies.pull(&mut rest);
            let done = self.input.len() - rest.len();
            self.input.drain(..done);
            if let Some(heard) = heard {
                return heard.map_err(LmtpError::Nonsense);
            }
            let mut buffer = [0; BUFFER_OCTETS];
            let octets = self.stream.read(&mut buffer).await.map_err(LmtpError::Broken)?;
            if octets == 0 {
                return Err(LmtpError::Closed);
            }
            self.input.extend_from_slice(&buffer[..octets]);
        }
    }
}

async fn connect(target: &Target) -> std::io::Result<Box<dyn Duplex>> {
    match target {
        Target::Tcp(address) => at_once(TcpStream::connect(address).await?),
        Target::Name { host, port } => at_once(TcpStream::connect((host.as_str(), *port)).await?),
        Target::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
    }
}

/// Commands are small, and the server waits for them.
fn at_once(stream: TcpStream) -> std::io::Result<Box<dyn Duplex>> {
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

fn expect_success(heard: &Heard, to: &'static str) -> Result<(), LmtpError> {
    if heard.is_success() { Ok(()) } else { Err(LmtpError::Unexpected { answer: heard.to_string(), to }) }
}

impl Offers {
    fn read(hello: &Heard) -> Self {
        let mut offers = Self::default();
        for line in hello.lines.iter().skip(1) {
            let (keyword, parameter) = line.split_once(' ').unwrap_or((line, ""));
            match keyword.to_ascii_uppercase().as_str() {
                "PIPELINING" => offers.pipelining = true,
                "SMTPUTF8" => offers.utf8 = true,
                "8BITMIME" => offers.eight_bit = true,
                "SIZE" => {
                    offers.size = true;
                    // 0: there is no fixed maximum.
                    offers.octets_max = parameter.trim().parse().ok().filter(|&octets| octets > 0);
                }
                _ => {}
            }
        }
        offers
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connection").field("offers", &self.offers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read_whatever_their_case() {
        let lines = ["host PIPELINING", "pipelining", "SIZE 1000", "8BITMIME", "XYZ smtputf8"];
        let heard =
            |lines: &[&str]| Heard { code: 250, lines: lines.iter().map(|&l| l.to_owned()).collect() };
        let expected =
            Offers { pipelining: true, utf8: false, eight_bit: true, size: true, octets_max: Some(1000) };
        assert_eq!(Offers::read(&heard(&lines)), expected);
        let none = Offers { size: true, ..Offers::default() };
        for size in ["SIZE", "SIZE 0", "SIZE x", "size -1"] {
            assert_eq!(Offers::read(&heard(&["host", size])), none);
        }
    }
}
