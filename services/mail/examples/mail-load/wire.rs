//! A connection on which lines go both ways.

use crate::Failure;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nobody waits for ever; beyond this a server counts as broken.
const ANSWER_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Wire {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Wire {
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream), line: Vec::new() })
    }

    pub fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets)
    }

    /// The next one, with its end.
    pub fn line(&mut self) -> io::Result<&[u8]> {
        self.line.clear();
        if self.stream.read_until(b'\n', &mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(&self.line)
    }

    /// Reads so many octets and forgets them.
    pub fn skip(&mut self, mut octets: usize) -> io::Result<()> {
        while octets > 0 {
            let there = self.stream.fill_buf()?.len().min(octets);
            if there == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.stream.consume(there);
            octets -= there;
        }
        Ok(())
    }

    /// A reply of SMTP, which has this code.
    pub fn expect(&mut self, code: &str) -> Result<(), Failure> {
        loop {
            let line = self.line()?;
            if !line.starts_with(code.as_bytes()) {
                return Err(format!("instead of {code}: {}", String::from_utf8_lossy(line).trim_end()).into());
            }
            if line.get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
