//! Options and errors that `lock` and `build` share: the definition, the archive, the cache.

use crate::cli::failure::Failure;
use crate::cli::paths;
use clap::Args;
use std::path::{Path, PathBuf};
use understudy_image::apt::{AptError, Source};
use understudy_image::cache::Cache;
use understudy_image::definition::Definition;
use understudy_image::lock::LockError;

/// Where packages come from and where they are kept.
#[derive(Args)]
pub struct PackageOptions {
    /// Use this Debian archive instead of the ones that apt is configured with
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// The keys that sign --mirror [default: Debian's]
    #[arg(long, value_name = "FILE", requires = "mirror")]
    keyring: Option<PathBuf>,
    /// Keep packages and layers here [default: ~/.cache/understudy]
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

impl PackageOptions {
    pub fn source(&self) -> Result<Source, Failure> {
        let Some(url) = self.mirror.clone() else { return Ok(Source::Host) };
        let keyring = self.keyring.as_ref().map(|path| absolute(path)).transpose()?;
        Ok(Source::Mirror { url, keyring })
    }

    pub fn cache(&self) -> Result<Cache, Failure> {
        let folder = self.cache.clone().map_or_else(paths::cache, Ok)?;
        Cache::open(&absolute(&folder)?).map_err(Failure::operation)
    }
}

/// Children of ours run in other folders.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(Failure::operation)
}

pub fn read(folder: &Path) -> Result<Definition, Failure> {
    let hint = format!("edit {}", folder.join("image.toml").display());
    Definition::read(folder).map_err(|error| Failure::input(error).hint(hint))
}

/// Adds the next step to a lock's error.
pub fn lock_failure(error: LockError, folder: &Path) -> Failure {
    let update = format!("understudy image lock {}", folder.display());
    match error {
        LockError::Apt(error) => apt_failure(error, folder),
        LockError::Stale { .. } | LockError::Format { .. } | LockError::Syntax { .. } => {
            Failure::input(error).hint(update)
        }
        LockError::UnknownPackage { .. } | LockError::NoKernel { .. } => {
            Failure::input(error).hint(format!("edit {}", folder.join("image.toml").display()))
        }
        LockError::File(ref file) if file.is_not_found() => Failure::input(error).hint(update),
        LockError::File(_) => Failure::operation(error),
    }
}

/// Adds the next step to apt's error.
pub fn apt_failure(error: AptError, folder: &Path) -> Failure {
    let hint = match &error {
        AptError::Gone(_) => format!("understudy image lock {}", folder.display()),
        AptError::MirrorAddress(_) => return Failure::input(error),
        AptError::Update(_) | AptError::Download(_) => {
            "look at the network and run the same command again; what arrived is kept".to_owned()
        }
        _ => return Failure::operation(error),
    };
    Failure::operation(error).hint(hint)
}
