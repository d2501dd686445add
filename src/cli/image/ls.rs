//! `understudy image ls`: the image folders below a folder. It lists; it trusts nothing.

use crate::cli::failure::Failure;
use crate::cli::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use understudy_core::base::fs;
use understudy_core::formats::manifest::{MANIFEST_FILE, Manifest};

#[derive(Args)]
pub struct Arguments {
    /// Where to look
    #[arg(default_value = "target/images")]
    folder: PathBuf,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let folders = fs::list(&arguments.folder)
        .map_err(|error| Failure::input(error).hint("understudy image build images/mail makes one"))?;
    let images: Vec<_> = folders.iter().filter_map(|folder| Some((folder, manifest(folder)?))).collect();
    if arguments.json {
        let rows = images.iter().map(|(dir, manifest)| {
            let Manifest { name, version, expires, key_id, .. } = manifest;
            json!({ "dir": dir, "name": name, "version": version, "expires": expires, "key_id": key_id })
        });
        talk::json(&rows.collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    for (folder, Manifest { name, version, expires, .. }) in images {
        talk::data(&format!("{name:12} {version:10} until {expires}  {}", folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The manifest of a finished image. Folders of running builds begin with a dot and are passed over.
fn manifest(folder: &Path) -> Option<Manifest> {
    let hidden = folder.file_name()?.to_string_lossy().starts_with('.');
    let content = fs::read(&folder.join(MANIFEST_FILE)).ok().filter(|_| !hidden)?;
    serde_json::from_slice(&content).ok()
}
