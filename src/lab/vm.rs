//! One virtual machine: qemu with real firmware, a disk, and a serial console.

use crate::disk::DiskBus;
use crate::firmware::Firmware;
use nix::sys::signal::Signal;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdout, Stdio};
use std::time::Instant;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError, Running};

pub(crate) const QEMU: &str = "qemu-system-x86_64";
const PROCESSORS: &str = "2";

/// What to start.
#[derive(Clone, Debug)]
pub struct Config {
    pub firmware: Firmware,
    /// A raw disk; the machine writes to it.
    pub disk: PathBuf,
    pub disk_bus: DiskBus,
    pub memory_mebibytes: u32,
    pub keyboard: Keyboard,
}

/// Who types at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyboard {
    Nobody,
    /// This process's standard input; Ctrl-a x ends the machine.
    StandardInput,
}

/// Why there is no machine.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    #[error("cannot prepare the machine")]
    File(#[from] FsError),
    #[error("cannot run the machine")]
    Process(#[from] ProcessError),
}

/// A running machine; its power is cut when this value drops.
#[derive(Debug)]
pub struct Vm {
    running: Running,
    console: ChildStdout,
    /// The moment of power-on.
    pub started: Instant,
    /// The firmware's variables live as long as the machine.
    _folder: tempfile::TempDir,
}

impl Vm {
    /// Switches the machine on.
    pub fn start(config: &Config) -> Result<Self, VmError> {
        let folder = tempfile::tempdir().map_err(fs::fail("create a folder in", &std::env::temp_dir()))?;
        let qemu = Process::new(QEMU)
            .args(["-name", "understudy", "-machine", "q35", "-smp", PROCESSORS])
            .args(acceleration())
            .args(["-m", &config.memory_mebibytes.to_string()])
            .args(["-nodefaults", "-display", "none", "-device", "virtio-rng-pci"])
            .args(config.firmware.arguments(folder.path())?)
            .args(["-drive", &format!("if=none,id=disk,format=raw,file={}", escaped(&config.disk))])
            .args(config.disk_bus.arguments())
            .args(["-nic", "none"]);
        let (serial, stdin) = match config.keyboard {
            Keyboard::Nobody => ("stdio", Stdio::null()),
            Keyboard::StandardInput => ("mon:stdio", Stdio::inherit()),
        };
        let started = Instant::now();
        let mut running = qemu
            .args(["-serial", serial])
            .with(|command| {
                command.stdin(stdin).stdout(Stdio::piped());
                // SAFETY: one system call between fork and exec.
                unsafe { command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)) };
            })
            .spawn()?;
        let Some(console) = running.child.stdout.take() else {
            unreachable!("standard output was asked for as a pipe")
        };
        Ok(Self { running, console, started, _folder: folder })
    }

    /// What the machine prints, until its power goes.
    pub fn console(&mut self) -> &mut ChildStdout {
        &mut self.console
    }

    /// The process, for signals.
    pub fn pid(&self) -> u32 {
        self.running.child.id()
    }
}

/// qemu's options are separated by commas.
pub(crate) fn escaped(path: &std::path::Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// `/dev/kvm` can be there without a processor that could run a guest.
pub(crate) fn acceleration() -> [&'static str; 4] {
    let processor = fs::read_text(std::path::Path::new("/proc/cpuinfo")).unwrap_or_default();
    let flags = processor.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let virtualises = flags.split_ascii_whitespace().any(|flag| flag == "vmx" || flag == "svm");
    if virtualises && fs::open_update(std::path::Path::new("/dev/kvm")).is_ok() {
        ["-accel", "kvm", "-cpu", "host"]
    } else {
        ["-accel", "tcg,thread=multi", "-cpu", "max"]
    }
}
