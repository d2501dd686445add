//! `understudy lab exec`: a command of this computer in the network of a lab, which ends with the lab.

use super::target::LabOption;
use crate::cli::Outcome;
use crate::cli::failure::Failure;
use clap::Args;
use nix::unistd::geteuid;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, Stdio};
use understudy_core::base::process::Process;
use understudy_lab::control::client::ClientError;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    lab: LabOption,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// The command's own exit code, or 128 and the signal that ended it, as shells do.
pub fn run(arguments: &Arguments) -> Outcome {
    run_inside(&arguments.lab, &arguments.command)
}

/// Runs a command in the lab's network until it ends.
pub fn run_inside(lab: &LabOption, command: &[OsString]) -> Outcome {
    let supervisor = lab.folder().supervisor().map_err(|error| lab.failure(ClientError::Folder(error)))?;
    let supervisor = supervisor.ok_or_else(|| lab.failure(ClientError::NotUp))?;
    let mut enter = Process::new("nsenter").args(["--target", &supervisor.to_string(), "--net", "--pid"]);
    if !geteuid().is_root() {
        enter = enter.args(["--user", "--preserve-credentials"]);
    }
    let mut running = enter
        .arg("--")
        .args(command)
        .with(|command| {
            command.stdin(Stdio::inherit());
        })
        .spawn()
        .map_err(Failure::operation)?;
    let status = running.child.wait().map_err(Failure::operation)?;
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
