//! The state folder: whose it is, and what the files in it are called.

use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use understudy_core::base::fs::{self, FsError};

/// The operator's socket.
pub const SOCKET_FILE: &str = "operator.sock";
/// The ledger.
pub const LEDGER_FILE: &str = "ledger.db";
/// The CA's key and certificate.
pub const CA_FILE: &str = "ca.pem";
/// The CA's certificate alone, for operators to trust.
pub const CA_CERTIFICATE_FILE: &str = "ca.crt";
/// The key of the identities' secrets.
pub const SECRETS_FILE: &str = "secrets.key";
/// What the shelf has verified.
pub const SHELF_FILE: &str = "shelf.json";
const LOCK_FILE: &str = "lock";

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot use the state folder")]
    File(#[from] FsError),
    #[error("the state folder {} is in use by another `understudy serve`", .0.display())]
    InUse(PathBuf),
}

/// The state folder, held until dropped. The kernel lets go of it whatever ends the process.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Makes the folder, for its owner only, and takes it.
    pub fn take(path: &Path) -> Result<Self, StateError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path).map_err(fs::fail("create folder", path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = fs::create(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(fs::fail("lock", &lock_path)(error).into()),
        }
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_second_owner_is_refused_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/state");
        let first = StateFolder::take(&path).unwrap();
        assert!(matches!(StateFolder::take(&path), Err(StateError::InUse(_))));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(first);
        StateFolder::take(&path).unwrap();
    }
}
