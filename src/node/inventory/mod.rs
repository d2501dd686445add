//! What this node is made of, from sysfs and procfs. It changes nothing, and what it cannot read is left empty.
//!
//! Entry point: [`take`].

mod disk_content;
mod disks;
mod system;

use crate::network::{has_link, megabits_per_second, wired};
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::protocol::inventory::{Bmc, FirmwareKind, Interface, Inventory};

pub use disks::{disks, resolve};
pub use system::system;

/// Everything, as it is now.
pub fn take() -> Inventory {
    Inventory {
        system: system(),
        firmware: if Path::new("/sys/firmware/efi").exists() {
            FirmwareKind::Uefi
        } else {
            FirmwareKind::Bios
        },
        secure_boot: crate::init::is_secure_boot(),
        tpm: Path::new("/sys/class/tpm/tpm0").exists(),
        processor: processor(),
        processors: std::thread::available_parallelism().map_or(1, |count| count.get() as u32),
        memory_bytes: memory_bytes(),
        disks: disks(),
        interfaces: interfaces(),
        bmc: bmc(),
    }
}

fn processor() -> String {
    let text = fs::read_text(Path::new("/proc/cpuinfo")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(": ")).map(|(_, model)| model.trim().to_owned()).unwrap_or_default()
}

fn memory_bytes() -> u64 {
    let text = fs::read_text(Path::new("/proc/meminfo")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10
}

fn interfaces() -> Vec<Interface> {
    let describe = |wired: crate::network::Wired| Interface {
        link_up: has_link(&wired.name),
        megabits_per_second: megabits_per_second(&wired.name),
        mac: wired.mac,
        name: wired.name,
        // Neighbours announce themselves every half minute (IEEE 802.1AB); /init does not wait for that.
        neighbour: None,
    };
    wired().into_iter().map(describe).collect()
}

/// There is one where SMBIOS says so (DSP0134, type 38). Its address is asked over IPMI, which /init does not speak.
fn bmc() -> Option<Bmc> {
    let entries = fs::list(Path::new("/sys/firmware/dmi/entries")).unwrap_or_default();
    let is_bmc = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("38-"));
    entries.iter().any(|path| is_bmc(path)).then_some(Bmc { address: None })
}
