//! `understudy image lock`: pins the newest packages.

use super::definition::{PackageOptions, lock_failure, read};
use crate::cli::failure::Failure;
use crate::cli::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use understudy_image::lock::write_lock;

#[derive(Args)]
pub struct Arguments {
    /// The folder with image.toml, such as images/mail
    folder: PathBuf,
    /// Write the lock here [default: image.lock in the folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    packages: PackageOptions,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let definition = read(&arguments.folder)?;
    let path = arguments.output.clone().unwrap_or_else(|| arguments.folder.join("image.lock"));
    let work = arguments.packages.cache()?.work_folder().map_err(Failure::operation)?;
    let source = arguments.packages.source()?;
    let talk = talk::StageTalk::new();
    let lock = write_lock(&definition, &source, &path, work.path(), &talk)
        .map_err(|error| lock_failure(error, &arguments.folder))?;
    if arguments.json {
        talk::json(&json!({ "lock": path, "date": lock.date, "packages": lock.packages.len() }));
    } else {
        talk::data(&path.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}
