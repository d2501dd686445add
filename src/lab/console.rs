//! Waits for words on a machine's console, without waiting for ever.

use crate::vm::Vm;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// After this long since power-on.
    Text(Duration),
    /// The time was over first.
    TimeOut,
    /// The machine went off first.
    PowerOff,
}

/// Hands everything that the machine prints to `hear`, until a line with `text` was printed, `limit` after
/// power-on, or the machine's end. Without a text it waits for the end.
pub fn watch(
    vm: &mut Vm,
    text: Option<&str>,
    limit: Option<Duration>,
    mut hear: impl FnMut(&[u8]),
) -> io::Result<Seen> {
    let deadline = limit.map(|limit| vm.started + limit);
    let started = vm.started;
    let text = text.filter(|text| !text.is_empty());
    let mut recent = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if !wait_for_input(vm, deadline)? {
            return Ok(Seen::TimeOut);
        }
        let count = vm.console().read(&mut buffer)?;
        if count == 0 {
            return Ok(Seen::PowerOff);
        }
        hear(&buffer[..count]);
        let Some(text) = text else { continue };
        recent.extend_from_slice(&buffer[..count]);
        match position(&recent, text.as_bytes()) {
            Some(at) if recent[at..].contains(&b'\n') => return Ok(Seen::Text(started.elapsed())),
            Some(at) => drop(recent.drain(..at)),
            // Only what could still be the beginning of the text is kept.
            None => drop(recent.drain(..recent.len().saturating_sub(text.len()))),
        }
    }
}

/// Whether there is something to read before the deadline.
fn wait_for_input(vm: &mut Vm, deadline: Option<Instant>) -> io::Result<bool> {
    let timeout = match deadline {
        None => PollTimeout::NONE,
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        }
    };
    let console = vm.console();
    match poll(&mut [PollFd::new(console.as_fd(), PollFlags::POLLIN)], timeout) {
        Ok(ready) => Ok(ready > 0),
        // A signal; the caller comes back here through another read.
        Err(nix::errno::Errno::EINTR) => wait_for_input(vm, deadline),
        Err(error) => Err(error.into()),
    }
}

fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
