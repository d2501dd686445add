//! The image shelf: image folders whose every byte was checked, and which of them nodes get.
//!
//! A folder with one wrong byte is not on the shelf; why is an event. Entry point: [`Scanner::scan`].

mod digests;
mod scan;
mod watcher;

pub use scan::{ScanError, Scanner};
pub use watcher::ShelfTask;

use crate::definition::WantedImage;
use crate::lifecycle::ImageRef;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::{ArtifactFile, Manifest};
use understudy_core::trust::Verified;
use understudy_netboot::decision::BootImage;
use understudy_netboot::http::{ServedFile, ShelfFile};
use utoipa::ToSchema;

/// What is there.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// By name, the newest version first.
    pub images: Vec<ShelfImage>,
    pub refused: Vec<Refused>,
}

/// A verified image.
#[derive(Clone, Debug)]
pub struct ShelfImage {
    pub folder: PathBuf,
    pub manifest: Verified<Manifest>,
    pub manifest_sha256: Sha256,
    /// As boot scripts name it.
    pub boot: BootImage,
    /// Every file of it, as it was when it was checked.
    pub files: BTreeMap<ShelfFile, ServedFile>,
}

/// A folder that is not served, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub folder: PathBuf,
    pub reason: String,
}

/// One folder of the shelf, as operators see it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImageView {
    pub folder: String,
    /// Such as `mail 0.1.0`; nothing for a folder that is refused.
    pub image: Option<String>,
    #[schema(value_type = Option<String>)]
    pub expires: Option<jiff::Timestamp>,
    /// Whether this is what nodes get.
    pub is_wanted: bool,
    pub refused: Option<String>,
}

impl Shelf {
    /// What nodes get: the newest version of the image, or the one that was named.
    pub fn wanted(&self, wanted: &WantedImage) -> Option<&ShelfImage> {
        self.images.iter().find(|image| {
            let is_version = wanted.version.as_ref().is_none_or(|version| *version == image.manifest.version);
            image.manifest.name == wanted.name && is_version
        })
    }

    /// All folders for operators.
    pub fn views(&self, wanted: &WantedImage) -> Vec<ImageView> {
        let folder_of_wanted = self.wanted(wanted).map(|image| &image.folder);
        let good = self.images.iter().map(|image| ImageView {
            folder: image.folder.display().to_string(),
            image: Some(format!("{} {}", image.manifest.name, image.manifest.version)),
            expires: Some(image.manifest.expires),
            is_wanted: folder_of_wanted == Some(&image.folder),
            refused: None,
        });
        let refused = self.refused.iter().map(|refused| ImageView {
            folder: refused.folder.display().to_string(),
            image: None,
            expires: None,
            is_wanted: false,
            refused: Some(refused.reason.clone()),
        });
        good.chain(refused).collect()
    }
}

impl ShelfImage {
    /// What a node can prove about it.
    pub fn reference(&self) -> ImageRef {
        ImageRef {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            root_hash: self.manifest.root_hash,
            manifest_sha256: self.manifest_sha256,
        }
    }

    /// The size of the raw disk.
    pub fn disk_bytes(&self) -> u64 {
        let disk = self.manifest.artifacts.iter().find(|artifact| artifact.file == ArtifactFile::Disk);
        disk.map_or(0, |disk| disk.bytes)
    }
}
