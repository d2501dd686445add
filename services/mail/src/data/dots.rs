//! What follows DATA: lines up to `.` alone, with a dot before each line that begins with one (RFC 5321, section 4.5.2).
//!
//! Only CRLF, dot, CRLF ends a message, and the CRLF of the DATA command counts as the first one (section 4.1.1.4): a
//! message may be empty, and the first line is unstuffed as any other. Anything like it, with a CR or LF that stands
//! alone, is content of a message that is refused. Entry points: [`Decoder::decode`], and [`Encoder`] for clients.

use super::tally::Tally;
use super::{Fault, Limits};
use memchr::{memchr, memchr2};

/// Where the decoder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    LineStart,
    Text,
    /// Behind a CR in or behind text.
    Cr,
    /// Behind a dot at the start of a line; it is not content, whatever follows.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    Ended,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    tally: Tally,
}

impl Decoder {
    pub fn new(limits: Limits) -> Self {
        Self { state: State::LineStart, tally: Tally::new(limits) }
    }

    /// Appends the next content to `out`. At the end of the message: the octets of its content, or why it is refused. What
    /// stands behind the end stays in `input`; without an end all of it is taken.
    pub fn decode(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Option<Result<u64, Fault>> {
        while self.state != State::Ended {
            if self.state == State::Text {
                let end = memchr2(b'\r', b'\n', input).unwrap_or(input.len());
                let (text, rest) = input.split_at(end);
                self.tally.text(text, out);
                *input = rest;
            }
            let (&byte, rest) = input.split_first()?;
            *input = rest;
            self.state = self.next(byte, out);
        }
        Some(self.tally.result())
    }

    /// Why the message will be refused, as soon as that is known.
    pub fn fault(&self) -> Option<Fault> {
        self.tally.fault()
    }

    fn next(&mut self, byte: u8, out: &mut Vec<u8>) -> State {
        match (self.state, byte) {
            (State::LineStart, b'.') => State::Dot,
            (State::Dot, b'\r') => State::DotCr,
            (State::DotCr, b'\n') => State::Ended,
            (State::Cr, b'\n') => {
                self.tally.line_end(out);
                State::LineStart
            }
            (State::Cr | State::DotCr, _) => {
                self.tally.fail(Fault::BareCr);
                self.inside(byte, out)
            }
            (State::LineStart | State::Text | State::Dot | State::Ended, _) => self.inside(byte, out),
        }
    }

    fn inside(&mut self, byte: u8, out: &mut Vec<u8>) -> State {
        match byte {
            b'\r' => State::Cr,
            b'\n' => {
                self.tally.fail(Fault::BareLf);
                State::Text
            }
            _ => {
                self.tally.text(&[byte], out);
                State::Text
            }
        }
    }
}

/// Writes content as it follows DATA, its end included. Content whose last line has no CRLF gets one.
pub fn encode(content: &[u8], out: &mut Vec<u8>) {
    let mut encoder = Encoder::default();
    encoder.encode(content, out);
    encoder.finish(out);
}

/// Writes one message piece by piece; it is the same wherever it is cut.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    /// The last two octets so far.
    last: Option<[u8; 2]>,
}

impl Encoder {
    /// Appends the next content.
    pub fn encode(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            if line.starts_with(b".") && self.last.is_none_or(|last| last[1] == b'\n') {
                out.push(b'.');
            }
            out.extend_from_slice(line);
            self.note(line);
            rest = after;
        }
    }

    /// Appends the end.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.last.is_some_and(|last| last != *b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }

    fn note(&mut self, line: &[u8]) {
        let before = self.last.map_or(0, |last| last[1]);
        self.last = match line {
            [.., one, two] => Some([*one, *two]),
            [one] => Some([before, *one]),
            [] => self.last,
        };
    }
}

#[cfg(test)]
#[path = "dots_tests.rs"]
mod tests;
