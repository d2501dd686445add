//! The newest version of each image that this node was told to run: it takes nothing older unless an operator says so.

use super::kept::{FOLDER, KeptError};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::model::name::Name;

const FILE: &str = "trusted.json";

/// By image name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trusted(BTreeMap<Name, Version>);

impl Trusted {
    /// What of the image was trusted last.
    pub fn version(&self, image: &Name) -> Option<&Version> {
        self.0.get(image)
    }

    /// With this version of the image, whatever it was before: an operator may have gone back.
    pub fn with(&self, image: &Name, version: &Version) -> Self {
        let mut all = self.0.clone();
        all.insert(image.clone(), version.clone());
        Self(all)
    }

    /// Of two disks, the newest of each image.
    pub fn and(mut self, other: Self) -> Self {
        for (image, version) in other.0 {
            let known = self.0.entry(image).or_insert_with(|| version.clone());
            if *known < version {
                *known = version;
            }
        }
        self
    }

    /// Reads what `var` holds; nothing where no image was ever installed.
    pub fn read(var: &Path) -> Result<Self, KeptError> {
        let path = var.join(FOLDER).join(FILE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| KeptError::Format { path, source }),
            Err(error) if error.is_not_found() => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps it in `var`.
    pub fn write(&self, var: &Path) -> Result<(), KeptError> {
        let folder = var.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let text = serde_json::to_vec(self).expect("names and versions have a JSON form");
        Ok(fs::write_atomic(&folder.join(FILE), &text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(all: &[(&str, u64)]) -> Trusted {
        let all = all.iter().map(|(name, minor)| (name.parse().unwrap(), Version::new(0, *minor, 0)));
        Trusted(all.collect())
    }

    #[test]
    fn of_two_disks_the_newest_counts_and_of_one_the_last() {
        let both = trusted(&[("mail", 2), ("dns", 1)]).and(trusted(&[("mail", 1), ("dns", 3)]));
        assert_eq!(both, trusted(&[("mail", 2), ("dns", 3)]));
        let back = both.with(&"mail".parse().unwrap(), &Version::new(0, 1, 0));
        assert_eq!(back, trusted(&[("mail", 1), ("dns", 3)]));
    }

    #[test]
    fn what_is_trusted_outlives_a_boot() {
        let var = tempfile::tempdir().unwrap();
        assert_eq!(Trusted::read(var.path()).unwrap(), Trusted::default());
        let trusted = trusted(&[("mail", 2)]);
        trusted.write(var.path()).unwrap();
        assert_eq!(Trusted::read(var.path()).unwrap(), trusted);
        fs::write(&var.path().join(FOLDER).join(FILE), b"damaged").unwrap();
        assert!(matches!(Trusted::read(var.path()), Err(KeptError::Format { .. })));
    }
}
