//! Lines on every console that the kernel uses, so that a person sees them wherever the screen is plugged in.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use understudy_core::base::fs;

/// The kernel's list, such as `tty0 ttyS0`.
const ACTIVE: &str = "/sys/class/tty/console/active";
/// A console that takes no bytes for this long is passed over: a dead serial line must not stop a boot.
const PATIENCE: Duration = Duration::from_secs(1);

/// Prints `text`, each line behind our name, on every console, and keeps it in the kernel's log.
pub fn say(text: &str) {
    let lines: String = text.lines().map(|line| format!("understudy: {line}\n")).collect();
    for name in names() {
        if let Some(mut console) = open(&Path::new("/dev").join(name)) {
            write(&mut console, lines.as_bytes());
        }
    }
    if let Some(mut log) = open(Path::new("/dev/kmsg")) {
        for line in lines.lines() {
            // One write is one record; level 6 is info (syslog(2)), below what goes to consoles again.
            write(&mut log, format!("<6>{line}\n").as_bytes());
        }
    }
}

/// Seconds since the kernel started, sleep included.
pub fn seconds_since_kernel_start() -> f64 {
    since_kernel_start().as_secs_f64()
}

/// CLOCK_BOOTTIME, which every Linux since 2.6.39 has.
pub fn since_kernel_start() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

fn names() -> Vec<String> {
    // Before /sys is there, the kernel's own console is the only one to be had.
    let active = fs::read_text(Path::new(ACTIVE)).unwrap_or_else(|_| "console".to_owned());
    active.split_ascii_whitespace().map(str::to_owned).collect()
}

fn open(path: &Path) -> Option<File> {
    let flags = nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK;
    OpenOptions::new().write(true).custom_flags(flags).open(path).ok()
}

/// As much as the console takes; there is no other place to complain to.
fn write(console: &mut File, mut bytes: &[u8]) {
    let mut stalled = Instant::now();
    while !bytes.is_empty() {
        match console.write(bytes) {
            Ok(count) => {
                bytes = &bytes[count..];
                stalled = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && stalled.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(5));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
