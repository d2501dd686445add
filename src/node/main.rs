//! The program `understudy-node`: process 1 of the initrd, or the node agent.

use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "usage: understudy-node agent\n\nRuns the node agent; systemd starts it. As process 1 of an \
initrd the program mounts and starts the image instead.\n";

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        Some("agent") => understudy_node::agent::main(),
        _ if std::process::id() == 1 => understudy_node::init::main(),
        Some("--help" | "-h") => say(&mut std::io::stdout(), ExitCode::SUCCESS),
        _ => say(&mut std::io::stderr(), ExitCode::from(2)),
    }
}

fn say(to: &mut dyn Write, code: ExitCode) -> ExitCode {
    // With nobody listening there is nobody to tell.
    let _ = to.write_all(USAGE.as_bytes());
    code
}
