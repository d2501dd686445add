//! `understudy lab console`: what a machine's console showed, and shows.

use super::target::LabOption;
use crate::cli::failure::Failure;
use crate::cli::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;
use understudy_core::base::fs;
use understudy_lab::control::client::ClientError;
use understudy_lab::rack::plan::NodeName;

/// How often a console that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Args)]
pub struct Arguments {
    /// The machine: its name, such as LAB-1, or its number
    node: NodeName,
    #[command(flatten)]
    lab: LabOption,
    /// Go on showing until the lab ends
    #[arg(long)]
    follow: bool,
    /// Print one JSON object with the text
    #[arg(long, conflicts_with = "follow")]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let path = arguments.lab.folder().console(arguments.node);
    if !path.exists() {
        // A lab that is up knows which machines it has.
        let names = arguments.lab.status()?.nodes.into_iter().map(|node| node.node.to_string());
        let names = names.collect::<Vec<_>>().join(", ");
        let error = anyhow::anyhow!("there is no {} in this lab, but {names}", arguments.node);
        return Err(Failure::input(error).hint("understudy lab status"));
    }
    let mut file = fs::open(&path).map_err(Failure::operation)?;
    if arguments.json {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Failure::operation)?;
        talk::json(&json!({ "node": arguments.node, "text": String::from_utf8_lossy(&bytes) }));
        return Ok(ExitCode::SUCCESS);
    }
    show(&mut file)?;
    while arguments.follow && is_up(&arguments.lab)? {
        std::thread::sleep(PAUSE);
        show(&mut file)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what has come since the last time.
fn show(file: &mut File) -> Result<(), Failure> {
    let mut out = io::stdout();
    let shown = io::copy(file, &mut out).and_then(|_| out.flush());
    shown.map_err(|error| Failure::operation(anyhow::Error::new(error).context("cannot show the console")))
}

fn is_up(lab: &LabOption) -> Result<bool, Failure> {
    let supervisor = lab.folder().supervisor().map_err(|error| lab.failure(ClientError::Folder(error)))?;
    Ok(supervisor.is_some())
}
