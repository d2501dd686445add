//! As much of an IMAP client as it takes to read a mailbox and to wait for mail.

use crate::wire::Wire;
use crate::{Failure, People};
use std::net::SocketAddr;

#[derive(Debug)]
pub struct Reader(Wire);

/// What a FETCH brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetched {
    pub messages: u64,
    pub octets: u64,
}

impl Reader {
    pub fn log_in(to: SocketAddr, people: &People, number: usize) -> Result<Self, Failure> {
        let mut reader = Self(Wire::open(to)?);
        let greeting = reader.0.line()?;
        if !greeting.starts_with(b"* OK") {
            return Err(format!("the greeting is {}", String::from_utf8_lossy(greeting).trim_end()).into());
        }
        let name = people.name(number);
        reader.ask(&format!("LOGIN \"{name}\" \"{}\"", people.password), |_| ())?;
        Ok(reader)
    }

    pub fn select(&mut self) -> Result<(), Failure> {
        self.ask("SELECT INBOX", |_| ()).map(drop)
    }

    pub fn fetch(&mut self) -> Result<Fetched, Failure> {
        let mut fetched = Fetched::default();
        fetched.octets = self.ask("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", |line| {
            fetched.messages += u64::from(memchr::memmem::find(line, b" FETCH (").is_some());
        })?;
        Ok(fetched)
    }

    pub fn log_out(mut self) -> Result<(), Failure> {
        self.ask("LOGOUT", |_| ()).map(drop)
    }

    /// Begins to wait.
    pub fn idle(&mut self) -> Result<(), Failure> {
        self.0.send(b"a IDLE\r\n")?;
        while !self.0.line()?.starts_with(b"+") {}
        Ok(())
    }

    /// Waits until there are more messages than before.
    pub fn wait(&mut self) -> Result<(), Failure> {
        while !self.0.line()?.trim_ascii_end().ends_with(b" EXISTS") {}
        Ok(())
    }

    /// One command, which is done; octets of all literals in its answer. Lines with literals are seen in pieces.
    fn ask(&mut self, command: &str, mut see: impl FnMut(&[u8])) -> Result<u64, Failure> {
        self.0.send(format!("a {command}\r\n").as_bytes())?;
        let mut octets = 0;
        loop {
            let line = self.0.line()?;
            if let Some(end) = line.strip_prefix(b"a ") {
                if end.starts_with(b"OK") {
                    return Ok(octets);
                }
                let verb = command.split(' ').next().unwrap_or_default();
                return Err(format!("{verb}: {}", String::from_utf8_lossy(end).trim_end()).into());
            }
            see(line);
            if let Some(literal) = literal(line) {
                self.0.skip(literal)?;
                octets += literal as u64;
            }
        }
    }
}

/// How many octets follow a line that ends with `{N}`.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.trim_ascii_end().strip_suffix(b"}")?;
    let digits = &line[memchr::memrchr(b'{', line)? + 1..];
    std::str::from_utf8(digits).ok()?.parse().ok()
}
