//! The process behind `understudy lab up`: not a verb for people. Its standard error is the lab's log.

use std::process::ExitCode;
use understudy_core::base::causes::with_causes;
use understudy_lab::rack::supervisor;

pub fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    match supervisor::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::cli::talk::talk(&format!("error: {}", with_causes(&error)));
            ExitCode::FAILURE
        }
    }
}
