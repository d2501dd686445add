//! Files of the site's shelf over HTTP. Transport is not trusted: what is used is checked here, chunk by chunk.
//!
//! Every chunk is a range request of its own, so that a network that was lost, or a server that was started
//! again, costs one chunk and not the transfer.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::sleep;
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::{Artifact, CHUNK_BYTES};

/// Of one request: four MiB pass a very slow network in this.
const PATIENCE: Duration = Duration::from_secs(60);
/// Chunks that wait for the disk.
const WAITING_CHUNKS_MAX: usize = 2;
/// Between tries of a chunk: 1, 2, 4, ... seconds, at most 30. Together a bit over three minutes, in which a
/// server is started again.
const TRIES: u32 = 10;
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A file did not arrive as it was signed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("cannot fetch {url}: {reason}")]
    Failed { url: String, reason: String },
    #[error("chunk {chunk} of {url} arrives with SHA-256 {found}, but the manifest says {signed}")]
    Changed { url: String, chunk: usize, found: Sha256, signed: Sha256 },
    #[error("the manifest lists {found} chunks of {url}, and its size makes {needed}")]
    ChunkCount { url: String, found: usize, needed: u64 },
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).max_redirects(0).build().into()
}

/// A whole file of at most `bytes_max`.
pub fn small_file(url: &str, bytes_max: u64) -> Result<Vec<u8>, FetchError> {
    let agent = agent();
    patiently(|| {
        let fetched = agent
            .get(url)
            .call()
            .and_then(|mut answer| answer.body_mut().with_config().limit(bytes_max).read_to_vec());
        fetched.map_err(|error| FetchError::Failed { url: url.to_owned(), reason: with_causes(&error) })
    })
}

/// Repeats what fails, with longer and longer pauses; a file that is not there is not asked for again.
fn patiently<T>(mut act: impl FnMut() -> Result<T, FetchError>) -> Result<T, FetchError> {
    for number in 0..TRIES - 1 {
        match act() {
            Ok(value) => return Ok(value),
            Err(error) => crate::console::say(&format!("{}; trying again", with_causes(&error))),
        }
        sleep(Duration::from_secs(1 << number.min(8)).min(PAUSE_MAX));
    }
    act()
}

/// Fetches the artifact's chunks in a thread of their own while `work` uses them.
pub fn with_chunks<T, E: From<FetchError>>(
    url: &str,
    artifact: &Artifact,
    work: impl FnOnce(Chunks) -> Result<T, E>,
) -> Result<T, E> {
    let needed = artifact.bytes.div_ceil(CHUNK_BYTES);
    if needed != artifact.chunks.len() as u64 {
        return Err(
            FetchError::ChunkCount { url: url.to_owned(), found: artifact.chunks.len(), needed }.into()
        );
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING_CHUNKS_MAX);
        scope.spawn(move || fetch_all(url, artifact, &sender));
        // Dropping the receiving side ends the thread at its next chunk.
        work(Chunks { receiver, current: Vec::new(), at: 0, fetched_bytes: 0, error: None })
    })
}

fn fetch_all(url: &str, artifact: &Artifact, sender: &SyncSender<Result<Vec<u8>, FetchError>>) {
    let agent = agent();
    for (number, signed) in artifact.chunks.iter().enumerate() {
        let first = number as u64 * CHUNK_BYTES;
        let last = (first + CHUNK_BYTES).min(artifact.bytes) - 1;
        let chunk = patiently(|| fetch_chunk(&agent, url, number, first, last, signed));
        let is_over = chunk.is_err();
        if sender.send(chunk).is_err() || is_over {
            return;
        }
    }
}

fn fetch_chunk(
    agent: &ureq::Agent,
    url: &str,
    chunk: usize,
    first: u64,
    last: u64,
    signed: &Sha256,
) -> Result<Vec<u8>, FetchError> {
    let failed = |reason: String| FetchError::Failed { url: url.to_owned(), reason };
    let range = format!("bytes={first}-{last}");
    let mut answer =
        agent.get(url).header("range", &range).call().map_err(|error| failed(with_causes(&error)))?;
    if answer.status() != 206 {
        return Err(failed(format!("the server answers {} to a range request", answer.status())));
    }
    let body = answer.body_mut().with_config().limit(CHUNK_BYTES + 1).read_to_vec();
    let body = body.map_err(|error| failed(with_causes(&error)))?;
    let found = Sha256::of(&body);
    if found == *signed {
        return Ok(body);
    }
    Err(FetchError::Changed { url: url.to_owned(), chunk, found, signed: *signed })
}

/// The artifact's bytes in order, every one of them checked. An error shows as an end, and waits to be taken.
pub struct Chunks {
    receiver: Receiver<Result<Vec<u8>, FetchError>>,
    current: Vec<u8>,
    at: usize,
    fetched_bytes: u64,
    error: Option<FetchError>,
}

impl Chunks {
    /// Waits for the first chunk, or for the reason why there is none.
    pub fn begun(mut self) -> Result<Self, FetchError> {
        self.next();
        self.take_error().map(|()| self)
    }

    /// What made the stream end early, if it did.
    pub fn take_error(&mut self) -> Result<(), FetchError> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// How much has arrived and was good.
    pub fn fetched_bytes(&self) -> u64 {
        self.fetched_bytes
    }

    fn next(&mut self) {
        self.at = 0;
        self.current = match self.receiver.recv() {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                self.error = Some(error);
                Vec::new()
            }
            // The thread has sent everything.
            Err(_) => Vec::new(),
        };
        self.fetched_bytes += self.current.len() as u64;
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.current.len() {
            self.next();
        }
        let count = buffer.len().min(self.current.len() - self.at);
        buffer[..count].copy_from_slice(&self.current[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
