//! The manifest of what is to be installed, believed only with a signature of a key that this node trusts.

use super::fetch::{self, FetchError};
use crate::enrol::Trusted;
use std::path::Path;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::{MANIFEST_FILE, Manifest, SIGNATURE_FILE};
use understudy_core::protocol::instruction::Install;
use understudy_core::trust::{KeyError, PublicKey, TRUSTED_KEYS_PATH, TrustError, TrustPolicy, Verified};

/// Of a manifest or a signature: thousands of chunks fit.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// A minisign public key is a comment line and a base64 line.
const KEY_LINES: usize = 2;

/// Why a manifest is not believed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("cannot read which keys this node trusts")]
    Keys(#[source] FsError),
    #[error("{TRUSTED_KEYS_PATH} holds something other than public keys")]
    KeyFormat(#[source] KeyError),
    #[error("the image is refused")]
    Trust(#[from] TrustError),
    #[error("the site decided on {wanted}, but its shelf has {found}")]
    Other { wanted: String, found: String },
}

/// Fetches and verifies; the disk is not looked at before this has ended well.
pub fn fetch(order: &Install, trusted: &Trusted) -> Result<Verified<Manifest>, ReleaseError> {
    let file = |name: &str| fetch::small_file(&format!("{}/{name}", order.url), FILE_BYTES_MAX);
    let (content, signature) = (file(MANIFEST_FILE)?, file(SIGNATURE_FILE)?);
    let text = fs::read_text(Path::new(TRUSTED_KEYS_PATH)).map_err(ReleaseError::Keys)?;
    let keys = trusted_keys(&text).map_err(ReleaseError::KeyFormat)?;
    let policy = policy(order, trusted, keys, jiff::Timestamp::now());
    let manifest = policy.verify_manifest(&content, &String::from_utf8_lossy(&signature))?;
    let found = format!("{} {} ({})", manifest.name, manifest.version, Sha256::of(&content));
    let wanted = format!("{} {} ({})", order.name, order.version, order.manifest_sha256);
    if wanted == found { Ok(manifest) } else { Err(ReleaseError::Other { wanted, found }) }
}

/// No way back to an older version of the image, unless the order carries an operator's word for it.
fn policy(order: &Install, trusted: &Trusted, keys: Vec<PublicKey>, now: jiff::Timestamp) -> TrustPolicy {
    let oldest_version = trusted.version(&order.name).filter(|_| !order.allow_older).cloned();
    TrustPolicy { keys, now, oldest_version }
}

fn trusted_keys(text: &str) -> Result<Vec<PublicKey>, KeyError> {
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(KEY_LINES).map(|key| PublicKey::parse(&key.join("\n"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "untrusted comment: minisign public key: 7E4B8AB8AC7EBE06\n\
        RWQGvn6suIpLfpzSwMAFQhNXSK1PkNLDHqSj5KVqfIyW3ikULdmUn5fX\n";

    /// Catches the mutant that forgets what the node has trusted, and the one that never lets an operator go back.
    #[test]
    fn only_an_operators_word_leads_back_to_an_older_version() {
        let mut order = Install {
            name: "mail".parse().unwrap(),
            version: semver::Version::new(0, 1, 0),
            url: "http://10.0.0.1/images/mail-0.1.0".into(),
            manifest_sha256: Sha256::of(b"manifest"),
            disk: understudy_core::protocol::instruction::DiskSelector::Serial("D1".into()),
            wipe: true,
            allow_older: false,
        };
        let newer = semver::Version::new(0, 2, 0);
        let trusted = Trusted::default().with(&order.name, &newer);
        let oldest =
            |order: &Install| policy(order, &trusted, Vec::new(), jiff::Timestamp::now()).oldest_version;
        assert_eq!(oldest(&order), Some(newer));
        order.name = "dns".parse().unwrap();
        assert_eq!(oldest(&order), None, "of another image nothing is known");
        (order.name, order.allow_older) = ("mail".parse().unwrap(), true);
        assert_eq!(oldest(&order), None);
    }

    #[test]
    fn several_keys_stand_one_after_the_other() {
        assert_eq!(trusted_keys("").unwrap().len(), 0);
        assert_eq!(trusted_keys(KEY).unwrap().len(), 1);
        assert_eq!(trusted_keys(&KEY.repeat(3)).unwrap().len(), 3);
        assert!(trusted_keys(&format!("{KEY}half")).is_err());
    }
}
