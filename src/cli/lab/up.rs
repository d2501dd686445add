//! `understudy lab up`: a rack gets its power.

use super::target::LabOption;
use crate::cli::failure::Failure;
use crate::cli::{Outcome, paths, talk};
use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use understudy_core::base::byte_count::ByteCount;
use understudy_core::base::fs;
use understudy_core::formats::manifest::MANIFEST_FILE;
use understudy_image::signing::public_path;
use understudy_lab::rack::folder::FolderError;
use understudy_lab::rack::origin::{OriginError, plan_of};
use understudy_lab::rack::plan::{
    Approval, Lifetime, Management, NODES_MAX, NodeName, NodePlan, Plan, RackFirmware, SitePlan, processors,
};
use understudy_lab::rack::special::Special;
use understudy_lab::rack::start::{StartError, Started, start};

/// Less than firmware and a kernel need is no machine.
const MEMORY_MIN: ByteCount = ByteCount::mebibytes(256);

const FROM_HINT: &str = "name a folder that understudy lab down --keep or lab suspend left";
const FILES_HINT: &str = "name an image folder with --site-image, public keys with --key";

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    lab: LabOption,
    /// Begin with the machines and the site of a lab that `lab down --keep` or `lab suspend` left in this folder; nothing there is changed
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["nodes", "firmware", "approval", "no_site", "processors", "memory", "disk_size", "specials", "bmc", "no_bmc"])]
    from: Option<PathBuf>,
    /// How many machines
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=i64::from(NODES_MAX)))]
    nodes: u8,
    /// What starts them: bios (SeaBIOS, iPXE), uefi (OVMF, PXE), http (OVMF, HTTP boot) or mixed (each in turn)
    #[arg(long, default_value = "mixed")]
    firmware: RackFirmware,
    /// An image folder for the site's shelf; repeated, the site offers the newest version of the first one's name
    #[arg(long = "site-image", value_name = "FOLDER", required_unless_present_any = ["no_site", "from"])]
    site_images: Vec<PathBuf>,
    /// A public key whose images the site takes; may be repeated [default: ~/.config/understudy/signing.key.pub]
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// Who lets machines have the image: expected (the site knows their serials) or ask (`understudy approve`)
    #[arg(long, default_value = "expected", conflicts_with = "no_site")]
    approval: Approval,
    /// TOML that goes into the site's file, before what the lab writes there: clusters, install, ...
    #[arg(long, value_name = "FILE", conflicts_with = "no_site")]
    site_settings: Option<PathBuf>,
    /// A rack without a site: nothing answers the machines
    #[arg(long, conflicts_with_all = ["site_images", "keys"])]
    no_site: bool,
    /// Each machine's processors [default: 2, or 1 where this computer has fewer than all machines together would have]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    processors: Option<u8>,
    /// Each machine's memory
    #[arg(long, default_value = "1GiB", value_name = "SIZE")]
    memory: ByteCount,
    /// Each machine's disk, which is empty at first
    #[arg(long, default_value = "8GiB", value_name = "SIZE")]
    disk_size: ByteCount,
    /// What one machine has that others have not, such as LAB-2:disks=8GiB+4GiB,clock=2040-01-01; the keys are disks,
    /// clock (when it gets its power), mac and uuid; may be repeated
    #[arg(long = "machine", value_name = "NODE:KEY=VALUE,...")]
    specials: Vec<Special>,
    /// Give each machine a BMC (Redfish); this is the default
    #[arg(long, overrides_with = "no_bmc")]
    bmc: bool,
    /// Machines without BMCs
    #[arg(long)]
    no_bmc: bool,
    /// Stay until Ctrl-C, which ends the lab
    #[arg(long)]
    foreground: bool,
    /// Print one JSON object, as `lab status` does
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let plan = plan(arguments)?;
    let name = &plan.name;
    if let Some(pid) = arguments.lab.folder().supervisor().map_err(folder_failure)? {
        return Err(Failure::input(anyhow::anyhow!("lab `{name}` is up already, under process {pid}"))
            .hint(format!("understudy lab down --name {name}, or choose another --name")));
    }
    // Before the lab starts, so that a Ctrl-C in between is not lost.
    let ending = arguments.foreground.then(signals).transpose().map_err(Failure::operation)?;
    let started = start(&plan).map_err(failure)?;
    if arguments.json {
        talk::json(&arguments.lab.status()?);
    } else {
        let count = plan.nodes.len();
        talk::talk(&format!("lab `{name}` is up: {count} machines, in {}", plan.folder.display()));
        talk::talk(&format!("look at it: understudy lab status --name {name}"));
        if plan.site.is_some() {
            let site = arguments.lab.folder().site_file();
            talk::talk(&format!("and at its site: understudy nodes --watch --site {}", site.display()));
        }
    }
    match ending {
        Some(signals) => stay(started, &signals),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    match &arguments.from {
        Some(from) => plan_from(from, arguments),
        None => new_plan(arguments),
    }
}

