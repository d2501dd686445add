//! One look at the folder of image folders.

use super::digests::Digests;
use super::{Refused, Shelf, ShelfImage};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use understudy_core::trust::{PublicKey, TrustError, TrustPolicy};
use understudy_netboot::decision::{BootImage, ScriptWordError};
use understudy_netboot::http::{ServedFile, ShelfFile};

/// A manifest is a few kilobytes, and its chunks' digests some hundred more.
const MANIFEST_BYTES_MAX: u64 = 8 << 20;

/// Why an image folder, or all of them, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("the image is not to be trusted")]
    Trust(#[from] TrustError),
    #[error("its manifest has {0} bytes, {MANIFEST_BYTES_MAX} are allowed")]
    ManifestLarge(u64),
    #[error("{file} has {found} bytes, the manifest says {expected}")]
    Size { file: &'static str, found: u64, expected: u64 },
    #[error("{file} has SHA-256 {found}, the manifest says {expected}")]
    Hash { file: &'static str, found: Sha256, expected: Sha256 },
    #[error("it is the same version as {}, with another manifest", .0.display())]
    VersionTwice(PathBuf),
    #[error("its name is not UTF-8")]
    Name,
    #[error("its command line cannot stand in a boot script")]
    CommandLine(#[from] ScriptWordError),
}

/// Looks at image folders, and remembers what it has read.
#[derive(Debug)]
pub struct Scanner {
    folder: PathBuf,
    keys: Vec<PublicKey>,
    digests: Digests,
}

impl Scanner {
    /// Looks in `folder`; `memory` is the file with what was read before.
    pub fn new(folder: PathBuf, keys: Vec<PublicKey>, memory: &Path) -> Self {
        Self { folder, keys, digests: Digests::open(memory) }
    }

    /// Reads what has changed, and says what is there now.
    pub fn scan(&mut self, token: &CancellationToken) -> Result<Shelf, ScanError> {
        let mut shelf = Shelf::default();
        for folder in fs::list(&self.folder)? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            // A name with a dot in front is an image on its way here; a folder without a manifest is none.
            if name.starts_with('.') || !folder.join(MANIFEST_FILE).is_file() {
                continue;
            }
            let checked = self.check(&folder, token).and_then(|image| unique(&shelf.images, image));
            match checked {
                Ok(image) => shelf.images.push(image),
                Err(error) => shelf.refused.push(Refused { folder, reason: with_causes(&error) }),
            }
        }
        shelf.images.sort_by(|a, b| {
            (&a.manifest.name, &b.manifest.version).cmp(&(&b.manifest.name, &a.manifest.version))
        });
        self.digests.save()?;
        Ok(shelf)
    }

    fn check(&mut self, folder: &Path, token: &CancellationToken) -> Result<ShelfImage, ScanError> {
        if folder.to_str().is_none() {
            return Err(ScanError::Name);
        }
        let path = folder.join(MANIFEST_FILE);
        let bytes = fs::size(&path)?;
        if bytes > MANIFEST_BYTES_MAX {
            return Err(ScanError::ManifestLarge(bytes));
        }
        let content = fs::read(&path)?;
        let signature = fs::read_text(&folder.join(SIGNATURE_FILE))?;
        let policy =
            TrustPolicy { keys: self.keys.clone(), now: jiff::Timestamp::now(), oldest_version: None };
        let manifest = policy.verify_manifest(&content, &signature)?;
        let boot = BootImage::new(manifest.name.clone(), manifest.version.clone(), &manifest.command_line)?;
        let manifest_sha256 = Sha256::of(&content);
        let mut files = BTreeMap::new();
        for (file, digest) in
            [(ShelfFile::Manifest, manifest_sha256), (ShelfFile::Signature, Sha256::of(signature.as_bytes()))]
        {
            files.insert(file, self.file(folder, file, digest, token)?);
        }
        for artifact in &manifest.artifacts {
            let file = ShelfFile::Artifact(artifact.file);
            let found = fs::size(&folder.join(file.file_name()))?;
            if found != artifact.bytes {
                let file = file.file_name();
                return Err(ScanError::Size { file, found, expected: artifact.bytes });
            }
            files.insert(file, self.file(folder, file, artifact.sha256, token)?);
        }
        Ok(ShelfImage { folder: folder.to_owned(), manifest, manifest_sha256, boot, files })
    }

    /// The file, if it has this digest.
    fn file(
        &mut self,
        folder: &Path,
        file: ShelfFile,
        expected: Sha256,
        token: &CancellationToken,
    ) -> Result<ServedFile, ScanError> {
        let served = self.digests.of(&folder.join(file.file_name()), token)?;
        match served.sha256 {
            Some(found) if found != expected => {
                Err(ScanError::Hash { file: file.file_name(), found, expected })
            }
            _ => Ok(served),
        }
    }
}

/// A version is one set of bytes: a second one of the same version is refused, copies are fine.
fn unique(images: &[ShelfImage], image: ShelfImage) -> Result<ShelfImage, ScanError> {
    let same = images.iter().find(|known| {
        known.manifest.name == image.manifest.name && known.manifest.version == image.manifest.version
    });
    match same {
        Some(known) if known.manifest_sha256 != image.manifest_sha256 => {
            Err(ScanError::VersionTwice(known.folder.clone()))
        }
        _ => Ok(image),
    }
}
