//! Installs an image on a disk: fetched in chunks, each checked against the signed manifest before any of it is
//! decompressed or written, written once, made bootable last.
//!
//! It never writes to a disk that the site did not name, never over data of somebody else without an operator's
//! word, and nothing that is not signed. Cut off anywhere, the disk does not boot, and installing it again ends
//! well. Entry point: [`install`].

mod fetch;
mod release;
mod write;

use crate::enrol::Trusted;
use crate::inventory::resolve;
use std::io::Read;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::formats::manifest::{Artifact, ArtifactFile, Manifest};
use understudy_core::protocol::instruction::Install;
use understudy_core::protocol::inventory::{Disk, DiskContent};
use understudy_core::trust::Verified;

pub use fetch::FetchError;
pub use release::ReleaseError;
pub use write::WriteError;

/// Why an image was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("{0}")]
    Disk(String),
    #[error("disk {name} holds {content}, and no operator allowed to overwrite it")]
    Foreign { name: String, content: String },
    #[error("disk {name} holds {volumes}, and no volume is ever written over")]
    Volumes { name: String, volumes: String },
    #[error("disk {name} has {room}, the image needs {needed}")]
    TooSmall { name: String, room: ByteCount, needed: ByteCount },
    #[error("the manifest names no {0}")]
    Incomplete(&'static str),
    #[error("the image on its way cannot be decompressed")]
    Decompress(#[source] std::io::Error),
}

impl InstallError {
    /// Whether the disk may have changed before this happened.
    pub fn has_touched_disk(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Fetch(_) | Self::Decompress(_))
    }
}

/// Looks at everything first, then writes. `progress` hears bytes fetched and in all.
pub fn install(
    order: &Install,
    trusted: &Trusted,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified<Manifest>, InstallError> {
    let manifest = release::fetch(order, trusted)?;
    let artifact = |file: ArtifactFile| manifest.artifacts.iter().find(|artifact| artifact.file == file);
    let stream =
        artifact(ArtifactFile::CompressedDisk).ok_or(InstallError::Incomplete("disk.raw.zst"))?.clone();
    let image_bytes = artifact(ArtifactFile::Disk).ok_or(InstallError::Incomplete("disk.raw"))?.bytes;
    let (device, disk) = resolve(&order.disk).map_err(InstallError::Disk)?;
    check_disk(&disk, image_bytes, order.wipe)?;
    write_disk(order, &stream, image_bytes, &device, progress)?;
    Ok(manifest)
}

fn check_disk(disk: &Disk, image_bytes: u64, wipe: bool) -> Result<(), InstallError> {
    let foreign = match &disk.content {
        // No yes of an operator goes over data that nobody else may have.
        DiskContent::Image { volumes, .. } if !volumes.is_empty() => {
            return Err(InstallError::Volumes { name: disk.name.clone(), volumes: volumes.join(", ") });
        }
        DiskContent::Empty | DiskContent::Image { .. } => None,
        DiskContent::Foreign { description } => Some(description.clone()),
        DiskContent::Unreadable { reason } => {
            return Err(InstallError::Disk(format!("disk {} does not answer: {reason}", disk.name)));
        }
    };
    if let Some(content) = foreign.filter(|_| !wipe) {
        return Err(InstallError::Foreign { name: disk.name.clone(), content });
    }
    if disk.bytes < image_bytes {
        let (room, needed) = (ByteCount::bytes(disk.bytes), ByteCount::bytes(image_bytes));
        return Err(InstallError::TooSmall { name: disk.name.clone(), room, needed });
    }
    Ok(())
}

fn write_disk(
    order: &Install,
    stream: &Artifact,
    image_bytes: u64,
    device: &std::path::Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), InstallError> {
    let url = format!("{}/{}", order.url, stream.file.file_name());
    let total = stream.bytes;
    fetch::with_chunks(&url, stream, |chunks| {
        // The first chunk is here and good before the disk is opened for writing.
        let mut chunks = chunks.begun()?;
        let mut writer = write::DiskWriter::open(device, image_bytes)?;
        let mut image = zstd::Decoder::new(&mut chunks).map_err(InstallError::Decompress)?;
        let mut block = vec![0; write::BLOCK_BYTES];
        loop {
            let count = read_block(&mut image, &mut block).map_err(InstallError::Decompress);
            // A chunk that never came is the reason, not the stream that ended early because of it.
            image.get_mut().get_mut().take_error()?;
            let count = count?;
            if count == 0 {
                break;
            }
            writer.write(&block[..count])?;
            progress(image.get_ref().get_ref().fetched_bytes(), total);
        }
        Ok(writer.finish()?)
    })
}

/// Fills the block unless the stream ends first.
fn read_block(from: &mut impl Read, block: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match from.read(&mut block[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(content: DiskContent, bytes: u64) -> Disk {
        Disk { name: "vda".into(), serial: String::new(), wwn: None, model: String::new(), bytes, content }
    }

    #[test]
    fn a_disk_is_refused_before_it_is_touched() {
        let foreign = || DiskContent::Foreign { description: "an ext4 file system".into() };
        assert!(check_disk(&disk(DiskContent::Empty, 10), 10, false).is_ok());
        let image = |volumes| DiskContent::Image { root_hashes: vec![], volumes };
        assert!(check_disk(&disk(image(vec![]), 10), 10, false).is_ok());
        for wipe in [false, true] {
            let refused = check_disk(&disk(image(vec!["volume-store-1".into()]), 10), 10, wipe).unwrap_err();
            assert!(matches!(refused, InstallError::Volumes { .. }) && !refused.has_touched_disk());
        }
        assert!(check_disk(&disk(foreign(), 10), 10, true).is_ok());
        let refused = check_disk(&disk(foreign(), 10), 10, false).unwrap_err();
        assert!(matches!(refused, InstallError::Foreign { .. }) && !refused.has_touched_disk());
        let small = check_disk(&disk(DiskContent::Empty, 9), 10, false).unwrap_err();
        assert!(matches!(small, InstallError::TooSmall { .. }) && !small.has_touched_disk());
        let dead = DiskContent::Unreadable { reason: "input/output error".into() };
        assert!(matches!(check_disk(&disk(dead, 10), 10, true), Err(InstallError::Disk(_))));
    }
}
