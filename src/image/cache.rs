//! What a build keeps for the next one: packages and layers, each under the hash of what it is made from.
//!
//! A file appears under its name only when it is whole, so a killed build leaves at most a `.part` file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;

/// How many layers of one kind are kept; older ones are removed when a newer one is made.
const LAYERS_MAX: usize = 4;

/// A folder of files that can all be made again.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Uses `folder`, which may not exist yet.
    pub fn open(folder: &Path) -> Result<Self, FsError> {
        for part in ["packages", "layers"] {
            fs::create_dir_all(&folder.join(part))?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where packages lie, each named by its SHA-256.
    pub fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    /// Where the package with this content lies, if it is there.
    pub fn package(&self, sha256: &Sha256) -> PathBuf {
        self.packages().join(format!("{sha256}.deb"))
    }

    /// A folder for one build's own files, on the cache's file system; removed when dropped.
    pub fn work_folder(&self) -> Result<tempfile::TempDir, FsError> {
        let folder = self.folder.join("work");
        fs::create_dir_all(&folder)?;
        sweep(&folder)?;
        tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
            .tempdir_in(&folder)
            .map_err(fs::fail("create a folder in", &folder))
    }

    /// The layer of this kind and key: found, or made by `make` and kept. Says whether it was found.
    pub fn layer<E: From<FsError>>(
        &self,
        kind: &str,
        key: &Sha256,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(PathBuf, bool), E> {
        let path = self.folder.join("layers").join(format!("{kind}-{key}"));
        if path.is_file() {
            // Marks it as used, so that it is not the one to go when room is made.
            let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
            return Ok((path, true));
        }
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let made = make(&part)
            .and_then(|()| fs::open(&part)?.sync_all().map_err(fs::fail("write", &part)).map_err(E::from));
        if let Err(error) = made {
            // The first error is the one to tell; a leftover is swept by a later build.
            let _ = std::fs::remove_file(&part);
            return Err(error);
        }
        fs::rename(&part, &path)?;
        self.prune(kind)?;
        Ok((path, false))
    }

    fn prune(&self, kind: &str) -> Result<(), FsError> {
        let prefix = format!("{kind}-");
        let mut layers: Vec<_> = fs::list(&self.folder.join("layers"))?
            .into_iter()
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
            .filter(|path| abandoned(path).unwrap_or(true))
            .filter_map(|path| Some((std::fs::metadata(&path).ok()?.modified().ok()?, path)))
            .collect();
        layers.sort();
        let surplus = layers.len().saturating_sub(LAYERS_MAX);
        layers.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// For a `.PID.part` file: whether its process is gone. `None` for any other file.
fn abandoned(path: &Path) -> Option<bool> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".part")?;
    let pid = stem.rsplit('.').next()?;
    Some(!Path::new("/proc").join(pid).exists())
}

/// Removes the folders of builds that were killed.
fn sweep(folder: &Path) -> Result<(), FsError> {
    for path in fs::list(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let pid = name.split('-').next().unwrap_or_default();
        if !pid.is_empty() && !Path::new("/proc").join(pid).exists() {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}