/// The plan of the lab that was kept there, under a name of its own; images, keys and settings replace those of old.
fn plan_from(from: &Path, arguments: &Arguments) -> Result<Plan, Failure> {
    let own = arguments.lab.folder().path().to_owned();
    let from = absolute(from, FROM_HINT)?;
    if from == own {
        let error =
            anyhow::anyhow!("lab `{}` would empty the folder that it is to begin with", arguments.lab.name);
        return Err(Failure::input(error).hint("choose another --name, or move the folder"));
    }
    let kept = plan_of(&from).map_err(|error| match error {
        OriginError::Up(_) => Failure::input(error).hint("understudy lab down --keep"),
        error => Failure::input(error).hint(FROM_HINT),
    })?;
    let site = kept.site.map(|site| {
        let settings = arguments.site_settings.as_deref().map(settings).transpose()?;
        Ok(SitePlan {
            images: if arguments.site_images.is_empty() { site.images } else { images(arguments)? },
            keys: if arguments.keys.is_empty() { site.keys } else { keys(arguments)? },
            settings: settings.unwrap_or(site.settings),
            ..site
        })
    });
    Ok(Plan {
        name: arguments.lab.name.clone(),
        folder: own,
        site: site.transpose()?,
        from: Some(from),
        lifetime: lifetime(arguments),
        ..kept
    })
}

fn new_plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let name = &arguments.lab.name;
    if arguments.memory < MEMORY_MIN {
        return Err(Failure::input(anyhow::anyhow!("{} is too little memory", arguments.memory))
            .hint(format!("--memory {}", String::from(MEMORY_MIN))));
    }
    let node = |node| NodePlan {
        disks: vec![arguments.disk_size],
        ..NodePlan::new(name, node, arguments.firmware.of(node))
    };
    let mut nodes: Vec<NodePlan> = NodeName::first(arguments.nodes).map(node).collect();
    for special in &arguments.specials {
        special.apply(&mut nodes).map_err(|error| Failure::input(error).hint("more machines: --nodes N"))?;
    }
    Ok(Plan {
        name: name.clone(),
        folder: arguments.lab.folder().path().to_owned(),
        processors: arguments.processors.unwrap_or_else(|| processors(nodes.len())),
        nodes,
        memory: arguments.memory,
        management: if arguments.no_bmc { Management::None } else { Management::Bmc },
        site: (!arguments.no_site).then(|| site(arguments)).transpose()?,
        from: None,
        lifetime: lifetime(arguments),
    })
}

fn lifetime(arguments: &Arguments) -> Lifetime {
    if arguments.foreground { Lifetime::Attached } else { Lifetime::Detached }
}

fn site(arguments: &Arguments) -> Result<SitePlan, Failure> {
    Ok(SitePlan {
        name: arguments.lab.name.clone(),
        images: images(arguments)?,
        keys: keys(arguments)?,
        approval: arguments.approval,
        settings: arguments.site_settings.as_deref().map(settings).transpose()?.unwrap_or_default(),
    })
}

fn images(arguments: &Arguments) -> Result<Vec<PathBuf>, Failure> {
    let images = &arguments.site_images;
    if let Some(image) = images.iter().find(|image| !image.join(MANIFEST_FILE).is_file()) {
        let error = anyhow::anyhow!("{} is not an image folder: it has no {MANIFEST_FILE}", image.display());
        return Err(Failure::input(error).hint("understudy image build makes one; --no-site does without"));
    }
    images.iter().map(|image| absolute(image, FILES_HINT)).collect()
}

fn keys(arguments: &Arguments) -> Result<Vec<PathBuf>, Failure> {
    let keys = match arguments.keys.as_slice() {
        [] => vec![public_path(&paths::signing_key()?)],
        keys => keys.to_vec(),
    };
    keys.iter().map(|key| absolute(key, FILES_HINT)).collect()
}

fn absolute(path: &Path, hint: &'static str) -> Result<PathBuf, Failure> {
    path.canonicalize().map_err(|error| {
        let named = anyhow::Error::new(error).context(format!("cannot find {}", path.display()));
        Failure::input(named).hint(hint)
    })
}

/// Only whether it is TOML is checked here; what it says, the site will judge.
fn settings(path: &Path) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let hint = "--site-settings names a TOML file with what a site file may say";
    let text = fs::read_text(path).map_err(|error| Failure::input(error).hint(hint))?;
    toml::from_str(&text).map_err(|error| {
        let named = anyhow::Error::new(error).context(format!("{} is not TOML", path.display()));
        Failure::input(named).hint(hint)
    })
}

fn folder_failure(error: FolderError) -> Failure {
    Failure::operation(error).hint("understudy doctor says what this machine lacks")
}

fn failure(error: StartError) -> Failure {
    let hint = match &error {
        StartError::Site(_) => "mend what the site complains about; --no-site does without",
        _ => "understudy doctor says what this machine lacks",
    };
    Failure::operation(error).hint(hint)
}

/// Ctrl-C and a service manager's request to end, taken here and not by their default.
fn signals() -> Result<SignalFd, nix::errno::Errno> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block()?;
    SignalFd::new(&signals)
}

/// Until a signal, or until the lab ends by itself.
fn stay(started: Started, signals: &SignalFd) -> Outcome {
    let lab = started.end.get_ref();
    let mut waited =
        [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(lab.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut waited, PollTimeout::NONE);
    let asked = waited[0].any().unwrap_or(false);
    ready.map_err(Failure::operation)?;
    started.end().map_err(Failure::operation)?;
    if asked {
        talk::talk("the lab is down");
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::operation(anyhow::anyhow!("the lab has ended by itself"))
        .hint("look at supervisor.log in its folder"))
}
