//! What the tenant remembers: `held.json` under `/run`, gone with the boot, and `epochs.json` in state.

use super::epochs::Epochs;
use super::tenant::Remembered;
use super::tenure::Tenure;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};

/// Below `/run`.
const HELD: &str = "understudy/held.json";
/// Below `/var`.
const EPOCHS: &str = "lib/understudy/node/epochs.json";

/// Where a node remembers.
#[derive(Clone, Debug)]
pub struct Memory {
    held: PathBuf,
    epochs: PathBuf,
}

impl Memory {
    /// Below these two folders, `/run` and `/var` on a node.
    pub fn new(run: &Path, var: &Path) -> Self {
        Self { held: run.join(HELD), epochs: var.join(EPOCHS) }
    }

    /// What is held, if that is known.
    pub fn tenure(&self) -> Remembered {
        match fs::read(&self.held) {
            Ok(text) => serde_json::from_slice(&text)
                .map_or(Remembered::Damaged, |tenure| Remembered::Tenure(Some(tenure))),
            Err(error) if error.is_not_found() => Remembered::Tenure(None),
            Err(_) => Remembered::Damaged,
        }
    }

    /// The epochs seen; `None` where they cannot be read.
    pub fn epochs(&self) -> Option<Epochs> {
        match fs::read(&self.epochs) {
            Ok(text) => serde_json::from_slice(&text).ok(),
            Err(error) if error.is_not_found() => Some(Epochs::default()),
            Err(_) => None,
        }
    }

    /// Replaces what is held, durably within this boot.
    pub fn keep_tenure(&self, tenure: Option<&Tenure>) -> Result<(), FsError> {
        let Some(tenure) = tenure else {
            return match fs::remove_file(&self.held) {
                Err(error) if error.is_not_found() => Ok(()),
                result => result,
            };
        };
        keep(&self.held, &serde_json::to_vec(tenure).expect("plain fields have a JSON form"))
    }

    /// Replaces the epochs, durably.
    pub fn keep_epochs(&self, epochs: &Epochs) -> Result<(), FsError> {
        keep(&self.epochs, &serde_json::to_vec(epochs).expect("plain fields have a JSON form"))
    }
}

fn keep(path: &Path, text: &[u8]) -> Result<(), FsError> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    fs::write_secret_atomic(path, text)
}
