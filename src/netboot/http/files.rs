//! What stands behind the paths: the site's wishes, and the files of its shelf.
//!
//! A file is served only while it is the one whose digest was checked: its place on disk, size and time are
//! compared when it is opened. A transfer goes on from the file that it opened, whatever takes its name.

use crate::decision::BootWish;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::{ArtifactFile, MANIFEST_FILE, SIGNATURE_FILE};
use understudy_core::model::mac::MacAddress;

/// What the site knows. Called for each request, so both answer from memory, without waiting.
pub trait BootDirectory: Send + Sync {
    /// What this machine is to boot.
    fn wish(&self, mac: MacAddress) -> BootWish;

    /// A file of the image `NAME-VERSION`, or nothing when the shelf does not have it. The name is as a client
    /// wrote it: compare it, never make a path of it.
    fn file(&self, image: &str, file: ShelfFile) -> Option<ServedFile>;
}

/// The files of an image that are served. A closed set, so that no path can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShelfFile {
    Manifest,
    Signature,
    Artifact(ArtifactFile),
}

impl ShelfFile {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Manifest, Self::Signature].into_iter().chain(ArtifactFile::ALL.map(Self::Artifact))
    }

    /// The file's name inside the image folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Manifest => MANIFEST_FILE,
            Self::Signature => SIGNATURE_FILE,
            Self::Artifact(file) => file.file_name(),
        }
    }

    /// The file with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::all().find(|file| file.file_name() == name)
    }

    /// UEFI takes a program by this type or by its name (UEFI 2.10, section 24.7.3.4).
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Manifest => "application/json",
            Self::Signature => "text/plain",
            Self::Artifact(ArtifactFile::Uki | ArtifactFile::NetbootUki) => "application/efi",
            Self::Artifact(_) => "application/octet-stream",
        }
    }
}

/// Which file it was: another one under its name, or another content, has another stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    pub bytes: u64,
    device: u64,
    inode: u64,
    modified: (i64, i64),
}

impl FileStamp {
    /// Of an open file. Take it before the file's digest, so that what changes in between is noticed.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            bytes: metadata.len(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

/// A file that was looked at and may be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedFile {
    pub path: PathBuf,
    pub stamp: FileStamp,
    /// Of its content, where the site knows it; what resumed transfers are compared by.
    pub sha256: Option<Sha256>,
}

/// Why a file is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServedFileError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("{} is not the file that was checked", .0.display())]
    Changed(PathBuf),
}

impl ServedFile {
    /// Reads the whole file for its digest. For small files and for tests; a shelf that has just checked a
    /// file against its manifest fills in the fields.
    pub fn examine(path: &Path) -> Result<Self, FsError> {
        let file = fs::open(path)?;
        let stamp = FileStamp::of(&file).map_err(fs::fail("examine", path))?;
        let (sha256, _) = Sha256::of_reader(file).map_err(fs::fail("read", path))?;
        Ok(Self { path: path.to_owned(), stamp, sha256: Some(sha256) })
    }

    /// Opens it, if it is still the same.
    pub fn open(&self) -> Result<File, ServedFileError> {
        let file = fs::open(&self.path)?;
        let stamp = FileStamp::of(&file).map_err(fs::fail("examine", &self.path))?;
        if stamp == self.stamp { Ok(file) } else { Err(ServedFileError::Changed(self.path.clone())) }
    }

    /// RFC 9110, section 8.8.3; strong, as it is made from the content.
    pub(super) fn etag(&self) -> Option<String> {
        self.sha256.map(|digest| format!("\"{digest}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vmlinuz");
        fs::write(&path, b"kernel").unwrap();
        let served = ServedFile::examine(&path).unwrap();
        assert!(served.open().is_ok());
        assert_eq!(served.sha256, Some(Sha256::of(b"kernel")));

        fs::write(&path, b"another kernel").unwrap();
        assert!(matches!(served.open(), Err(ServedFileError::Changed(_))));

        // The same bytes in another file are another file: nobody has checked it.
        let other = folder.path().join("other");
        fs::write(&path, b"kernel").unwrap();
        let served = ServedFile::examine(&path).unwrap();
        fs::write(&other, b"kernel").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(matches!(served.open(), Err(ServedFileError::Changed(_))));

        fs::remove_file(&path).unwrap();
        assert!(matches!(served.open(), Err(ServedFileError::File(_))));
    }
}
