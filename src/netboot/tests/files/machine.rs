//! Machines under emulation, with real firmware, until they have said something.

use nix::sys::signal::Signal;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// What a machine starts with.
pub struct Firmware {
    /// OVMF's code, and the variables that it starts with; nothing is SeaBIOS.
    flash: Option<[&'static str; 2]>,
    machine: &'static [&'static str],
}

pub const BIOS: Firmware = Firmware { flash: None, machine: &["-machine", "q35"] };
pub const UEFI: Firmware = Firmware {
    flash: Some(["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"]),
    machine: &["-machine", "q35"],
};
/// Takes programs that are signed with Debian's well-known key for tests.
pub const SECURE_UEFI: Firmware = Firmware {
    flash: Some(["/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd"]),
    machine: &["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"],
};
/// Emulated, on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// A FAT disk whose default program is this one. Should it be systemd-boot, its menu stays.
pub fn efi_disk(folder: &Path, name: &str, program: &[u8]) -> String {
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

impl Firmware {
    pub fn is_uefi(&self) -> bool {
        self.flash.is_some()
    }
}

/// Where a machine looks for a system.
pub enum BootDevice {
    Disk(String),
    /// A card with iPXE in its ROM on a network of its own: this machine's DHCP says to boot this URL. What it
    /// finds at 10.0.2.2 is our loopback.
    Ipxe {
        card: &'static str,
        mac: String,
        url: String,
    },
}

impl BootDevice {
    fn arguments(&self, number: usize) -> [String; 4] {
        let order = number + 1;
        match self {
            Self::Disk(image) => [
                "-drive".to_owned(),
                format!("if=none,id=d{number},format=raw,file={image}"),
                "-device".to_owned(),
                format!("virtio-blk-pci,drive=d{number},bootindex={order}"),
            ],
            Self::Ipxe { card, mac, url } => [
                "-netdev".to_owned(),
                format!("user,id=n{number},bootfile={url}"),
                "-device".to_owned(),
                format!("{card},netdev=n{number},mac={mac},bootindex={order}"),
            ],
        }
    }
}

/// What the machine printed until a text was there.
#[track_caller]
pub fn boot_until(firmware: &Firmware, folder: &Path, devices: &[BootDevice], text: &str) -> String {
    let mut qemu = Process::new("qemu-system-x86_64")
        .args(firmware.machine)
        .args(["-m", "256", "-accel", "tcg", "-cpu", "max", "-nodefaults", "-display", "none"])
        .args(["-serial", "stdio"]);
    if let Some([code, original]) = firmware.flash {
        let variables = folder.join("variables.fd");
        fs::copy(Path::new(original), &variables).unwrap();
        qemu = qemu
            .args(["-drive", &format!("if=pflash,format=raw,readonly=on,file={code}")])
            .args(["-drive", &format!("if=pflash,format=raw,file={}", variables.display())]);
    }
    for (number, device) in devices.iter().enumerate() {
        qemu = qemu.args(device.arguments(number));
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
