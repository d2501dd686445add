//! The boot loader for BIOS: GRUB's first sector and core image, placed as `grub-bios-setup` would.

use std::path::Path;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::formats::disk_layout::SECTOR_BYTES;

/// Where GRUB's files stand in the boot package.
pub const MODULES: &str = "usr/lib/grub/i386-pc/";
/// What GRUB needs to read a FAT partition and start Linux; `normal` for `configfile`.
const CORE_MODULES: [&str; 9] =
    ["biosdisk", "part_gpt", "fat", "linux", "normal", "configfile", "serial", "terminal", "echo"];
/// The configuration's folder on the EFI system partition, which is the second partition.
const PREFIX: &str = "(,gpt2)/bios";
/// GRUB's kernel is loaded to this real-mode segment (grub/offsets.h, GRUB_BOOT_I386_PC_KERNEL_SEG + 0x20).
const SECOND_SECTOR_SEGMENT: u16 = 0x820;
/// Boot code ends where the disk signature and the partition table begin (UEFI 2.10, table 5.3).
pub const BOOT_CODE_BYTES: usize = 440;

/// Why there is no BIOS boot loader.
#[derive(Debug, thiserror::Error)]
pub enum GrubError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("cannot make GRUB's core image")]
    Make(#[source] ProcessError),
    #[error("GRUB's {0} has an unexpected size")]
    Size(&'static str),
}

/// GRUB, ready to be written.
#[derive(Debug)]
pub struct Grub {
    /// For the first sector, before the partition table.
    pub boot_code: Vec<u8>,
    /// For the BIOS boot partition, from its first sector.
    pub core: Vec<u8>,
}

/// Makes GRUB for a BIOS boot partition at sector `start`. `files` are GRUB's, `work` is a scratch folder.
pub fn build(files: &[(String, Vec<u8>)], start: u64, work: &Path) -> Result<Grub, GrubError> {
    let folder = work.join("grub");
    fs::create_dir_all(&folder)?;
    for (path, content) in files.iter().filter(|(path, _)| path.starts_with(MODULES)) {
        fs::write(&folder.join(&path[MODULES.len()..]), content)?;
    }
    let (config, core) = (folder.join("core.cfg"), folder.join("core.img"));
    fs::write(&config, b"configfile $prefix/grub.cfg\n")?;
    Process::new("grub-mkimage")
        .args(["-O", "i386-pc", "-C", "xz", "-p", PREFIX])
        .arg("-d")
        .arg(&folder)
        .arg("-c")
        .arg(&config)
        .arg("-o")
        .arg(&core)
        .args(CORE_MODULES)
        .run()
        .map_err(GrubError::Make)?;
    Ok(Grub {
        boot_code: patch_boot(&fs::read(&folder.join("boot.img"))?, start)?,
        core: patch_core(fs::read(&core)?, start)?,
    })
}

/// Tells the first sector where the core image is (grub/i386/pc/boot.h).
fn patch_boot(image: &[u8], start: u64) -> Result<Vec<u8>, GrubError> {
    let mut code = image.get(..BOOT_CODE_BYTES).ok_or(GrubError::Size("boot.img"))?.to_vec();
    code[0x5c..0x64].copy_from_slice(&start.to_le_bytes());
    code[0x64] = 0xff; // the drive that BIOS booted from
    code[0x66..0x68].copy_from_slice(&[0x90, 0x90]); // no work-around for floppy drives
    Ok(code)
}

/// Tells the core image's first sector where the rest of it is: one block list entry at its end.
fn patch_core(mut core: Vec<u8>, start: u64) -> Result<Vec<u8>, GrubError> {
    let sectors = (core.len() as u64).div_ceil(SECTOR_BYTES);
    let rest = u16::try_from(sectors - 1).ok().filter(|rest| *rest > 0);
    let rest = rest.ok_or(GrubError::Size("core.img"))?;
    core[0x1f4..0x1fc].copy_from_slice(&(start + 1).to_le_bytes());
    core[0x1fc..0x1fe].copy_from_slice(&rest.to_le_bytes());
    core[0x1fe..0x200].copy_from_slice(&SECOND_SECTOR_SEGMENT.to_le_bytes());
    Ok(core)
}

/// The configuration that GRUB reads from the EFI system partition. It asks nothing and boots at once.
pub fn configuration(kernel: &str, initrd: &str, command_line: &str) -> String {
    format!(
        "serial --unit=0 --speed=115200\n\
         terminal_output console serial\n\
         echo 'Understudy: loading the kernel'\n\
         linux {kernel} {command_line}\n\
         initrd {initrd}\n\
         boot\n"
    )
}
