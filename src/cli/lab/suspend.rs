//! `understudy lab suspend`: the lab ends, and its machines can go on where they are.

use super::target::LabOption;
use crate::cli::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use understudy_lab::control::Request;
use understudy_lab::control::client::{ask, bring_down};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    lab: LabOption,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let (lab, folder) = (&arguments.lab, arguments.lab.folder());
    ask(&folder, &Request::Suspend).map_err(|error| lab.failure(error))?;
    // It ends by itself; this waits for its last process.
    bring_down(&folder).map_err(|error| lab.failure(error))?;
    let path = folder.path().display();
    if arguments.json {
        talk::json(&json!({ "name": lab.name, "folder": folder.path() }));
    } else {
        talk::talk(&format!("lab `{}` is suspended in {path}", lab.name));
        talk::talk(&format!("let its machines go on: understudy lab up --name ANOTHER --from {path}"));
    }
    Ok(ExitCode::SUCCESS)
}
