//! What a machine's console shows: waits for words, without waiting for ever, and reads past terminal codes.

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

/// The text without what moves a terminal's cursor or changes its colours (ECMA-48, sections 5.4 and 8.3).
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' if characters.next_if_eq(&'[').is_some() => {
                // Parameters and intermediates up to one final character.
                while characters.next_if(|next| matches!(next, ' '..='?')).is_some() {}
                characters.next();
            }
            '\x1b' => drop(characters.next()),
            '\n' | '\t' => out.push(character),
            // Firmware draws its last line again and again.
            '\r' if characters.peek() != Some(&'\n') => out.push('\n'),
            _ if character.is_control() => {}
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_codes_are_left_out() {
        for (text, expected) in [
            ("\x1b[2J\x1b[01;01Hhello", "hello"),
            ("\x1b[0m\x1b[35m\x1b[40mBdsDxe\x1b[K: loading\r\n", "BdsDxe: loading\n"),
            ("10%\r20%", "10%\n20%"),
            ("\x1bcab\x08", "ab"),
            ("\x1b", ""),
            ("\x1b[", ""),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }
}
