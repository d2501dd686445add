//! `understudy lab down`: nothing of the lab is left.

use super::target::LabOption;
use crate::cli::failure::Failure;
use crate::cli::{Outcome, talk};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use understudy_core::base::fs;
use understudy_lab::control::client::{ClientError, bring_down};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    lab: LabOption,
    /// Leave the lab's folder with disks and consoles
    #[arg(long)]
    keep: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let (lab, folder) = (&arguments.lab, arguments.lab.folder());
    let was_up = bring_down(&folder).map_err(|error| lab.failure(error))?;
    let was_there = folder.path().exists();
    if !was_up && !was_there {
        return Err(lab.failure(ClientError::NotUp));
    }
    if !arguments.keep {
        fs::remove_dir_all(folder.path()).map_err(Failure::operation)?;
    }
    if arguments.json {
        talk::json(&json!({ "name": lab.name, "was_up": was_up, "folder_kept": arguments.keep }));
    } else if was_up {
        talk::talk(&format!("lab `{}` is down", lab.name));
    } else {
        talk::talk(&format!("lab `{}` was down already", lab.name));
    }
    Ok(ExitCode::SUCCESS)
}
