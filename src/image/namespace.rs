//! Runs a stage of the build in namespaces of its own: mounts, processes, network, and (without root) users.
//!
//! The stage's files live in a tmpfs of that mount namespace, so they vanish with it, however it ends. Its
//! standard input is a lifeline: when this process dies, the stage ends, and all of its children with it.

use crate::progress::Progress;
use crate::stage::{Job, STAGE_ARGUMENT};
use nix::unistd::geteuid;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use understudy_core::base::process::{Process, ProcessError};

/// How a stage marks a line on standard error that is for people.
pub const NOTE: &str = "note: ";
/// How much of what a stage says is kept for its error.
const STDERR_BYTES_MAX: usize = 1 << 16;

/// Why a stage in namespaces did not end well.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    #[error("cannot find this program's own file")]
    OwnFile(#[source] std::io::Error),
    #[error("cannot write down the job")]
    Job(#[source] serde_json::Error),
    #[error("lost the connection to the stage")]
    Pipe(#[source] std::io::Error),
    #[error("the stage failed")]
    Stage(#[source] ProcessError),
    #[error("cannot use what the stage made")]
    Output(#[source] std::io::Error),
}

/// Runs `job` as root of new namespaces and hands its standard output to `take`.
pub fn run(
    job: &Job,
    progress: &dyn Progress,
    take: impl FnOnce(&mut dyn Read) -> std::io::Result<()>,
) -> Result<(), NamespaceError> {
    let program = std::env::current_exe().map_err(NamespaceError::OwnFile)?;
    let mut unshare = Process::new("unshare").args([
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--uts",
        "--ipc",
        "--net",
    ]);
    if !geteuid().is_root() {
        unshare = unshare.args(["--user", "--map-root-user", "--map-auto"]);
    }
    let mut running = unshare
        .arg(program)
        .arg(STAGE_ARGUMENT)
        .with(|command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        })
        .spawn()
        .map_err(NamespaceError::Stage)?;

    let pipes = (running.child.stdin.take(), running.child.stdout.take(), running.child.stderr.take());
    let (Some(mut lifeline), Some(mut stdout), Some(stderr)) = pipes else {
        unreachable!("all three were asked for as pipes")
    };
    let mut line = serde_json::to_vec(job).map_err(NamespaceError::Job)?;
    line.push(b'\n');
    // A stage that could not start reads nothing; its own words say more than a broken pipe.
    let sent = lifeline.write_all(&line);

    let (taken, said) = std::thread::scope(|scope| {
        let talk = scope.spawn(|| listen(stderr, progress));
        let taken = take(&mut stdout);
        // Whoever writes on after an error here must not wait for a reader.
        drop(stdout);
        (taken, talk.join().unwrap_or_default())
    });
    let ended = running.finish(said.as_bytes());
    drop(lifeline);
    // A stage that nobody listens to fails as well; the reason is on this side then.
    taken.map_err(NamespaceError::Output)?;
    ended.map_err(NamespaceError::Stage)?;
    sent.map_err(NamespaceError::Pipe)
}

fn listen(stderr: impl Read, progress: &dyn Progress) -> String {
    let mut said = String::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if let Some(note) = line.strip_prefix(NOTE) {
            progress.note(note);
            continue;
        }
        said.push_str(&line);
        said.push('\n');
        if said.len() > STDERR_BYTES_MAX {
            said = said.split_off(said.ceil_char_boundary(said.len() - STDERR_BYTES_MAX / 2));
        }
    }
    said
}
