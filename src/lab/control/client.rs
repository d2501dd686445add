//! Asks a lab's supervisor, and waits for its end.

use super::{Answer, LINE_BYTES_MAX, Request, SOCKET};
use crate::rack::folder::{FolderError, LabFolder};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Orders that start a machine on a busy computer take their time.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);
/// After that a supervisor that was asked to end is killed.
const END_TIME_MAX: Duration = Duration::from_secs(30);

/// The lab was not reached.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("this lab is not up")]
    NotUp,
    #[error("cannot tell whether the lab is up")]
    Folder(#[from] FolderError),
    #[error("cannot reach the lab's supervisor, process {pid}")]
    Connect {
        pid: i32,
        #[source]
        source: io::Error,
    },
    #[error("lost the connection to the lab's supervisor")]
    Talk(#[source] io::Error),
    #[error("{0}")]
    Refused(String),
    #[error("cannot wait for the lab's end")]
    Wait(#[source] Errno),
}

/// Asks; a refusal is an error.
pub fn ask(folder: &LabFolder, request: &Request) -> Result<Answer, ClientError> {
    let pid = folder.supervisor()?.ok_or(ClientError::NotUp)?;
    let stream = connect(folder, pid).map_err(|source| ClientError::Connect { pid, source })?;
    match exchange(stream, request).map_err(ClientError::Talk)? {
        Answer::Refused { reason } => Err(ClientError::Refused(reason)),
        answer => Ok(answer),
    }
}

/// The lab's private folder as its supervisor sees it. The way through `/proc` may be longer than a socket's
/// address can be, so that the folder is opened first.
fn connect(folder: &LabFolder, pid: i32) -> io::Result<UnixStream> {
    let inside = folder.private();
    let inside = inside.strip_prefix("/").unwrap_or(&inside);
    let place: PathBuf = Path::new("/proc").join(pid.to_string()).join("root").join(inside);
    let place = open(&place, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let socket = Path::new("/proc/self/fd").join(place.as_raw_fd().to_string()).join(SOCKET);
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    Ok(stream)
}

fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<Answer> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

/// Ends the lab and returns when its last process is gone; says whether there was one.
pub fn bring_down(folder: &LabFolder) -> Result<bool, ClientError> {
    let Some(pid) = folder.supervisor()? else { return Ok(false) };
    let supervisor = pidfd(pid).map_err(ClientError::Wait)?;
    // Still the same process, not another that has got its number meanwhile.
    if folder.supervisor()? != Some(pid) {
        return Ok(false);
    }
    let asked = ask(folder, &Request::Down).is_ok();
    if !(asked && has_ended(&supervisor, END_TIME_MAX)?) {
        kill(&supervisor).map_err(ClientError::Wait)?;
        has_ended(&supervisor, END_TIME_MAX)?;
    }
    Ok(true)
}

/// Process 1 of a process namespace ends after all others in it.
fn has_ended(process: &OwnedFd, limit: Duration) -> Result<bool, ClientError> {
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    let ready = poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], limit);
    Ok(ready.map_err(ClientError::Wait)? > 0)
}

fn pidfd(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: pidfd_open(2) takes two integers and returns a new descriptor or -1.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::c_long::from(pid), 0) };
    let descriptor = i32::try_from(Errno::result(result)?).expect("descriptors are ints");
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn kill(process: &OwnedFd) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: pidfd_send_signal(2) takes a descriptor, a signal, no details, and no flags.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, none, 0) };
    match Errno::result(result) {
        Ok(_) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error),
    }
}
