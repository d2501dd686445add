//! Public keys of SSH, as they stand in an `authorized_keys` file (sshd(8)), without options.
//!
//! They end up in a file that decides who is root, so nothing is taken that is more than a key and a name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What today's OpenSSH makes, hardware keys included; DSA and certificates are not among them.
const ALGORITHMS: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];
/// An RSA key of 16384 bits, in Base64, with room to spare.
const KEY_CHARACTERS_MAX: usize = 4096;
const COMMENT_CHARACTERS_MAX: usize = 128;

/// `ssh-ed25519 AAAA... name`: one line without quotes, control characters or options.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SshPublicKey(String);

/// The text is not such a key.
#[derive(Debug, thiserror::Error)]
pub enum SshPublicKeyError {
    #[error(
        "this is not a public key of SSH; write what ssh-keygen put into FILE.pub, such as ssh-ed25519 AAAA... name"
    )]
    Shape,
    #[error("keys of the kind `{0}` are not taken; ssh-keygen -t ed25519 makes one that is")]
    Algorithm(String),
    #[error("the key behind `{0}` is not one of that kind, or not whole")]
    Damaged(String),
    #[error(
        "the name behind the key has more than {COMMENT_CHARACTERS_MAX} characters, or some that cannot be shown"
    )]
    Comment,
}

impl SshPublicKey {
    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Algorithm and key without the name, as in a `known_hosts` file.
    pub fn without_comment(&self) -> String {
        self.0.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for SshPublicKey {
    type Err = SshPublicKeyError;

    fn from_str(text: &str) -> Result<Self, SshPublicKeyError> {
        let mut words = text.trim().splitn(3, ' ');
        let (Some(algorithm), Some(key)) = (words.next(), words.next()) else {
            return Err(SshPublicKeyError::Shape);
        };
        let comment = words.next().unwrap_or_default().trim();
        let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name(algorithm) || algorithm.len() > COMMENT_CHARACTERS_MAX {
            return Err(SshPublicKeyError::Shape);
        }
        if !ALGORITHMS.contains(&algorithm) {
            return Err(SshPublicKeyError::Algorithm(algorithm.to_owned()));
        }
        let bytes = (key.len() <= KEY_CHARACTERS_MAX).then(|| STANDARD.decode(key).ok()).flatten();
        if !bytes.is_some_and(|bytes| is_key_of(&bytes, algorithm)) {
            return Err(SshPublicKeyError::Damaged(algorithm.to_owned()));
        }
        let is_shown = comment.chars().all(|letter| !letter.is_control() && letter != '"');
        if comment.chars().count() > COMMENT_CHARACTERS_MAX || !is_shown {
            return Err(SshPublicKeyError::Comment);
        }
        Ok(Self(format!("{algorithm} {key} {comment}").trim_end().to_owned()))
    }
}

/// Strings one after another to the very end, the first of which is the algorithm (RFC 4253, section 6.6).
fn is_key_of(mut bytes: &[u8], algorithm: &str) -> bool {
    let mut strings = 0;
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let Some((string, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            return false;
        };
        if strings == 0 && string != algorithm.as_bytes() {
            return false;
        }
        strings += 1;
        bytes = rest;
    }
    bytes.is_empty() && strings >= 2
}

impl TryFrom<String> for SshPublicKey {
    type Error = SshPublicKeyError;

    fn try_from(text: String) -> Result<Self, SshPublicKeyError> {
        text.parse()
    }
}

impl From<SshPublicKey> for String {
    fn from(key: SshPublicKey) -> Self {
        key.0
    }
}

impl fmt::Display for SshPublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs;
    use crate::base::process::Process;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    #[test]
    fn what_ssh_keygen_makes_is_a_key() {
        let folder = tempfile::tempdir().unwrap();
        for kind in ["ed25519", "ecdsa", "rsa"] {
            let path = folder.path().join(kind);
            let make = ["-q", "-t", kind, "-N", "", "-C", "eve of ops", "-f"];
            Process::new("ssh-keygen").args(make).arg(&path).run().unwrap();
            let text = fs::read_text(&path.with_extension("pub")).unwrap();
            let key: SshPublicKey = text.parse().unwrap();
            assert_eq!(key.as_str(), text.trim());
            assert_eq!(format!("{} eve of ops", key.without_comment()), text.trim());
        }
    }

    /// Catches the mutants that take options: `command=`, `environment=` or a second line would be sshd's to obey.
    #[test]
    fn nothing_but_a_key_and_a_name_is_taken() {
        assert!(format!("ssh-ed25519 {KEY}").parse::<SshPublicKey>().is_ok());
        for text in [
            String::new(),
            "ssh-ed25519".to_owned(),
            format!("command=\"sh\" ssh-ed25519 {KEY}"),
            format!("restrict,ssh-ed25519 {KEY}"),
            format!("ssh-dss {KEY}"),
            format!("ssh-rsa {KEY}"),
            format!("ssh-ed25519-cert-v01@openssh.com {KEY}"),
            format!("ssh-ed25519 {}", &KEY[..40]),
            format!("ssh-ed25519 {KEY}AAAA"),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5".to_owned(),
            format!("ssh-ed25519 {KEY} a\nssh-ed25519 {KEY} b"),
            format!("ssh-ed25519\n{KEY}"),
            format!("ssh-ed25519 {KEY} \u{1b}[2J"),
            format!("ssh-ed25519 {KEY} {}", "a".repeat(129)),
        ] {
            assert!(text.parse::<SshPublicKey>().is_err(), "{text}");
        }
    }
}
