//! `understudy image verify`: the signature and every byte.

use super::trust::{TrustOptions, failure};
use crate::cli::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct Arguments {
    /// The image folder
    folder: PathBuf,
    #[command(flatten)]
    trust: TrustOptions,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let release = arguments.trust.open(&arguments.folder)?;
    for artifact in &release.manifest.artifacts {
        release.check(artifact.file).map_err(failure)?;
        talk::talk(&format!("{} is as signed", artifact.file.file_name()));
    }
    let manifest = &release.manifest;
    if arguments.json {
        talk::json(&json!({ "name": manifest.name, "version": manifest.version, "key_id": manifest.key_id }));
    } else {
        let (name, version, key) = (&manifest.name, &manifest.version, &manifest.key_id);
        talk::data(&format!("{name} {version} is good, signed by {key}, valid until {}", manifest.expires));
    }
    Ok(ExitCode::SUCCESS)
}
