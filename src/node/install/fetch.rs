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
/// Between tries of a chunk: 1, 2, 4, ... seconds, at most 30. Together a bit over two minutes, in which a
/// server is started again.
const TRIES: u32 = 9;
const PAUSE_FIRST: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(1) };
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

/// Repeats what fails, with longer and longer pauses.
fn patiently<T>(mut act: impl FnMut() -> Result<T, FetchError>) -> Result<T, FetchError> {
    for number in 0..TRIES - 1 {
        match act() {
            Ok(value) => return Ok(value),
            Err(error) => crate::console::say(&format!("{}; trying again", with_causes(&error))),
        }
        sleep((PAUSE_FIRST * (1 << number)).min(PAUSE_MAX));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use understudy_core::formats::manifest::ArtifactFile;

    /// What the server does to the body of its n-th answer.
    type Spoil = fn(number: usize, body: &mut Vec<u8>);

    /// Serves ranges of `content`, one request a connection; `spoil` may change what is sent after its length was
    /// announced.
    fn serve(content: Vec<u8>, spoil: Spoil) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/disk", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                answer(stream.unwrap(), &content, number, spoil);
            }
        });
        url
    }

    fn answer(mut stream: TcpStream, content: &[u8], number: usize, spoil: Spoil) {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        let range = head.iter().find_map(|line| line.strip_prefix("range: bytes=")).unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let mut body = content[first.parse().unwrap()..=last.parse().unwrap()].to_vec();
        let length = body.len();
        spoil(number, &mut body);
        let head =
            format!("HTTP/1.1 206 Partial Content\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // A client that has seen enough goes away.
        let _ = stream.write_all(&body);
    }

    fn content() -> Vec<u8> {
        (0..CHUNK_BYTES as usize * 2 + 1000).map(|at| (at / 3) as u8).collect()
    }

    fn artifact(content: &[u8]) -> Artifact {
        let chunks = content.chunks(CHUNK_BYTES as usize).map(Sha256::of).collect();
        let (bytes, sha256) = (content.len() as u64, Sha256::of(content));
        Artifact { file: ArtifactFile::CompressedDisk, bytes, sha256, chunks }
    }

    fn read_all(spoil: Spoil) -> Result<Vec<u8>, FetchError> {
        let content = content();
        with_chunks(&serve(content.clone(), spoil), &artifact(&content), |mut chunks| {
            let mut found = Vec::new();
            chunks.read_to_end(&mut found).unwrap();
            chunks.take_error()?;
            assert_eq!(chunks.fetched_bytes(), found.len() as u64);
            Ok(found)
        })
    }

    #[test]
    fn chunks_arrive_in_order_and_whole() {
        assert_eq!(read_all(|_, _| {}).unwrap(), content());
    }

    #[test]
    fn n26_a_network_that_is_lost_costs_a_chunk_and_not_the_transfer() {
        let found = read_all(|number, body| {
            if number % 2 == 0 {
                body.truncate(1000);
            }
        });
        assert_eq!(found.unwrap(), content());
    }

    /// Catches the mutant that hands out a chunk before it compared the digest.
    #[test]
    fn one_byte_flipped_in_transit_never_reaches_the_disk() {
        let once = read_all(|number, body| body[77] ^= u8::from(number == 1));
        assert_eq!(once.unwrap(), content(), "a chunk that was damaged once is fetched again");

        let content = content();
        let url = serve(content.clone(), |number, body| body[77] ^= u8::from(number >= 1));
        let ended = with_chunks(&url, &artifact(&content), |mut chunks| {
            let mut found = Vec::new();
            chunks.read_to_end(&mut found).unwrap();
            assert_eq!(found, content[..CHUNK_BYTES as usize], "nothing of the damaged chunk is seen");
            chunks.take_error()
        });
        let error = ended.unwrap_err();
        assert!(matches!(&error, FetchError::Changed { chunk: 1, .. }), "{error}");
    }

    #[test]
    fn a_manifest_without_a_digest_for_every_chunk_is_refused() {
        let mut artifact = artifact(&content());
        artifact.chunks.pop();
        let ended = with_chunks("http://127.0.0.1:1/disk", &artifact, |_| Ok(()));
        assert!(matches!(ended, Err(FetchError::ChunkCount { found: 2, needed: 3, .. })));
    }
}
