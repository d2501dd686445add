//! `mailstore`: looks after a volume that no daemon has open. One verb, one file, in `cli/`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
