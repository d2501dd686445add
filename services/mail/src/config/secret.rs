//! Secrets stand in files of their own, so that a configuration file can be shown to anybody.

use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Of a secret.
pub const OCTETS_MAX: u64 = 4096;
/// Whoever is neither the owner nor of its group.
const OTHERS: u32 = 0o007;

/// The path of a file that holds a secret, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretFile(pub PathBuf);

/// A secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("cannot read the secret in {}; see who may: namei -l {}", path.display(), path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("everybody may read the secret in {}; run: chmod o= {}", .0.display(), .0.display())]
    Open(PathBuf),
    #[error("{} holds one line of 1 to {OCTETS_MAX} octets; write the secret into it", .0.display())]
    Content(PathBuf),
}

impl SecretFile {
    /// The secret, without the end of its line.
    pub fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        let path = &self.0;
        let failed = |source| SecretError::Read { path: path.clone(), source };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & OTHERS != 0 {
            return Err(SecretError::Open(path.clone()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(OCTETS_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        if line.is_empty() || line.len() as u64 > OCTETS_MAX || line.contains(['\n', '\r', '\0']) {
            return Err(SecretError::Content(path.clone()));
        }
        Ok(Zeroizing::new(line.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_that_not_everybody_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |content: &str, mode| {
            let path = folder.path().join("secret");
            fs_err::write(&path, content).unwrap();
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            SecretFile(path).read()
        };
        assert_eq!(write("pass word\n", 0o640).unwrap().as_str(), "pass word");
        assert_eq!(write("x", 0o400).unwrap().as_str(), "x");
        assert!(matches!(write("x", 0o644), Err(SecretError::Open(_))));
        for content in ["", "\n", "a\nb\n", &"x".repeat(4097)] {
            assert!(matches!(write(content, 0o600), Err(SecretError::Content(_))), "{content}");
        }
        let missing = SecretFile(folder.path().join("none")).read();
        assert!(matches!(missing, Err(SecretError::Read { .. })));
    }
}
