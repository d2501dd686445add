//! What a node keeps of its enrolment in its state: its key, and its site.

use super::key::{self, NodeKey};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};

/// Below `/var`.
pub(super) const FOLDER: &str = "lib/understudy/node";
const KEY_FILE: &str = "key.pem";
const SITE_FILE: &str = "site.json";

/// Why the enrolment cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error(transparent)]
    Key(#[from] key::KeyError),
    #[error("{} is not readable", path.display())]
    Format {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// An enrolment.
pub struct Kept {
    pub key: NodeKey,
    pub site: Site,
}

/// Whom this node listens to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The node API.
    pub url: String,
    /// The CA certificate (DER in hexadecimal).
    #[serde(with = "hex::serde")]
    pub ca: Vec<u8>,
}

impl Kept {
    /// Reads what `var` holds; `None` where no node was ever enrolled.
    pub fn read(var: &Path) -> Result<Option<Self>, KeptError> {
        let folder = var.join(FOLDER);
        let path = folder.join(SITE_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            // The site is written last: without it there is no enrolment.
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let site = serde_json::from_slice(&text).map_err(|source| KeptError::Format { path, source })?;
        let key = NodeKey::from_pem(&fs::read_text(&folder.join(KEY_FILE))?)?;
        Ok(Some(Self { key, site }))
    }

    /// Keeps it in `var`, key first.
    pub fn write(&self, var: &Path) -> Result<(), KeptError> {
        let folder = var.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let (path, staged) = (folder.join(KEY_FILE), folder.join("key.pem.new"));
        if staged.exists() {
            fs::remove_file(&staged)?;
        }
        let mut file = fs::create_secret(&staged)?;
        file.write_all(self.key.to_pem().as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(fs::fail("write", &staged))?;
        fs::rename(&staged, &path)?;
        let site = serde_json::to_vec(&self.site).expect("two plain fields have a JSON form");
        Ok(fs::write_atomic(&folder.join(SITE_FILE), &site)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_enrolment_is_kept_whole_or_not_at_all() {
        let var = tempfile::tempdir().unwrap();
        assert!(Kept::read(var.path()).unwrap().is_none());
        let site = Site { url: "https://10.0.0.1:8443".into(), ca: vec![1, 2, 3] };
        let kept = Kept { key: NodeKey::make().unwrap(), site: site.clone() };
        kept.write(var.path()).unwrap();
        kept.write(var.path()).unwrap();
        let again = Kept::read(var.path()).unwrap().unwrap();
        assert_eq!((again.key.node_id(), again.site), (kept.key.node_id(), site));
        let key = var.path().join(FOLDER).join(KEY_FILE);
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

        fs::remove_file(&var.path().join(FOLDER).join(SITE_FILE)).unwrap();
        assert!(Kept::read(var.path()).unwrap().is_none(), "cut off before the site was written");
        kept.write(var.path()).unwrap();
        fs::write(&key, b"damaged").unwrap();
        assert!(Kept::read(var.path()).is_err());
    }
}
