//! The manifest: what an image consists of, and until when it may be installed.
//!
//! It is JSON, signed as a file of its own with minisign; see `trust` for when one may be used.

use crate::base::sha256::Sha256;
use crate::model::name::Name;
use crate::model::role::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The manifest's file name in an image folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The signature's file name in an image folder; where `minisign -V -m manifest.json` looks by itself.
pub const SIGNATURE_FILE: &str = "manifest.json.minisig";
/// The layout of this struct; a reader refuses any other.
pub const MANIFEST_FORMAT: u32 = 1;

/// What a node checks at once, before any of it reaches a disk.
pub const CHUNK_BYTES: u64 = 4 << 20;

/// One signed release of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// Such as `mail`.
    pub name: Name,
    /// Such as `1.4.0`.
    pub version: semver::Version,
    /// As `uname -m` says it.
    pub architecture: String,
    /// After this moment the image is refused (RFC 3339, UTC).
    pub expires: jiff::Timestamp,
    /// The key that signed it, as minisign prints it.
    pub key_id: String,
    /// The root of the verity tree.
    pub root_hash: Sha256,
    /// The kernel command line that boots it.
    pub command_line: String,
    /// What a node that runs it can do.
    pub roles: BTreeMap<Name, Role>,
    /// Every file of the release.
    pub artifacts: Vec<Artifact>,
}

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// The file's name inside the image folder.
    pub file: ArtifactFile,
    /// Its exact size in bytes.
    pub bytes: u64,
    /// Of its content.
    pub sha256: Sha256,
    /// Of each [`CHUNK_BYTES`] of it, the last one shorter; empty where nobody writes the file to a disk while it
    /// is still on its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<Sha256>,
}

/// The files of a release. A closed set, so that a manifest cannot name a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ArtifactFile {
    #[serde(rename = "vmlinuz")]
    Kernel,
    #[serde(rename = "initrd.zst")]
    Initrd,
    #[serde(rename = "image.efi")]
    Uki,
    /// The unified kernel image that asks the site what to do, for UEFI HTTP boot.
    #[serde(rename = "netboot.efi")]
    NetbootUki,
    #[serde(rename = "root.squashfs")]
    Root,
    #[serde(rename = "root.verity")]
    Verity,
    #[serde(rename = "disk.raw")]
    Disk,
    /// The disk as nodes fetch it.
    #[serde(rename = "disk.raw.zst")]
    CompressedDisk,
}

impl ArtifactFile {
    /// All of them, in the order of the build.
    pub const ALL: [Self; 8] = [
        Self::Kernel,
        Self::Root,
        Self::Verity,
        Self::Initrd,
        Self::Uki,
        Self::NetbootUki,
        Self::Disk,
        Self::CompressedDisk,
    ];

    /// The file's name inside the image folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Kernel => "vmlinuz",
            Self::Initrd => "initrd.zst",
            Self::Uki => "image.efi",
            Self::NetbootUki => "netboot.efi",
            Self::Root => "root.squashfs",
            Self::Verity => "root.verity",
            Self::Disk => "disk.raw",
            Self::CompressedDisk => "disk.raw.zst",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_is_written_as_its_file_name() {
        for file in ArtifactFile::ALL {
            assert_eq!(serde_json::to_value(file).unwrap(), file.file_name());
        }
        assert!(serde_json::from_str::<ArtifactFile>("\"../passwd\"").is_err());
    }
}
