//! Brings every pinned package into the cache, and lets none in whose content is not the pinned one.

use crate::apt::{Apt, AptError, Source};
use crate::cache::Cache;
use crate::lock::{Lock, Pin};
use crate::progress::{Outcome, Progress, sized};
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;

/// Where packages are looked for when the cache does not have them.
#[derive(Clone, Debug)]
pub enum Origin {
    /// An archive, through apt.
    Archive(Source),
    /// A folder of `.deb` files with the names that apt gives them.
    Folder(PathBuf),
}

/// Why a pinned package is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    #[error("cannot use the package cache")]
    File(#[from] fs::FsError),
    #[error(transparent)]
    Apt(AptError),
    #[error("package {name} {version} has SHA-256 {found}, but the lock pins {pinned}")]
    WrongHash { name: String, version: String, found: Sha256, pinned: Sha256 },
    #[error("package {name} {version} did not arrive")]
    Missing { name: String, version: String },
    #[error("{} has no file {file}", folder.display())]
    NotInFolder { folder: PathBuf, file: String },
}

/// Fetches what is missing. Afterwards every pin has its file in the cache, checked when it came in.
pub fn fetch(
    lock: &Lock,
    origin: &Origin,
    suite: &str,
    cache: &Cache,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Outcome<()>, PackagesError> {
    let missing: Vec<&Pin> =
        lock.packages.iter().filter(|pin| !cache.package(&pin.sha256).is_file()).collect();
    let total: u64 = lock.packages.iter().map(|pin| pin.bytes).sum();
    let result = format!("{} packages, {}", lock.packages.len(), sized(total));
    if missing.is_empty() {
        return Ok(Outcome { value: (), cached: true, result });
    }
    let bytes: u64 = missing.iter().map(|pin| pin.bytes).sum();
    progress.note(&format!("fetching {} packages, {}", missing.len(), sized(bytes)));
    match origin {
        Origin::Folder(folder) => from_folder(&missing, folder, cache)?,
        Origin::Archive(source) => from_archive(&missing, source, suite, cache, work)?,
    }
    Ok(Outcome::made((), result))
}

fn from_folder(missing: &[&Pin], folder: &Path, cache: &Cache) -> Result<(), PackagesError> {
    for pin in missing {
        let file = file_name(pin);
        let path = folder.join(&file);
        if !path.is_file() {
            return Err(PackagesError::NotInFolder { folder: folder.to_owned(), file });
        }
        let staged = cache.packages().join(format!("{}.{}.part", pin.sha256, std::process::id()));
        fs::copy(&path, &staged)?;
        admit(pin, &staged, cache)?;
    }
    Ok(())
}

fn from_archive(
    missing: &[&Pin],
    source: &Source,
    suite: &str,
    cache: &Cache,
    work: &Path,
) -> Result<(), PackagesError> {
    let apt = Apt::new(work, source, suite).map_err(PackagesError::Apt)?;
    apt.update().map_err(PackagesError::Apt)?;
    let wanted: Vec<_> = missing.iter().map(|pin| (pin.name.clone(), pin.version.clone())).collect();
    let (folder, result) = apt.download(&wanted);
    // What did arrive is kept, so that a repeated build goes on where this one broke off.
    for pin in missing {
        let path = folder.join(file_name(pin));
        // What the archive broke off in the middle of is not a changed package.
        if path.is_file() && (result.is_ok() || fs::size(&path)? == pin.bytes) {
            admit(pin, &path, cache)?;
        }
    }
    result.map_err(PackagesError::Apt)?;
    match missing.iter().find(|pin| !cache.package(&pin.sha256).is_file()) {
        None => Ok(()),
        Some(pin) => Err(PackagesError::Missing { name: pin.name.clone(), version: pin.version.clone() }),
    }
}

fn admit(pin: &Pin, path: &Path, cache: &Cache) -> Result<(), PackagesError> {
    let (found, _) = Sha256::of_file(path)?;
    if found != pin.sha256 {
        fs::remove_file(path)?;
        let (name, version) = (pin.name.clone(), pin.version.clone());
        return Err(PackagesError::WrongHash { name, version, found, pinned: pin.sha256 });
    }
    Ok(fs::rename(path, &cache.package(&pin.sha256))?)
}

/// Checks the packages in the cache once more, before anything of them runs.
pub fn recheck<'a>(pins: impl Iterator<Item = &'a Pin>, cache: &Cache) -> Result<(), PackagesError> {
    for pin in pins {
        let (found, _) = Sha256::of_file(&cache.package(&pin.sha256))?;
        if found != pin.sha256 {
            fs::remove_file(&cache.package(&pin.sha256))?;
            let (name, version) = (pin.name.clone(), pin.version.clone());
            return Err(PackagesError::WrongHash { name, version, found, pinned: pin.sha256 });
        }
    }
    Ok(())
}

/// As `apt-get download` names a file: the epoch's colon is escaped.
fn file_name(pin: &Pin) -> String {
    format!("{}_{}_{}.deb", pin.name, pin.version.replace(':', "%3a"), pin.architecture)
}
