//! `mailstore compact [--json] FOLDER`

use super::{Volume, block_on, say, say_json};
use serde_json::json;
use std::process::ExitCode;

/// Gives back the room of messages that are gone
#[derive(Debug, clap::Args)]
pub struct Compact {
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    volume: Volume,
}

impl Compact {
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.volume.open()?;
        let compacted = block_on(store.compact())??;
        let (segments, octets) = (compacted.segments, compacted.freed_octets);
        match self.json {
            true => say_json(&json!({ "segments": segments, "freed_octets": octets }))?,
            false => say(&format!("{octets} octets freed in {segments} segments"))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
