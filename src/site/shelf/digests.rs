//! The digests of files that were read before, so that a start does not read every image again.
//!
//! A file counts as read as long as its size, change times and inode are what they were. The list is only as safe
//! as the state folder that it lies in; nodes check every byte that they get against the signed manifest anyway.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_netboot::http::{FileStamp, ServedFile};

/// What tells a file from a changed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    inode: u64,
    modified_ns: i128,
    /// Also moves when somebody sets `modified` back.
    changed_ns: i128,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    stamp: Stamp,
    sha256: Sha256,
}

/// Digests by path.
#[derive(Debug, Default)]
pub struct Digests {
    file: PathBuf,
    known: BTreeMap<PathBuf, Known>,
    is_changed: bool,
}

impl Digests {
    /// Reads the list. One that is missing or not readable is made anew: it only saves time.
    pub fn open(file: &Path) -> Self {
        let text = fs::read(file).unwrap_or_default();
        let known = serde_json::from_slice(&text).unwrap_or_default();
        Self { file: file.to_owned(), known, is_changed: false }
    }

    /// The file as it was read, with its digest; ends early when cancelled.
    pub fn of(&mut self, path: &Path, token: &CancellationToken) -> Result<ServedFile, FsError> {
        let file = fs::open(path)?;
        let served_stamp = FileStamp::of(&file).map_err(fs::fail("examine", path))?;
        let served = |sha256| ServedFile { path: path.to_owned(), stamp: served_stamp, sha256: Some(sha256) };
        let metadata = file.metadata().map_err(fs::fail("examine", path))?;
        let stamp = Stamp {
            bytes: metadata.len(),
            inode: metadata.ino(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        };
        if let Some(known) = self.known.get(path).filter(|known| known.stamp == stamp) {
            return Ok(served(known.sha256));
        }
        let (sha256, _) =
            Sha256::of_reader(Cancellable { inner: file, token }).map_err(fs::fail("read", path))?;
        self.known.insert(path.to_owned(), Known { stamp, sha256 });
        self.is_changed = true;
        Ok(served(sha256))
    }

    /// Forgets files that are gone, and writes the list if it changed.
    pub fn save(&mut self) -> Result<(), FsError> {
        let before = self.known.len();
        self.known.retain(|path, _| path.exists());
        if self.is_changed || self.known.len() != before {
            let text = serde_json::to_vec(&self.known).expect("paths of image folders are UTF-8");
            fs::write_atomic(&self.file, &text)?;
            self.is_changed = false;
        }
        Ok(())
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

struct Cancellable<'a, R> {
    inner: R,
    token: &'a CancellationToken,
}

impl<R: Read> Read for Cancellable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.token.is_cancelled() {
            return Err(io::Error::other("the site is ending"));
        }
        self.inner.read(buffer)
    }
}
