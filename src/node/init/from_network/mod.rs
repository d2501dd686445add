//! A boot from the network: join it, meet the site, and do what the site says until firmware boots the disk.
//!
//! Every wait has an end: a node that hears nothing for [`SILENCE_MAX`], or whose site only refuses, starts
//! again from firmware, where the boot decision is made anew. Nothing is written to a disk but by an
//! installation that the site ordered.

mod conversation;
mod hand_over;

use super::modules::Modules;
use super::{InitError, mounts};
use crate::console::say;
use crate::enrol::{FirstContactError, Kept, KeptError, KeyError, NodeKey, Site, Trusted, see_ca};
use crate::inventory;
use crate::network::{self, Joined, NetworkError};
use conversation::Conversation;
use nix::sys::reboot::{RebootMode, reboot};
use std::convert::Infallible;
use std::time::Duration;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs::{self, FsError};
use understudy_core::formats::command_line::BootSettings;
use understudy_core::model::mac::MacAddress;
use understudy_core::protocol::report::{BootSource, Hello};
use understudy_core::trust::short_code;

/// How long a site may be silent before this node starts again.
const SILENCE_MAX: Duration = Duration::from_secs(300);
/// iPXE appends the address of the interface that it booted from: `BOOTIF=01-52-54-...` (PXELINUX's form).
const BOOT_INTERFACE: &str = "BOOTIF=01-";

/// Why a boot from the network came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum FromNetworkError {
    #[error("cannot join the network")]
    Network(#[from] NetworkError),
    #[error("cannot meet the site")]
    FirstContact(#[from] FirstContactError),
    #[error("cannot make a key for this node")]
    Key(#[from] KeyError),
    #[error("cannot use the enrolment that this node's disk keeps")]
    Kept(#[from] KeptError),
    #[error("cannot tell this boot from others")]
    BootId(#[source] FsError),
    #[error("cannot leave this node's enrolment on its disk")]
    Keep(#[source] Box<InitError>),
    #[error("the site has been silent for {} s", SILENCE_MAX.as_secs())]
    Silence(#[source] crate::enrol::ClientError),
    #[error("cannot start again from firmware")]
    Reboot(#[source] nix::errno::Errno),
}

/// Does not come back unless nothing more can be done.
pub fn run(line: &str, settings: &BootSettings, modules: &Modules) -> Result<Infallible, InitError> {
    modules.load_for_hardware()?;
    say("started from the network; joining it");
    let joined = network::join(boot_interface(line)).map_err(FromNetworkError::Network)?;
    say(&format!("{} on {}; the site is {}", joined.address, joined.interface, joined.site_url));
    modules.load_for_hardware()?;
    let met = meet(&joined)?;
    let Kept { key, site } = &met.kept;
    let code = short_code(&site.ca, &key.public_key_info());
    say(&format!("node {}, code {code}: compare it with the site's before approving", key.node_id()));
    let hello = hello(&joined)?;
    describe(&hello);
    let outcome = Conversation::new(met, hello, settings, modules).run()?;
    say(&format!("{outcome}; starting again from firmware"));
    nix::unistd::sync();
    mounts::take_down(super::SYSROOT);
    let Err(error) = reboot(RebootMode::RB_AUTOBOOT);
    Err(FromNetworkError::Reboot(error).into())
}

fn boot_interface(line: &str) -> Option<MacAddress> {
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix(BOOT_INTERFACE))?.parse().ok()
}

/// This node and its site.
struct Met {
    kept: Kept,
    is_kept: bool,
    trusted: Trusted,
}

/// The site's CA first, then this node's key: the kept one, if it was kept for this very site.
fn meet(joined: &Joined) -> Result<Met, FromNetworkError> {
    let ca = see_ca(&joined.site_url)?;
    let (found, trusted) = hand_over::find_kept()?;
    let key = match found {
        Some(kept) if kept.site.ca == ca => Some(kept.key),
        Some(_) => {
            say("this node's disk keeps a key for another site; a new one is made for this site");
            None
        }
        None => None,
    };
    let is_kept = key.is_some();
    let key = key.map_or_else(NodeKey::make, Ok)?;
    let site = Site { url: joined.site_url.clone(), ca };
    Ok(Met { kept: Kept { key, site }, is_kept, trusted })
}

fn hello(joined: &Joined) -> Result<Hello, FromNetworkError> {
    Ok(Hello {
        boot_id: boot_id().map_err(FromNetworkError::BootId)?,
        source: BootSource::Network,
        mac: joined.mac,
        inventory: inventory::take(),
    })
}

/// random(4): different at every boot.
pub fn boot_id() -> fs::Result<String> {
    Ok(fs::read_text(std::path::Path::new("/proc/sys/kernel/random/boot_id"))?.trim().to_owned())
}

fn describe(hello: &Hello) {
    let inventory = &hello.inventory;
    let system = &inventory.system;
    say(&format!("{} {}, serial `{}`", system.manufacturer, system.product, system.serial));
    for disk in &inventory.disks {
        say(&format!(
            "disk {}: {} bytes, serial `{}`, {:?}",
            disk.name, disk.bytes, disk.serial, disk.content
        ));
    }
}

/// Tells and goes on: for what a later step or another boot makes good.
fn tell(error: &dyn std::error::Error) {
    say(&with_causes(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_that_booted_is_on_the_command_line() {
        let mac = "52:54:00:12:34:56".parse().unwrap();
        assert_eq!(boot_interface("quiet BOOTIF=01-52-54-00-12-34-56 x"), Some(mac));
        assert_eq!(boot_interface("quiet BOOTIF=20-52-54-00-12-34-56"), None);
        assert_eq!(boot_interface("quiet"), None);
    }
}
