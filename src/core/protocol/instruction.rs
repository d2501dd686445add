//! What a site tells a node.

use crate::base::sha256::Sha256;
use crate::model::name::Name;
use serde::{Deserialize, Serialize};

/// What to do, and how soon to ask again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    pub action: Action,
    /// Fresh with every answer to a hello; a node that boots its disk returns it, which proves that boot.
    pub nonce: String,
    /// Milliseconds until the next report.
    pub report_in_ms: u64,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Action {
    /// Nothing yet; in words for the console, such as `waiting for approval`.
    Wait { reason: String },
    /// Say hello: the site does not know this boot.
    Greet,
    /// Write this image to this disk.
    Install(Install),
    /// Start again; firmware will be sent to the disk.
    BootDisk,
    /// Go on as a spare.
    Stay,
    /// This node gets nothing; why, for the console.
    Refuse { reason: String },
}

/// An installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    pub name: Name,
    pub version: semver::Version,
    /// The folder of the image at the site, such as `http://10.0.0.1/images/mail-1.4.0`.
    pub url: String,
    /// Of the manifest, so that a node installs what its site decided on.
    pub manifest_sha256: Sha256,
    pub disk: DiskSelector,
    /// Whether an operator allowed to overwrite what is there.
    pub wipe: bool,
    /// Whether an operator allowed an image that is older than one that the node has trusted.
    #[serde(default)]
    pub allow_older: bool,
}

/// A disk by what stays the same from boot to boot. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum DiskSelector {
    Serial(String),
    Wwn(String),
    /// The kernel's name, only for the one disk of a node whose disk has neither.
    Only(String),
}
