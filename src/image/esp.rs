//! The EFI system partition: systemd-boot and the unified kernel image for UEFI, kernel and initrd for GRUB.

use std::path::Path;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::formats::disk_layout::SECTOR_BYTES;

/// systemd-boot in its package.
pub const BOOT_LOADER: &str = "usr/lib/systemd/boot/efi/systemd-bootx64.efi";
/// The UEFI stub in its package.
pub const STUB: &str = "usr/lib/systemd/boot/efi/linuxx64.efi.stub";
/// Boots the newest image at once; a key held down still shows the menu.
const LOADER_CONFIGURATION: &str = "timeout 0\neditor no\n";

/// Why the partition could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EspError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("cannot make a FAT file system")]
    Format(#[source] ProcessError),
    #[error("cannot copy into the EFI system partition; is [disk] esp large enough?")]
    Copy(#[source] ProcessError),
}

/// Where the partition is in the disk image.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub disk: &'a Path,
    pub first_sector: u64,
    pub bytes: u64,
}

/// A file of the partition: its path there and its content.
pub type EspFile<'a> = (String, &'a [u8]);

/// The partition's files for one image; `uki_name` is what systemd-boot's menu sorts by.
pub fn files<'a>(
    uki_name: &str,
    loader: &'a [u8],
    uki: &'a [u8],
    bios: [EspFile<'a>; 3],
) -> Vec<EspFile<'a>> {
    let mut files = vec![
        ("EFI/BOOT/BOOTX64.EFI".to_owned(), loader),
        (format!("EFI/Linux/{uki_name}.efi"), uki),
        ("loader/loader.conf".to_owned(), LOADER_CONFIGURATION.as_bytes()),
    ];
    files.extend(bios);
    files
}

/// Makes the file system in place and fills it. `work` is a scratch folder.
pub fn write(place: Place<'_>, files: &[EspFile<'_>], date: u64, work: &Path) -> Result<(), EspError> {
    let folder = work.join("esp");
    fs::create_dir_all(&folder)?;
    Process::new("mkfs.vfat")
        .args(["--invariant", "-F", "32", "-n", "ESP"])
        .arg(format!("--offset={}", place.first_sector))
        .arg(place.disk)
        .arg((place.bytes / 1024).to_string())
        .run()
        .map_err(EspError::Format)?;
    let image = format!("{}@@{}", place.disk.display(), place.first_sector * SECTOR_BYTES);
    // mtools dates what it writes with SOURCE_DATE_EPOCH, in local time.
    let mtools = |program: &str| {
        let dated = Process::new(program).env("SOURCE_DATE_EPOCH", date.to_string()).env("TZ", "UTC");
        dated.arg("-i").arg(&image)
    };
    for parent in folders(files) {
        mtools("mmd").arg(format!("::/{parent}")).run().map_err(EspError::Copy)?;
    }
    for (number, (path, content)) in files.iter().enumerate() {
        let source = folder.join(number.to_string());
        fs::write(&source, content)?;
        mtools("mcopy").arg(&source).arg(format!("::/{path}")).run().map_err(EspError::Copy)?;
    }
    Ok(())
}

fn folders(files: &[EspFile<'_>]) -> Vec<String> {
    let parents =
        |path: &str| path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
    let mut all: Vec<String> = files.iter().flat_map(|(path, _)| parents(path)).collect();
    all.sort();
    all.dedup();
    all
}
