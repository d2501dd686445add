//! Bodies on their way to a client, as long as it takes them.

use super::Limits;
use super::metrics::{HttpMetrics, count};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::sendfile::sendfile64;
use std::fs::File;
use std::io;
use std::ops::Range;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Handed to the kernel at once: small enough that other connections of the same thread have their turn.
const CHUNK_BYTES_MAX: u64 = 512 << 10;

/// Asked of the disk before it is needed, so that a thread seldom waits for it, with all its connections.
const READ_AHEAD_BYTES: i64 = 4 << 20;

/// Why a body did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the client takes less than {} bytes in {:?}", Limits::PROGRESS_BYTES_MIN, .0.progress_time_max)]
    Slow(Limits),
    #[error("the file became shorter")]
    Short,
    #[error("the connection broke")]
    Connection(#[source] io::Error),
}

/// Sends bytes that are in memory.
pub async fn send_bytes(stream: &mut TcpStream, bytes: &[u8], limits: &Limits) -> Result<(), BodyError> {
    let deadline = Instant::now() + limits.progress_time_max;
    match timeout_at(deadline, stream.write_all(bytes)).await {
        Ok(written) => written.map_err(BodyError::Connection),
        Err(_) => Err(BodyError::Slow(limits.clone())),
    }
}

/// Sends a part of a file, without its bytes ever being in this process.
pub async fn send_file(
    stream: &TcpStream,
    file: &File,
    range: Range<u64>,
    limits: &Limits,
    metrics: &HttpMetrics,
) -> Result<(), BodyError> {
    let mut left = range.end - range.start;
    // Files have fewer than 2^63 bytes (off_t).
    let mut offset = range.start as i64;
    let mut progress = Progress::begin(limits);
    let mut asked_until = offset;
    while left > 0 {
        if asked_until < offset + READ_AHEAD_BYTES / 2 {
            asked_until = asked_until.max(offset) + READ_AHEAD_BYTES;
            // Only a hint: where the file system has none of it, `sendfile` waits for the disk itself.
            let _ = posix_fadvise(
                file,
                offset,
                READ_AHEAD_BYTES * 3 / 2,
                PosixFadviseAdvice::POSIX_FADV_WILLNEED,
            );
        }
        let chunk = left.min(CHUNK_BYTES_MAX) as usize;
        let step = stream.async_io(Interest::WRITABLE, || {
            sendfile64(stream, file, Some(&mut offset), chunk).map_err(io::Error::from)
        });
        match timeout_at(progress.deadline, step).await {
            Ok(Ok(0)) => return Err(BodyError::Short),
            Ok(Ok(sent)) => {
                left -= sent as u64;
                progress.bytes += sent as u64;
                count(&metrics.body_bytes_sent, sent as u64);
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(BodyError::Connection(error)),
            Err(_) => {}
        }
        progress.check(limits)?;
    }
    Ok(())
}

/// How much a client took since when.
struct Progress {
    deadline: Instant,
    bytes: u64,
}

impl Progress {
    fn begin(limits: &Limits) -> Self {
        Self { deadline: Instant::now() + limits.progress_time_max, bytes: 0 }
    }

    fn check(&mut self, limits: &Limits) -> Result<(), BodyError> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        if self.bytes < Limits::PROGRESS_BYTES_MIN {
            return Err(BodyError::Slow(limits.clone()));
        }
        *self = Self::begin(limits);
        Ok(())
    }
}
