//! Starts a lab's supervisor as process 1 of namespaces of its own.
//!
//! The kernel kills everything in a process namespace with its process 1, and the mounts, the network and every
//! socket go when the last process is gone: a lab cannot leave anything behind, however it ends. Without root
//! the namespaces hang on a user namespace in which the user is root.
//!
//! This program is started again twice: with [`ENTER_ARGUMENT`] it makes the namespaces, because the first
//! process to be *in* a new process namespace is the next child; with [`SUPERVISE_ARGUMENT`] it is that child.

use super::plan::{Lifetime, Plan};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid, setsid};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, ExitCode, Stdio};
use understudy_core::base::causes::with_causes;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::process::{Process, ProcessError, Running};

/// First argument of the process that makes the namespaces.
pub const ENTER_ARGUMENT: &str = "lab-enter-namespaces";
/// First argument of process 1.
pub const SUPERVISE_ARGUMENT: &str = "lab-supervise";

/// The lab did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot find this program's own file")]
    OwnFile(#[source] io::Error),
    #[error("cannot start the lab's supervisor")]
    Process(#[from] ProcessError),
    #[error("lost the connection to the lab's supervisor")]
    Pipe(#[source] io::Error),
    #[error("the lab's supervisor ended before the lab was up")]
    Silent,
    #[error("the lab did not come up: {0}")]
    Failed(String),
    #[error("the lab's site did not come up: {0}")]
    Site(String),
}

/// The one line that a supervisor says to whoever started it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    Up,
    Failed(String),
    /// The rack was there, but not its site.
    NoSite(String),
}

impl Word {
    /// Says it.
    pub fn say(&self) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut out = io::stdout();
        out.write_all(&line)?;
        out.flush()
    }
}

/// A lab that is up, from the side of the process that started it.
pub struct Started {
    lifeline: ChildStdin,
    /// Ends with the supervisor, if the lab is attached.
    pub end: BufReader<ChildStdout>,
    _enter: Running,
}

impl Started {
    /// Asks an attached lab to end, and waits for it.
    pub fn end(mut self) -> io::Result<()> {
        drop(self.lifeline);
        self.end.read_to_end(&mut Vec::new()).map(drop)
    }
}

/// Returns when the lab's machines have power.
pub fn start(plan: &Plan) -> Result<Started, StartError> {
    let program = std::env::current_exe().map_err(StartError::OwnFile)?;
    let mut enter = Process::new(program)
        .arg(ENTER_ARGUMENT)
        .with(|command| {
            // A lab that goes on must not hold the terminal or pipes of whoever started it.
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        })
        .spawn()?;
    let (Some(mut lifeline), Some(stdout)) = (enter.child.stdin.take(), enter.child.stdout.take()) else {
        unreachable!("both were asked for as pipes")
    };
    let mut line = serde_json::to_vec(plan).map_err(|error| StartError::Pipe(error.into()))?;
    line.push(b'\n');
    lifeline.write_all(&line).map_err(StartError::Pipe)?;
    let mut end = BufReader::new(stdout);
    let mut word = String::new();
    end.read_line(&mut word).map_err(StartError::Pipe)?;
    match serde_json::from_str(&word) {
        Ok(Word::Up) => Ok(Started { lifeline, end, _enter: enter }),
        Ok(Word::Failed(reason)) => Err(StartError::Failed(reason)),
        Ok(Word::NoSite(reason)) => Err(StartError::Site(reason)),
        Err(_) => Err(StartError::Silent),
    }
}

/// A namespace could not be made.
#[derive(Debug, thiserror::Error)]
enum EnterError {
    #[error("cannot make namespaces; does this computer let users make them?")]
    Unshare(#[source] Errno),
    #[error("cannot leave the session")]
    Session(#[source] Errno),
    #[error("cannot become root of the namespace")]
    Map(#[from] FsError),
    #[error("cannot make mounts private")]
    Private(#[source] Errno),
    #[error("cannot find this program's own file")]
    OwnFile(#[source] io::Error),
    #[error(transparent)]
    Supervisor(#[from] ProcessError),
}

/// The process behind [`ENTER_ARGUMENT`]: makes namespaces, starts process 1 in them, and is done.
pub fn enter_main() -> ExitCode {
    match enter() {
        // It is not ours to wait for: it lives on by itself.
        Ok(supervisor) => std::mem::forget(supervisor),
        Err(error) => {
            // Nobody listens: then nobody waits for the lab either.
            drop(Word::Failed(with_causes(&error)).say());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn enter() -> Result<Running, EnterError> {
    // Ctrl-C at the terminal is for the one in front, who tells the lab.
    setsid().map_err(EnterError::Session)?;
    let (user, group) = (geteuid(), getegid());
    let mut namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if !user.is_root() {
        namespaces |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(namespaces).map_err(EnterError::Unshare)?;
    if !user.is_root() {
        // user_namespaces(7): groups can be mapped without privileges only if setgroups(2) is denied.
        fs::write(Path::new("/proc/self/setgroups"), b"deny")?;
        fs::write(Path::new("/proc/self/uid_map"), format!("0 {user} 1").as_bytes())?;
        fs::write(Path::new("/proc/self/gid_map"), format!("0 {group} 1").as_bytes())?;
    }
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(EnterError::Private)?;
    let program = std::env::current_exe().map_err(EnterError::OwnFile)?;
    let supervisor = Process::new(program)
        .arg(SUPERVISE_ARGUMENT)
        .with(|command| {
            command.stdin(Stdio::inherit());
        })
        .spawn()?;
    Ok(supervisor)
}

/// The plan that process 1 was given, and whether it hears of its starter's end afterwards.
pub fn take_plan() -> Result<Plan, StartError> {
    let mut line = Vec::new();
    let mut byte = [0];
    let mut stdin = io::stdin().lock();
    // Nothing past the line may be taken: the rest is the lifeline.
    while stdin.read(&mut byte).map_err(StartError::Pipe)? == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    serde_json::from_slice(&line).map_err(|error| StartError::Pipe(error.into()))
}

/// Blocks until the process that started an attached lab is gone; for a detached one it never returns.
pub fn wait_for_lifeline(lifetime: Lifetime) {
    if lifetime == Lifetime::Detached {
        loop {
            std::thread::park();
        }
    }
    // Nothing is ever sent; an error is an end as well.
    drop(io::stdin().read(&mut [0]));
}
