//! `/init`: from the kernel's first process to systemd on a verified root.
//!
//! In order: kernel file systems, modules, the slot whose verity tree has the signed root hash, device-mapper,
//! every block of the root read once, state, switch. A failure is told on every console with its causes; after
//! a bounded number of tries the node waits or starts again, as the command line says.
//!
//! A kernel that came from the network asks its site instead (`from_network`).
//!
//! It never mounts a root that is not under verity, and never ends: a panic too becomes a told failure.

mod from_network;
mod last_resort;
mod mapper;
mod modules;
mod mounts;
mod read_through;
mod slots;
mod state;

use crate::console::{say, seconds_since_kernel_start};
use from_network::FromNetworkError;
pub use from_network::boot_id;
use modules::Modules;
use nix::mount::MsFlags;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs;
use understudy_core::formats::boot_facts::{BOOT_FACTS_PATH, BootFacts, Vouched};
use understudy_core::formats::command_line::{BootSettings, CommandLineError, OnFailure, is_from_network};

/// Where the image's root is put together before the switch.
const SYSROOT: &str = "/sysroot";
/// The kernel's boot parameters; byte 0x1ec says whether Secure Boot was on (kernel: x86/zero-page).
const BOOT_PARAMETERS: &str = "/sys/kernel/boot_params/data";
const SECURE_BOOT_OFFSET: usize = 0x1ec;
const SECURE_BOOT_ON: u8 = 3;

/// Why the image could not be started.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("cannot read what the boot loader asked for")]
    CommandLineFile(#[source] fs::FsError),
    #[error("cannot do what the boot loader asked for")]
    CommandLine(#[from] CommandLineError),
    #[error(transparent)]
    Mount(#[from] mounts::MountError),
    #[error("cannot load the kernel's modules")]
    Modules(#[from] modules::ModulesError),
    #[error("no disk holds the image that this kernel belongs to")]
    Slots(#[from] slots::SlotsError),
    #[error("cannot put the root under verity")]
    Mapper(#[from] mapper::MapperError),
    #[error("the root is not what was signed")]
    ReadThrough(#[from] read_through::ReadThroughError),
    #[error("cannot use the state partition")]
    State(#[from] state::StateError),
    #[error("cannot leave the facts of this boot")]
    Facts(#[source] fs::FsError),
    #[error(transparent)]
    FromNetwork(#[from] FromNetworkError),
    #[error("cannot leave this node's enrolment in its state")]
    HandOver(#[source] Box<crate::enrol::KeptError>),
    #[error("{0}")]
    Panic(String),
}

/// Runs as process 1 and does not come back unless systemd cannot be started and nothing is left to try.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| say(&panic.to_string())));
    let mut on_failure = OnFailure::Wait;
    let Err(error) = guarded(|| boot(&mut on_failure));
    last_resort::end(&error, on_failure)
}

/// A panic is a bug of ours, and still no reason to leave a person without words.
fn guarded<T>(work: impl FnOnce() -> Result<T, InitError>) -> Result<T, InitError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(InitError::Panic(format!("/init failed by a mistake of its own: {text}")))
    })
}

fn boot(on_failure: &mut OnFailure) -> Result<std::convert::Infallible, InitError> {
    mounts::kernel_file_systems()?;
    let line = fs::read_text(Path::new("/proc/cmdline")).map_err(InitError::CommandLineFile)?;
    let settings = BootSettings::parse(&line)?;
    *on_failure = settings.on_failure;
    let modules = Modules::open()?;
    modules.load_always()?;
    if is_from_network(&line) {
        // Nobody is needed at a machine that can ask again.
        *on_failure = OnFailure::Reboot;
        return from_network::run(&line, &settings, &modules);
    }
    say(&format!("looking for the image with root hash {}", settings.root_hash));
    for number in 1..=settings.tries {
        match guarded(|| prepare(&settings, &modules)) {
            Ok(()) => break,
            Err(error) if number == settings.tries => return Err(error),
            Err(error) => {
                say(&format!("try {number} of {} failed: {}", settings.tries, with_causes(&error)));
                // What the try mounted would be in the next one's way.
                mounts::take_down(SYSROOT);
            }
        }
    }
    Ok(mounts::switch_root(SYSROOT)?)
}

/// One try at putting the image together under [`SYSROOT`].
fn prepare(settings: &BootSettings, modules: &Modules) -> Result<(), InitError> {
    let slot = slots::find(settings, modules)?;
    say(&format!("found it in slot {} of {}; checking every block", slot.slot, slot.disk));
    let root = mapper::open_verity(&slot, &settings.root_hash)?;
    read_through::check(&root, &slot)?;
    mounts::mount_at(&root, SYSROOT, "squashfs", MsFlags::MS_RDONLY | MsFlags::MS_NODEV, None)?;
    mounts::share_kernel_file_systems(SYSROOT)?;
    state::mount(&slot.disk, settings.state_mebibytes_max, Path::new(SYSROOT))?;
    let facts = BootFacts {
        root_hash: settings.root_hash,
        slot: slot.slot,
        disk: slot.disk,
        vouched_by: vouched_by(),
        init_done_s: seconds_since_kernel_start(),
    };
    leave(&facts).map_err(InitError::Facts)
}

fn leave(facts: &BootFacts) -> fs::Result<()> {
    let path = Path::new(BOOT_FACTS_PATH);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_vec(facts).expect("a struct of plain fields has a JSON form");
    fs::write(path, &text)
}

fn vouched_by() -> Vouched {
    if is_secure_boot() { Vouched::SecureBoot } else { Vouched::Nobody }
}

/// Whether firmware checked what it started.
pub fn is_secure_boot() -> bool {
    let parameters = fs::read(Path::new(BOOT_PARAMETERS)).unwrap_or_default();
    parameters.get(SECURE_BOOT_OFFSET) == Some(&SECURE_BOOT_ON)
}
