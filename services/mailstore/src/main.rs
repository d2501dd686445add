//! `mailstore`: serves a volume, and looks after one that no daemon has open. One verb, one file, in `cli/`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
