//! Real firmware with our disk program and our scripts: whatever happens, it goes on to its disk.

use crate::machine::BootDevice::{Disk, Ipxe};
use crate::machine::{BIOS, Firmware, SECURE_UEFI, UEFI, boot_until, efi_disk};
use crate::servers::{DISK_MAC, Http, NETWORK_MAC, Shelf};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_core::formats::manifest::ArtifactFile;
use understudy_core::model::mac::MacAddress;
use understudy_netboot::disk_program::DISK_PROGRAM;
use understudy_netboot::http::{ShelfFile, Status};

/// A program that says so when it runs.
const SYSTEMD_BOOT: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
const SYSTEMD_BOOT_MENU: &str = "Reboot Into Firmware Interface";
/// Writes the text behind it to the first serial port (8250, at 0x3f8) and halts.
const BOOT_SECTOR: [u8; 21] = [
    0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x15, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03, 0xee, 0xeb,
    0xf5, 0xf4, 0xeb, 0xfd,
];
const BOOT_SECTOR_SAYS: &str = "the boot sector runs";

/// Number 22, under UEFI: not a 404, but a program that says "not found".
#[test]
fn n22_uefi_firmware_starts_the_disk_program_and_goes_on_to_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let first = efi_disk(folder.path(), "first.raw", &DISK_PROGRAM);
    let second = efi_disk(folder.path(), "second.raw", &fs::read(Path::new(SYSTEMD_BOOT)).unwrap());
    let said = boot_until(&UEFI, folder.path(), &[Disk(first), Disk(second)], SYSTEMD_BOOT_MENU);
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("no `{text}` in:\n{said}"));
    // BdsDxe tells what it starts, and how it ended.
    let (started, failed) = (at("BdsDxe: starting Boot0001"), at("BdsDxe: failed to start Boot0001"));
    assert!(started < failed && failed < at("BdsDxe: starting Boot0002"), "{said}");
    let reason = said[failed..].lines().next().unwrap();
    assert!(reason.ends_with("Not Found"), "{reason}");
}

/// Nobody signed it, so it does not run, and that has the same end.
#[test]
fn n21_under_secure_boot_firmware_refuses_the_disk_program_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = efi_disk(folder.path(), "first.raw", &DISK_PROGRAM);
    let second = efi_disk(folder.path(), "second.raw", &DISK_PROGRAM);
    let said = boot_until(
        &SECURE_UEFI,
        folder.path(),
        &[Disk(first), Disk(second)],
        "BdsDxe: failed to load Boot0002",
    );
    let refused = said.lines().find(|line| line.contains("BdsDxe: failed to load Boot0001")).unwrap();
    assert!(refused.trim_end().ends_with("Access Denied"), "{refused}");
    assert!(!said.contains("BdsDxe: starting"), "{said}");
}

/// A disk that both kinds of firmware start, and what they say then.
fn any_disk(folder: &TempDir, firmware: &Firmware) -> (String, &'static str) {
    if firmware.is_uefi() {
        let systemd_boot = fs::read(Path::new(SYSTEMD_BOOT)).unwrap();
        return (efi_disk(folder.path(), "disk.raw", &systemd_boot), SYSTEMD_BOOT_MENU);
    }
    let mut sector = [&BOOT_SECTOR[..], BOOT_SECTOR_SAYS.as_bytes()].concat();
    sector.resize(510, 0);
    sector.extend_from_slice(&[0x55, 0xaa]);
    sector.resize(1 << 20, 0);
    let image = folder.path().join("disk.raw");
    fs::write(&image, &sector).unwrap();
    (image.to_str().unwrap().to_owned(), BOOT_SECTOR_SAYS)
}

/// Boots a machine over the network with Debian's iPXE, until its disk says that it runs.
fn ipxe_until_disk(firmware: &Firmware, card: &'static str, mac: &str, server: &Http) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://10.0.2.2:{}/boot/{mac}/ipxe", server.address.port());
    let mac = mac.parse::<MacAddress>().unwrap().to_string();
    let (disk, says) = any_disk(&folder, firmware);
    boot_until(firmware, folder.path(), &[Ipxe { card, mac, url }, Disk(disk)], says);
}

fn shelf_with_a_broken_kernel() -> Arc<Shelf> {
    Shelf::new(&[(ShelfFile::Artifact(ArtifactFile::Kernel), b"no kernel at all")])
}

#[test]
fn n22_ipxe_is_sent_to_its_disk_under_bios_and_uefi() {
    for (firmware, card) in [(&BIOS, "virtio-net-pci"), (&UEFI, "e1000e")] {
        let shelf = shelf_with_a_broken_kernel();
        let server = Http::start(shelf.clone());
        ipxe_until_disk(firmware, card, DISK_MAC, &server);
        assert!(server.metrics.responses(Status::Ok) >= 1, "the disk was first");
        assert_eq!(shelf.kernel_asked.load(Relaxed), 0);
    }
}

/// Number 25: the kernel cannot be started, however often it is fetched; the attempts are counted.
#[test]
fn n25_ipxe_gives_up_on_a_broken_image_and_boots_its_disk() {
    for (firmware, card) in [(&BIOS, "virtio-net-pci"), (&UEFI, "e1000e")] {
        let shelf = shelf_with_a_broken_kernel();
        let server = Http::start(shelf.clone());
        ipxe_until_disk(firmware, card, NETWORK_MAC, &server);
        assert_eq!(shelf.kernel_asked.load(Relaxed), 4, "the kernel in each attempt");
    }
}
