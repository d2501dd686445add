//! Where contents are while they come and until they are delivered.

use super::{Content, Piece};
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::spawn_blocking;

/// Of one write to a file.
const BUFFER_OCTETS: usize = 64 * 1024;

/// What contents may hold.
#[derive(Clone, Debug)]
pub struct SpoolConfig {
    /// Of the files; they have no names there.
    pub folder: PathBuf,
    /// Of one content; what is larger goes into a file.
    pub memory_octets_max: usize,
    /// Of all contents together, in memory and in files.
    pub octets_max: u64,
}

/// Why a content could not be kept. Each is one to come again for.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the messages on their way hold as much as they may")]
    Full,
    #[error("cannot keep a message in {}", folder.display())]
    Write {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// For all sessions of a daemon.
#[derive(Debug)]
pub struct Spool {
    config: SpoolConfig,
    used: AtomicU64,
}

impl Spool {
    pub fn new(config: SpoolConfig) -> Arc<Self> {
        Arc::new(Self { config, used: AtomicU64::new(0) })
    }

    /// Octets of all contents that are here now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether a file can be made.
    pub fn check(&self) -> io::Result<()> {
        tempfile::tempfile_in(&self.config.folder).map(drop)
    }

    /// A content that begins to come.
    pub fn begin(self: &Arc<Self>) -> Writer {
        let claim = Claim { spool: Arc::clone(self), octets: 0 };
        Writer { claim, buffer: Vec::new(), file: None, written: 0, failed: None }
    }
}

/// What of the spool one content uses.
#[derive(Debug)]
struct Claim {
    spool: Arc<Spool>,
    octets: u64,
}

impl Claim {
    fn grow(&mut self, octets: u64) -> Result<(), SpoolError> {
        let used = self.spool.used.fetch_add(octets, Ordering::Relaxed);
        self.octets += octets;
        // What is too much is given back with the claim.
        if used + octets > self.spool.config.octets_max { Err(SpoolError::Full) } else { Ok(()) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.spool.used.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

/// One content while it comes.
#[derive(Debug)]
pub struct Writer {
    claim: Claim,
    /// What is in no file yet.
    buffer: Vec<u8>,
    file: Option<Arc<File>>,
    /// Into the file.
    written: u64,
    failed: Option<SpoolError>,
}

impl Writer {
    /// The next octets. A failure is told at the end, so that the client can be heard to its end.
    pub async fn write(&mut self, octets: &[u8]) {
        if self.failed.is_none()
            && let Err(error) = self.take(octets).await
        {
            // Nothing of it is needed any more; the claim keeps what the client may still count on.
            self.buffer = Vec::new();
            self.file = None;
            self.claim = Claim { spool: Arc::clone(&self.claim.spool), octets: 0 };
            self.failed = Some(error);
        }
    }

    /// All of it has come.
    pub async fn finish(mut self) -> Result<Content, SpoolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.file.is_some() {
            self.flush().await?;
        }
        let octets = self.claim.octets;
        let body = match self.file {
            Some(file) => Body::File(file),
            None => Body::Memory(self.buffer.into()),
        };
        let held = Arc::new(Held { body, _claim: self.claim });
        Ok(Content { pieces: vec![Piece::Spooled(held, 0..octets)] })
    }

    async fn take(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.claim.grow(octets.len() as u64)?;
        self.buffer.extend_from_slice(octets);
        let room = match self.file {
            Some(_) => BUFFER_OCTETS,
            None => self.claim.spool.config.memory_octets_max,
        };
        if self.buffer.len() > room { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), SpoolError> {
        let folder = self.claim.spool.config.folder.clone();
        let (file, at) = (self.file.take(), self.written);
        let buffer = std::mem::take(&mut self.buffer);
        self.written += buffer.len() as u64;
        let write = spawn_blocking(move || {
            let written = file.map_or_else(|| tempfile::tempfile_in(&folder).map(Arc::new), Ok);
            let written = written.and_then(|file| file.write_all_at(&buffer, at).map(|()| file));
            written.map_err(|source| SpoolError::Write { folder, source })
        });
        self.file = Some(write.await.expect("a write does not panic")?);
        Ok(())
    }
}

/// A whole content.
#[derive(Debug)]
pub(super) struct Held {
    body: Body,
    _claim: Claim,
}

#[derive(Debug)]
enum Body {
    Memory(Bytes),
    File(Arc<File>),
}

impl Held {
    pub(super) fn in_memory(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Memory(octets) => Some(octets),
            Body::File(_) => None,
        }
    }

    /// Blocks.
    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let mut octets = vec![0; (range.end - range.start) as usize];
        match &self.body {
            Body::Memory(all) => octets.copy_from_slice(&all[range.start as usize..range.end as usize]),
            Body::File(file) => file.read_exact_at(&mut octets, range.start)?,
        }
        Ok(octets.into())
    }
}
