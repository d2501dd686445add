//! What this node is made of, from sysfs and procfs. It changes nothing, and what it cannot read is left empty.
//!
//! Entry point: [`take`].

mod bmc;
mod disk_content;
mod disks;
mod interfaces;
mod ipmi;
mod system;

use crate::network::Neighbours;
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::model::ssh_key::SshPublicKey;
use understudy_core::protocol::inventory::{FirmwareKind, Inventory};

pub use disks::{disks, resolve};
pub use interfaces::InterfaceNews;
pub use system::system;

/// By understudy-ssh-keys.service of the image.
const SSH_HOST_KEY: &str = "/var/lib/understudy/ssh/ssh_host_ed25519_key.pub";

/// Everything, as it is now.
pub fn take(neighbours: &Neighbours) -> Inventory {
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
        interfaces: interfaces::interfaces(neighbours),
        bmc: bmc::bmc(),
        ssh_host_key: ssh_host_key(),
    }
}

/// Made at the first boot of the running system, in its state.
fn ssh_host_key() -> Option<SshPublicKey> {
    fs::read_text(Path::new(SSH_HOST_KEY)).ok()?.parse().ok()
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
