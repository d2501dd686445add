//! What no image may hold: host keys, machine ids, passwords and private keys. The build stops at the first.

/// How large a file is still looked into; keys and account files are far smaller.
pub const SEARCHED_BYTES_MAX: u64 = 1 << 20;
/// Accounts that cannot log in with a password.
const LOCKED: [&str; 4] = ["*", "!", "!!", "!*"];

/// A file that must not be shipped.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("the image would ship the SSH host key /{0}")]
    HostKey(String),
    #[error("the image would ship a machine id in /{0}")]
    MachineId(String),
    #[error("the image would ship a password for `{account}` in /{path}")]
    Password { path: String, account: String },
    #[error("the image would ship a private key in /{0}")]
    PrivateKey(String),
}

/// Refuses the file at `path` (without a leading `/`) if it holds a secret.
pub fn refuse(path: &str, content: &[u8]) -> Result<(), SecretError> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with("ssh_host_") && name.contains("_key") {
        return Err(SecretError::HostKey(path.to_owned()));
    }
    if name == "machine-id" && !content.is_empty() {
        return Err(SecretError::MachineId(path.to_owned()));
    }
    if is_account_file(path)
        && let Some(account) = account_with_password(content, name)
    {
        return Err(SecretError::Password { path: path.to_owned(), account });
    }
    if holds_private_key(content) {
        return Err(SecretError::PrivateKey(path.to_owned()));
    }
    Ok(())
}

/// Of this root, or of another that stands inside it; programs and PAM services bear the same names.
fn is_account_file(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_etc = folder == "etc" || folder.ends_with("/etc");
    is_etc && matches!(name.trim_end_matches('-'), "shadow" | "gshadow" | "passwd")
}

/// The first account whose second field is a password, or is empty, which is worse.
fn account_with_password(content: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (account, password) = (fields.next()?, fields.next()?);
        // A passwd file points to shadow with an `x`; only there does it mean that.
        let elsewhere = name.starts_with("passwd") && password == "x";
        let group_without = name.starts_with("gshadow") && password.is_empty();
        let is_open = !(elsewhere || group_without || LOCKED.contains(&password));
        is_open.then(|| account.to_owned())
    })
}

/// A PEM block (RFC 7468) or a minisign key. Programs hold the marker alone, a key has base64 below it.
fn holds_private_key(content: &[u8]) -> bool {
    let mut lines = content.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let marks_key = line.starts_with(b"-----BEGIN ")
            && line.trim_ascii_end().ends_with(b"PRIVATE KEY-----")
            || line.starts_with(b"untrusted comment: ") && contains(line, b"secret key");
        if marks_key && lines.peek().is_some_and(|below| is_key_body(below)) {
            return true;
        }
    }
    false
}

fn contains(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|window| window == word)
}

fn is_key_body(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    // An encrypted PEM key has a header line first (RFC 1421).
    line.len() >= 16 && line.iter().all(base64) || line.starts_with(b"Proc-Type:")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n";

    #[test]
    fn every_kind_of_secret_is_refused_by_file_name() {
        let cases: [(&str, &[u8], SecretError); 6] = [
            ("etc/ssh/ssh_host_rsa_key", b"", SecretError::HostKey("etc/ssh/ssh_host_rsa_key".into())),
            ("etc/machine-id", b"abc\n", SecretError::MachineId("etc/machine-id".into())),
            (
                "etc/shadow",
                b"daemon:*:1::\nroot:$y$j9T$x:19000::\n",
                SecretError::Password { path: "etc/shadow".into(), account: "root".into() },
            ),
            (
                "etc/shadow",
                b"root::19000::\n",
                SecretError::Password { path: "etc/shadow".into(), account: "root".into() },
            ),
            ("etc/x/some.conf", KEY, SecretError::PrivateKey("etc/x/some.conf".into())),
            (
                "a",
                b"untrusted comment: minisign encrypted secret key\nRWRTY0IyAAAAAAAAAAAA\n",
                SecretError::PrivateKey("a".into()),
            ),
        ];
        for (path, content, expected) in cases {
            assert_eq!(refuse(path, content), Err(expected));
        }
    }

    #[test]
    fn what_only_looks_like_a_secret_may_ship() {
        let fine: [(&str, &[u8]); 7] = [
            ("etc/pam.d/passwd", b"@include common-password\n"),
            ("etc/machine-id", b""),
            ("etc/shadow", b"root:*:19000::\nsshd:!:19000::\n"),
            ("etc/passwd", b"root:x:0:0::/root:/bin/bash\n"),
            ("etc/gshadow", b"root:*::\nadm:!::\n"),
            ("usr/bin/ssh-keygen", b"\0-----BEGIN OPENSSH PRIVATE KEY-----\n\0\0bad\n"),
            ("usr/share/cert.pem", b"-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n"),
        ];
        for (path, content) in fine {
            assert_eq!(refuse(path, content), Ok(()), "{path}");
        }
    }
}
