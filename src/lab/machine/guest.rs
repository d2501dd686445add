//! The qemu of a machine that is on: started, waited for, ended by SIGKILL.

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use tokio::io::unix::AsyncFd;
use understudy_core::base::fs;
use understudy_core::base::process::{Process, ProcessError, Running};

/// A child process whose end can be awaited; killed when dropped.
pub struct Guest {
    running: Running,
    pidfd: AsyncFd<OwnedFd>,
}

/// A child process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    #[error(transparent)]
    Start(#[from] ProcessError),
    #[error(transparent)]
    Log(#[from] fs::FsError),
    #[error("cannot watch a child process")]
    Watch(#[source] io::Error),
}

impl Guest {
    /// Starts it with everything that it says in `log`.
    pub fn start(process: Process, log: &Path) -> Result<Self, GuestError> {
        let out = fs::create(log)?;
        let copy = File::try_clone(&out).map_err(GuestError::Watch)?;
        let process = process.with(|command| {
            command.stdout(out).stderr(copy);
        });
        let running = process.spawn()?;
        let pidfd = pidfd_of_child(running.child.id()).map_err(GuestError::Watch)?;
        // SAFETY: an OwnedFd is open and the same as long as it lives, and it lives in the AsyncFd.
        let pidfd = unsafe { AsyncFd::register(pidfd) };
        Ok(Self { running, pidfd: pidfd.map_err(|error| GuestError::Watch(error.into()))? })
    }

    /// Returns when the process has ended; it is still there to be reaped.
    pub async fn ended(&self) {
        // An error of the watch is an end as well: a machine that cannot be watched is not kept.
        drop(self.pidfd.readable().await);
    }

    /// Kills it, waits until the kernel has taken it down, and says how it had ended.
    pub fn end(mut self) -> io::Result<std::process::ExitStatus> {
        // One that has ended by itself cannot be killed, and that is what was wanted.
        drop(self.running.child.kill());
        self.running.child.wait()
    }

    /// Sends a signal. The process is not reaped yet, so that the number is still its own.
    pub fn signal(&self, signal: Signal) -> Result<(), Errno> {
        kill(Pid::from_raw(self.running.child.id().cast_signed()), signal)
    }

    /// Stops all of its threads, and returns when they stand still (or it has ended).
    pub fn freeze(&self) -> Result<(), Errno> {
        self.signal(Signal::SIGSTOP)?;
        let child = Id::Pid(Pid::from_raw(self.running.child.id().cast_signed()));
        // Its end is left to be reaped by `end`.
        waitid(child, WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).map(drop)
    }

    /// The process id as the computer's own `/proc` has it.
    pub fn pid_on_computer(&self) -> Option<u32> {
        let info = Path::new("/proc/self/fdinfo").join(self.pidfd.as_raw_fd().to_string());
        let text = fs::read_text(&info).ok()?;
        text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
    }
}

/// A descriptor that becomes readable when the child ends.
fn pidfd_of_child(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open(2) takes two integers and returns a new descriptor or -1.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::c_long::from(pid), 0) };
    let descriptor = i32::try_from(Errno::result(result)?).expect("descriptors are ints");
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
