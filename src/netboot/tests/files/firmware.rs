//! The disk program under OVMF: firmware starts it, and goes on to its next boot option.

use nix::sys::signal::Signal;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::base::process::Process;
use understudy_netboot::disk_program::DISK_PROGRAM;

/// Firmware, the variables that it starts with, and qemu's arguments for it; from the package ovmf.
struct Firmware {
    code: &'static str,
    variables: &'static str,
    machine: &'static [&'static str],
}

const PLAIN: Firmware = Firmware {
    code: "/usr/share/OVMF/OVMF_CODE_4M.fd",
    variables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
    machine: &["-machine", "q35"],
};
/// Takes programs that are signed with Debian's well-known key for tests.
const SECURE: Firmware = Firmware {
    code: "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
    variables: "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd",
    machine: &["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"],
};
/// A program that says so when it runs.
const SYSTEMD_BOOT: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
const SYSTEMD_BOOT_MENU: &str = "Reboot Into Firmware Interface";
/// Emulated, on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

/// A FAT disk whose default program is this one. Should it be systemd-boot, its menu stays.
fn disk(folder: &Path, name: &str, program: &[u8]) -> String {
    let (image, file, loader) = (folder.join(name), folder.join("program.efi"), folder.join("loader.conf"));
    fs::create(&image).unwrap().set_len(34 << 20).unwrap();
    fs::write(&file, program).unwrap();
    fs::write(&loader, b"timeout 600\n").unwrap();
    let image = image.to_str().unwrap();
    Process::new("mkfs.vfat").args(["--invariant", "-F", "32", image]).run().unwrap();
    Process::new("mmd").args(["-i", image, "::EFI", "::EFI/BOOT", "::loader"]).run().unwrap();
    Process::new("mcopy").args(["-i", image]).arg(&file).arg("::EFI/BOOT/BOOTX64.EFI").run().unwrap();
    Process::new("mcopy").args(["-i", image]).arg(&loader).arg("::loader").run().unwrap();
    image.to_owned()
}

/// What the machine printed until a text was there.
fn boot_until(firmware: &Firmware, folder: &Path, disks: [&str; 2], text: &str) -> String {
    let variables = folder.join("variables.fd");
    fs::copy(Path::new(firmware.variables), &variables).unwrap();
    let mut qemu = Process::new("qemu-system-x86_64")
        .args(firmware.machine)
        .args(["-m", "256", "-accel", "tcg", "-cpu", "max", "-nodefaults", "-display", "none"])
        .args(["-drive", &format!("if=pflash,format=raw,readonly=on,file={}", firmware.code)])
        .args(["-drive", &format!("if=pflash,format=raw,file={}", variables.display())])
        .args(["-serial", "stdio", "-nic", "none"]);
    for (number, disk) in disks.iter().enumerate() {
        qemu = qemu
            .args(["-drive", &format!("if=none,id=d{number},format=raw,file={disk}")])
            .args(["-device", &format!("virtio-blk-pci,drive=d{number},bootindex={}", number + 1)]);
    }
    let qemu = qemu.with(|command| {
        command.stdout(Stdio::piped());
        // SAFETY: one system call between fork and exec.
        unsafe { command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)) };
    });
    let mut running = qemu.spawn().unwrap();
    let mut stdout = running.child.stdout.take().unwrap();
    let (heard, console) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(bytes @ 1..) = stdout.read(&mut buffer) {
            if heard.send(String::from_utf8_lossy(&buffer[..bytes]).into_owned()).is_err() {
                return;
            }
        }
    });
    let (start, mut said) = (Instant::now(), String::new());
    while !said.contains(text) {
        let left = LIMIT.saturating_sub(start.elapsed());
        match console.recv_timeout(left) {
            Ok(more) => said.push_str(&more),
            Err(_) => panic!("no `{text}` on the console:\n{said}"),
        }
    }
    said
}

/// Number 22, under UEFI: not a 404, but a program that says "not found".
#[test]
fn n22_uefi_firmware_starts_the_disk_program_and_goes_on_to_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let first = disk(folder.path(), "first.raw", &DISK_PROGRAM);
    let second = disk(folder.path(), "second.raw", &fs::read(Path::new(SYSTEMD_BOOT)).unwrap());
    let said = boot_until(&PLAIN, folder.path(), [&first, &second], SYSTEMD_BOOT_MENU);
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
    let first = disk(folder.path(), "first.raw", &DISK_PROGRAM);
    let second = disk(folder.path(), "second.raw", &DISK_PROGRAM);
    let said = boot_until(&SECURE, folder.path(), [&first, &second], "BdsDxe: failed to load Boot0002");
    let refused = said.lines().find(|line| line.contains("BdsDxe: failed to load Boot0001")).unwrap();
    assert!(refused.trim_end().ends_with("Access Denied"), "{refused}");
    assert!(!said.contains("BdsDxe: starting"), "{said}");
}
