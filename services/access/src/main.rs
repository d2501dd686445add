//! `access`: the daemon's command line is in `cli.rs`, everything else in the library.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
