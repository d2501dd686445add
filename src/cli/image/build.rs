//! `understudy image build`: from Debian packages to a signed image folder.

use super::definition::{PackageOptions, absolute, apt_failure, lock_failure, read};
use crate::cli::failure::Failure;
use crate::cli::{Outcome, key, paths, talk};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use understudy_core::base::fs;
use understudy_image::build::{BuildError, Request, build};
use understudy_image::definition::Definition;
use understudy_image::elf::{is_program, is_static};
use understudy_image::lock::Lock;
use understudy_image::packages::{Origin, PackagesError};
use understudy_image::signing::{KEY_VARIABLE, SigningKey};

/// The node agent's program, as cargo names it.
const NODE: &str = "understudy-node";

#[derive(Args)]
pub struct Arguments {
    /// The folder with image.toml, such as images/mail
    folder: PathBuf,
    /// The image folder to make or replace [default: target/images/NAME-VERSION]
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Use this lock [default: image.lock beside image.toml]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// The secret key that signs [default: UNDERSTUDY_SIGNING_KEY, else ~/.config/understudy/signing.key]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The static node agent [default: beside this program]
    #[arg(long, value_name = "FILE")]
    node: Option<PathBuf>,
    /// The folder with the programs that services bring [default: that of this program]
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Take .deb files from this folder instead of an archive
    #[arg(long, value_name = "FOLDER", conflicts_with = "mirror")]
    packages_from: Option<PathBuf>,
    #[command(flatten)]
    packages: PackageOptions,
    /// Print one JSON object with dir, artifacts and stages
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let definition = read(&arguments.folder)?;
    let lock_path = arguments.lock.clone().unwrap_or_else(|| arguments.folder.join("image.lock"));
    let lock = Lock::read(&lock_path, &definition).map_err(|error| lock_failure(error, &arguments.folder))?;
    let key = signing_key(arguments.key.as_deref())?;
    let name = format!("{}-{}", definition.name, definition.version);
    let out = arguments.output.clone().unwrap_or_else(|| Path::new("target/images").join(name));
    let origin = match &arguments.packages_from {
        Some(folder) => Origin::Folder(absolute(folder)?),
        None => Origin::Archive(arguments.packages.source()?),
    };
    let request = Request {
        definition: &definition,
        lock: &lock,
        origin,
        node: &node(arguments.node.clone())?,
        programs: &programs(arguments.programs.clone(), &definition)?,
        key: &key,
        out: &absolute(&out)?,
        cache: &arguments.packages.cache()?,
        now: jiff::Timestamp::now(),
    };
    let built =
        build(&request, &talk::StageTalk::new()).map_err(|error| failure(error, &arguments.folder))?;
    if arguments.json {
        let artifacts = &built.manifest.artifacts;
        talk::json(&json!({ "dir": built.dir, "artifacts": artifacts, "stages": built.stages }));
    } else {
        talk::data(&built.dir.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// From the option, else the environment, else the user's own file.
fn signing_key(option: Option<&Path>) -> Result<SigningKey, Failure> {
    let from_environment = std::env::var(KEY_VARIABLE).ok().filter(|text| !text.is_empty());
    let key = match (option, from_environment) {
        (Some(path), _) => SigningKey::read(path, key::password()),
        (None, Some(text)) => SigningKey::parse(&text, KEY_VARIABLE, key::password()),
        (None, None) => SigningKey::read(&paths::signing_key()?, key::password()),
    };
    key.map_err(key::failure)
}

fn node(option: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let beside = || std::env::current_exe().map(|program| program.with_file_name(NODE));
    let path = option.map_or_else(beside, Ok).map_err(Failure::operation)?;
    let hint = "make build, or name another with --node";
    let program = fs::read(&path).map_err(|error| Failure::input(error).hint(hint))?;
    if is_static(&program) {
        return Ok(path);
    }
    Err(Failure::input(anyhow::anyhow!("{} is not a static program for x86-64", path.display())).hint(hint))
}

/// Each program is looked at before anything is built.
fn programs(option: Option<PathBuf>, definition: &Definition) -> Result<PathBuf, Failure> {
    let beside = || Ok(std::env::current_exe()?.parent().unwrap_or(Path::new("/")).to_owned());
    let folder = option.map_or_else(beside, Ok).map_err(|error: std::io::Error| Failure::operation(error))?;
    let hint = "make build, or name the folder with --programs";
    for program in definition.services.iter().flat_map(|folder| &folder.service.programs) {
        let path = folder.join(program.as_str());
        let content = fs::read(&path).map_err(|error| Failure::input(error).hint(hint))?;
        if !is_program(&content) {
            let error = anyhow::anyhow!("{} is not a program for x86-64", path.display());
            return Err(Failure::input(error).hint(hint));
        }
    }
    Ok(folder)
}

fn failure(error: BuildError, folder: &Path) -> Failure {
    match error {
        BuildError::Packages(PackagesError::Apt(error)) => apt_failure(error, folder),
        BuildError::Packages(PackagesError::WrongHash { .. }) => Failure::operation(error).hint(format!(
            "find out who changed the package; if the archive replaced it, understudy image lock {}",
            folder.display()
        )),
        BuildError::UnknownModule { ref path, .. } | BuildError::NoBootLoader { ref path, .. } => {
            let hint = format!("edit {}", path.display());
            Failure::input(error).hint(hint)
        }
        BuildError::Staging(_) => Failure::input(error).hint("name another folder with --output"),
        BuildError::Disk(_) => {
            let hint = format!("enlarge it in {}", folder.join("image.toml").display());
            Failure::input(error).hint(hint)
        }
        error if is_disk_full(&error) => {
            Failure::operation(error).hint("make room, or name other places with --cache and --output")
        }
        error => Failure::operation(error).hint("understudy doctor says what this machine lacks"),
    }
}

fn is_disk_full(error: &BuildError) -> bool {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source());
    let mut causes = causes;
    causes.any(|cause| {
        let of_io = cause.downcast_ref::<std::io::Error>();
        of_io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull)
            || cause.to_string().contains("No space left on device")
    })
}
