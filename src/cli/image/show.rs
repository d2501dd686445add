//! `understudy image show`: what an image consists of.

use super::trust::TrustOptions;
use crate::cli::{Outcome, talk};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use understudy_core::base::byte_count::ByteCount;

#[derive(Args)]
pub struct Arguments {
    /// The image folder
    folder: PathBuf,
    #[command(flatten)]
    trust: TrustOptions,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let release = arguments.trust.open(&arguments.folder)?;
    let manifest = &release.manifest;
    if arguments.json {
        talk::json(&**manifest);
        return Ok(ExitCode::SUCCESS);
    }
    talk::data(&format!("{} {} for {}", manifest.name, manifest.version, manifest.architecture));
    talk::data(&format!("signed by     {}", manifest.key_id));
    talk::data(&format!("valid until   {}", manifest.expires));
    talk::data(&format!("root hash     {}", manifest.root_hash));
    talk::data(&format!("command line  {}", manifest.command_line));
    for (name, role) in &manifest.roles {
        let services = role.services.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        talk::data(&format!("role          {name}: {services}"));
    }
    for artifact in &manifest.artifacts {
        let size = ByteCount::bytes(artifact.bytes).to_string();
        talk::data(&format!("{:13} {size:>10}  {}", artifact.file.file_name(), artifact.sha256));
    }
    Ok(ExitCode::SUCCESS)
}
