//! Options with which a user says what is trusted.

use crate::cli::failure::Failure;
use crate::cli::paths;
use clap::Args;
use std::path::{Path, PathBuf};
use understudy_core::base::fs;
use understudy_core::trust::{PublicKey, TrustError, TrustPolicy};
use understudy_image::release::{Release, ReleaseError};
use understudy_image::signing::public_path;

#[derive(Args)]
pub struct TrustOptions {
    /// A public key to trust; may be repeated [default: ~/.config/understudy/signing.key.pub]
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// Refuse versions older than this one, as a node does that has trusted it
    #[arg(long, value_name = "VERSION")]
    not_older_than: Option<semver::Version>,
}

impl TrustOptions {
    /// Verifies the image folder's manifest.
    pub fn open(&self, folder: &Path) -> Result<Release, Failure> {
        Release::open(folder, &self.policy()?).map_err(failure)
    }

    fn policy(&self) -> Result<TrustPolicy, Failure> {
        let default = || Ok::<_, Failure>(vec![public_path(&paths::signing_key()?)]);
        let paths = if self.keys.is_empty() { default()? } else { self.keys.clone() };
        let keys = paths.iter().map(|path| read_key(path)).collect::<Result<_, _>>()?;
        Ok(TrustPolicy { keys, now: jiff::Timestamp::now(), oldest_version: self.not_older_than.clone() })
    }
}

fn read_key(path: &Path) -> Result<PublicKey, Failure> {
    let hint = "name the public key with --key FILE.pub";
    let text = fs::read_text(path).map_err(|error| Failure::input(error).hint(hint))?;
    PublicKey::parse(&text).map_err(|error| {
        let named = anyhow::Error::new(error).context(format!("cannot use {}", path.display()));
        Failure::input(named).hint(hint)
    })
}

/// Adds the next step to an image folder's error.
pub fn failure(error: ReleaseError) -> Failure {
    let hint = match &error {
        ReleaseError::NotAnImage(_) => "understudy image ls FOLDER lists image folders",
        ReleaseError::Trust { source: TrustError::UnknownKey { .. }, .. } => {
            "if that key is yours, name its public key with --key FILE.pub"
        }
        ReleaseError::Trust { source: TrustError::Expired { .. }, .. } => {
            "build the image again, or sign a newer version"
        }
        ReleaseError::Trust { source: TrustError::Older { .. }, .. } => "take the newer image",
        ReleaseError::Trust { .. } | ReleaseError::Size { .. } | ReleaseError::Hash { .. } => {
            "fetch the image again; do not install this one"
        }
        _ => return Failure::operation(error),
    };
    Failure::operation(error).hint(hint)
}
