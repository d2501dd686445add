//! Image folders: written whole or not at all, and read back with every byte checked.

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::{ArtifactFile, MANIFEST_FILE, Manifest, SIGNATURE_FILE};
use understudy_core::trust::{TrustError, TrustPolicy, Verified};

/// Why an image folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("{} is not an image folder: it has no {MANIFEST_FILE}", .0.display())]
    NotAnImage(PathBuf),
    #[error(transparent)]
    File(#[from] FsError),
    #[error("the image in {} is not to be trusted", folder.display())]
    Trust {
        folder: PathBuf,
        #[source]
        source: TrustError,
    },
    #[error("{} has {found} bytes, the manifest says {expected}", path.display())]
    Size { path: PathBuf, found: u64, expected: u64 },
    #[error("{} has SHA-256 {found}, the manifest says {expected}", path.display())]
    Hash { path: PathBuf, found: Sha256, expected: Sha256 },
    #[error("the manifest of {} does not name {file}", folder.display())]
    NotListed { folder: PathBuf, file: &'static str },
}

/// An image folder whose manifest was verified.
#[derive(Debug)]
pub struct Release {
    folder: PathBuf,
    pub manifest: Verified<Manifest>,
}

impl Release {
    /// Verifies the manifest; the files are checked when asked for.
    pub fn open(folder: &Path, policy: &TrustPolicy) -> Result<Self, ReleaseError> {
        let content = match fs::read(&folder.join(MANIFEST_FILE)) {
            Err(error) if error.is_not_found() => return Err(ReleaseError::NotAnImage(folder.to_owned())),
            content => content?,
        };
        let signature = fs::read_text(&folder.join(SIGNATURE_FILE))?;
        let verified = policy.verify_manifest(&content, &signature);
        let manifest =
            verified.map_err(|source| ReleaseError::Trust { folder: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// The path of one file, after its size and hash were found right.
    pub fn check(&self, file: ArtifactFile) -> Result<PathBuf, ReleaseError> {
        let listed = self.manifest.artifacts.iter().find(|artifact| artifact.file == file);
        let listed = listed
            .ok_or_else(|| ReleaseError::NotListed { folder: self.folder.clone(), file: file.file_name() })?;
        let path = self.folder.join(file.file_name());
        let found = fs::size(&path)?;
        if found != listed.bytes {
            return Err(ReleaseError::Size { path, found, expected: listed.bytes });
        }
        let (found, _) = Sha256::of_file(&path)?;
        if found != listed.sha256 {
            return Err(ReleaseError::Hash { path, found, expected: listed.sha256 });
        }
        Ok(path)
    }
}

/// A folder that becomes an image folder in one step; removed when dropped before that.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    target: PathBuf,
}

/// Why an image folder cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    #[error("{} holds something other than an image and is not replaced", .0.display())]
    Foreign(PathBuf),
    #[error(transparent)]
    File(#[from] FsError),
}

impl Staging {
    /// A fresh folder beside `target`, on the same file system. Leftovers of killed builds are removed.
    pub fn beside(target: &Path) -> Result<Self, StagingError> {
        let is_empty = |folder: &Path| fs::list(folder).is_ok_and(|inside| inside.is_empty());
        if target.exists() && !target.join(MANIFEST_FILE).is_file() && !is_empty(target) {
            return Err(StagingError::Foreign(target.to_owned()));
        }
        Ok(Self::create(target)?)
    }

    fn create(target: &Path) -> Result<Self, FsError> {
        let parent =
            target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::create_dir_all(parent)?;
        let prefix = format!(".{name}.building-");
        for path in fs::list(parent)? {
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let builder = file_name.strip_prefix(&prefix);
            if builder.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                fs::remove_dir_all(&path)?;
            }
        }
        let folder = parent.join(format!("{prefix}{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, target: target.to_owned() })
    }

    /// Where the files go.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes the manifest last of all.
    pub fn write_manifest(&self, manifest: &[u8], signature: &str) -> Result<(), FsError> {
        fs::write(&self.folder.join(MANIFEST_FILE), manifest)?;
        fs::write(&self.folder.join(SIGNATURE_FILE), signature.as_bytes())
    }

    /// Puts the folder in the target's place; an older image there is removed afterwards.
    pub fn publish(self) -> Result<(), FsError> {
        for path in fs::list(&self.folder)? {
            fs::open(&path)?.sync_all().map_err(fs::fail("write", &path))?;
        }
        if self.target.exists() {
            let swap = RenameFlags::RENAME_EXCHANGE;
            // What drops with `self` is then the older image.
            return renameat2(AT_FDCWD, &self.folder, AT_FDCWD, &self.target, swap)
                .map_err(std::io::Error::from)
                .map_err(fs::fail("replace", &self.target));
        }
        fs::rename(&self.folder, &self.target)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // An error here would hide the one that led here; the next build sweeps what is left.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
