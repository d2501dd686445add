//! Who may log in to this node: the operators whose keys the site names, and nobody else.
//!
//! The file is in the node's state: a site that is away locks nobody out. sshd of the image reads it for root.

use std::fmt::Write;
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::model::ssh_key::SshPublicKey;

/// In `/var`, as sshd_config.d/understudy.conf of the image names it.
const FILE: &str = "lib/understudy/ssh/authorized_keys";
const HEADER: &str = "# Written by the node agent: the keys of `[operators]` in the site file.\n";

/// Makes the file in `var` say exactly this, if it does not already; returns whether it changed.
pub fn write(var: &Path, keys: &[SshPublicKey]) -> fs::Result<bool> {
    let path = var.join(FILE);
    let mut text = HEADER.to_owned();
    for key in keys {
        writeln!(text, "{key}").expect("a string takes everything");
    }
    if fs::read_text(&path).is_ok_and(|written| written == text) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write_secret_atomic(&path, text.as_bytes())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn key(name: &str) -> SshPublicKey {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        format!("ssh-ed25519 {key} {name}").parse().unwrap()
    }

    /// Catches the mutant that only adds keys: an operator who left would stay root.
    #[test]
    fn a_key_that_the_site_no_longer_names_is_gone() {
        let var = tempfile::tempdir().unwrap();
        let path = var.path().join(FILE);
        let lines = || {
            let text = fs::read_text(&path).unwrap();
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(write(var.path(), &[key("ann"), key("bob")]).unwrap());
        assert_eq!(lines(), [key("ann").to_string(), key("bob").to_string()]);
        assert!(!write(var.path(), &[key("ann"), key("bob")]).unwrap(), "nothing to do");
        assert!(write(var.path(), &[key("bob")]).unwrap());
        assert_eq!(lines(), [key("bob").to_string()]);
        assert!(write(var.path(), &[]).unwrap());
        assert!(lines().is_empty());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_somebody_else_wrote_there_is_replaced() {
        let var = tempfile::tempdir().unwrap();
        write(var.path(), &[]).unwrap();
        let path = var.path().join(FILE);
        fs::write(&path, b"ssh-ed25519 AAAA intruder\n").unwrap();
        assert!(write(var.path(), &[]).unwrap());
        assert!(!fs::read_text(&path).unwrap().contains("intruder"));
    }
}
