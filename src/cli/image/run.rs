//! `understudy image run`: an image's disk in a virtual machine, with its console here.

use super::trust::{TrustOptions, failure};
use crate::cli::failure::Failure;
use crate::cli::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::formats::manifest::ArtifactFile;
use understudy_lab::console::{Seen, watch};
use understudy_lab::disk::{DiskBus, grown_copy};
use understudy_lab::firmware::Firmware;
use understudy_lab::vm::{Config, Keyboard, Vm};

#[derive(Args)]
pub struct Arguments {
    /// The image folder
    folder: PathBuf,
    /// What starts the machine: bios (SeaBIOS) or uefi (OVMF)
    #[arg(long, default_value = "bios")]
    firmware: Firmware,
    /// What the disk is plugged into: virtio, nvme, ahci or megaraid
    #[arg(long, default_value = "virtio")]
    disk_bus: DiskBus,
    /// The disk's size; the image is copied to a disk of its own
    #[arg(long, default_value = "8GiB", value_name = "SIZE")]
    disk_size: ByteCount,
    /// Keep the disk in this file, and go on with it if it is there [default: a disk that is thrown away]
    #[arg(long, value_name = "FILE")]
    disk: Option<PathBuf>,
    /// The machine's memory
    #[arg(long, default_value = "1GiB", value_name = "SIZE")]
    memory: ByteCount,
    /// End the machine when its console shows this text
    #[arg(long, value_name = "TEXT")]
    until: Option<String>,
    /// With --until: fail after this many seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    trust: TrustOptions,
    /// Print one JSON object; the console goes to standard error
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let release = arguments.trust.open(&arguments.folder)?;
    let source = release.check(ArtifactFile::Disk).map_err(failure)?;
    let scratch = tempfile::tempdir().map_err(Failure::operation)?;
    let disk = arguments.disk.clone().unwrap_or_else(|| scratch.path().join("disk.raw"));
    if !disk.exists() {
        grown_copy(&source, &disk, arguments.disk_size).map_err(no_machine)?;
    }
    let mut vm = Vm::start(&config(arguments, &disk)).map_err(no_machine)?;
    if arguments.until.is_none() && std::io::stdin().is_terminal() {
        talk::talk("Ctrl-a x ends the machine");
    }
    let limit = arguments.until.is_some().then(|| Duration::from_secs(arguments.timeout));
    let seen = watch(&mut vm, arguments.until.as_deref(), limit, |bytes| show(bytes, arguments.json));
    drop(vm);
    report(arguments, seen.map_err(Failure::operation)?)
}

fn config(arguments: &Arguments, disk: &Path) -> Config {
    Config {
        firmware: arguments.firmware,
        disk: disk.to_owned(),
        disk_bus: arguments.disk_bus,
        memory_mebibytes: u32::try_from(arguments.memory.get() >> 20).unwrap_or(u32::MAX),
        keyboard: match arguments.until {
            Some(_) => Keyboard::Nobody,
            None => Keyboard::StandardInput,
        },
    }
}

fn no_machine(error: impl Into<anyhow::Error>) -> Failure {
    Failure::operation(error).hint("understudy doctor says what this machine lacks")
}

/// A reader that went away stops the showing, not the machine.
fn show(bytes: &[u8], is_talk: bool) {
    let written = if is_talk {
        std::io::stderr().write_all(bytes)
    } else {
        let mut out = std::io::stdout();
        out.write_all(bytes).and_then(|()| out.flush())
    };
    drop(written);
}

fn report(arguments: &Arguments, seen: Seen) -> Outcome {
    let Some(text) = &arguments.until else { return Ok(ExitCode::SUCCESS) };
    match seen {
        Seen::Text(time) => {
            let seconds = time.as_secs_f64();
            if arguments.json {
                talk::json(&json!({ "firmware": arguments.firmware.to_string(), "seconds": seconds }));
            } else {
                talk::talk(&format!("\n`{text}` {seconds:.1} s after power-on ({})", arguments.firmware));
            }
            Ok(ExitCode::SUCCESS)
        }
        Seen::TimeOut => {
            let seconds = arguments.timeout;
            Err(Failure::operation(anyhow::anyhow!("the console did not show `{text}` within {seconds} s"))
                .hint("look at the console above, or give it longer with --timeout"))
        }
        Seen::PowerOff => Err(Failure::operation(anyhow::anyhow!("the machine went off before `{text}`"))
            .hint("look at the console above")),
    }
}
