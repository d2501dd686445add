//! Command lines: strictly CRLF, bounded, from a network that cuts them anywhere.
//!
//! A CR or LF that is not part of a CRLF is refused and ends everything: what follows it means different things to
//! different servers, and that is how commands are smuggled. A line that is too long is skipped, so that the client
//! hears of it, but only up to [`GARBAGE_OCTETS_MAX`].
//!
//! Never opens a socket. Entry point: [`LineReader::pull`].

use memchr::memchr2;

/// Of a command line, its CRLF included: 512 (RFC 5321, section 4.5.3.1.4), and more room than the parameters that we know
/// add to it together (section 4.5.3.1.5): SIZE 26, BODY 17, SMTPUTF8 10, ENVID 100, ORCPT 500 octets and their keywords.
pub const COMMAND_OCTETS_MAX: usize = 512 + 1536;
/// Of a line that is too long, before there is no point in looking for its end.
pub const GARBAGE_OCTETS_MAX: usize = 64 * 1024;

const CRLF_OCTETS: usize = 2;

/// A line that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("a line is longer than is allowed")]
    TooLong,
    #[error("a line holds a CR without its LF")]
    BareCr,
    #[error("a line holds an LF without its CR")]
    BareLf,
    #[error("more than {GARBAGE_OCTETS_MAX} octets came without an end of line")]
    Garbage,
}

impl LineError {
    /// Whether nothing that follows can be believed. The reader is not to be used any more then.
    pub fn is_final(self) -> bool {
        self != Self::TooLong
    }
}

/// Holds the beginning of a line until its end has come.
#[derive(Clone, Debug)]
pub struct LineReader {
    octets_max: usize,
    held: Vec<u8>,
    after_cr: bool,
    /// Octets of a line that is too long; none of them is kept.
    skipped: usize,
}

impl LineReader {
    /// For lines of so many octets, their CRLF included.
    pub fn new(octets_max: usize) -> Self {
        Self { octets_max, held: Vec::new(), after_cr: false, skipped: 0 }
    }

    /// The next line without its CRLF, if all of it has come. What it is made of is taken from the front of `input`, and
    /// nothing behind it; without a whole line all of `input` is taken.
    pub fn pull(&mut self, input: &mut &[u8]) -> Option<Result<Vec<u8>, LineError>> {
        loop {
            if self.after_cr {
                let (&byte, rest) = input.split_first()?;
                if byte != b'\n' {
                    return Some(Err(LineError::BareCr));
                }
                *input = rest;
                return Some(self.end());
            }
            let end = memchr2(b'\r', b'\n', input).unwrap_or(input.len());
            let (text, rest) = input.split_at(end);
            *input = rest.get(1..).unwrap_or_default();
            if let Err(error) = self.hold(text) {
                return Some(Err(error));
            }
            match rest.first()? {
                b'\n' => return Some(Err(LineError::BareLf)),
                _ => self.after_cr = true,
            }
        }
    }

    fn hold(&mut self, text: &[u8]) -> Result<(), LineError> {
        if self.skipped == 0 && self.held.len() + text.len() + CRLF_OCTETS <= self.octets_max {
            self.held.extend_from_slice(text);
            return Ok(());
        }
        self.skipped += self.held.len() + text.len();
        self.held.clear();
        if self.skipped > GARBAGE_OCTETS_MAX { Err(LineError::Garbage) } else { Ok(()) }
    }

    fn end(&mut self) -> Result<Vec<u8>, LineError> {
        self.after_cr = false;
        if std::mem::take(&mut self.skipped) > 0 {
            return Err(LineError::TooLong);
        }
        Ok(std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Lines = Vec<Result<Vec<u8>, LineError>>;

    /// Everything that the pieces hold, up to the first error that is final.
    fn lines<'a>(octets_max: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Lines {
        let mut reader = LineReader::new(octets_max);
        let mut lines = Lines::new();
        for mut piece in pieces {
            while let Some(line) = reader.pull(&mut piece) {
                lines.push(line);
                if line_is_final(lines.last()) {
                    return lines;
                }
            }
            assert!(piece.is_empty() && reader.held.len() <= octets_max);
        }
        lines
    }

    fn line_is_final(line: Option<&Result<Vec<u8>, LineError>>) -> bool {
        matches!(line, Some(Err(error)) if error.is_final())
    }

    #[test]
    fn only_crlf_ends_a_line() {
        use LineError::{BareCr, BareLf, TooLong};
        for (input, expected) in [
            ("QUIT\r\n", vec![Ok("QUIT")]),
            ("\r\n", vec![Ok("")]),
            ("A\r\nB\r\nC", vec![Ok("A"), Ok("B")]),
            ("A\nB\r\n", vec![Err(BareLf)]),
            ("A\r\nB\rC\r\n", vec![Ok("A"), Err(BareCr)]),
            ("A\r\r\n", vec![Err(BareCr)]),
            ("12345678\r\n", vec![Ok("12345678")]),
            ("123456789\r\nA\r\n", vec![Err(TooLong), Ok("A")]),
            ("123456789\n", vec![Err(BareLf)]),
        ] {
            let expected: Lines =
                expected.into_iter().map(|line| line.map(|text: &str| text.as_bytes().to_vec())).collect();
            assert_eq!(lines(10, [input.as_bytes()]), expected, "{input:?}");
        }
    }

    /// Catches a reader that collects, or waits, for as long as the other side sends.
    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut reader = LineReader::new(512);
        for taken in (0..=GARBAGE_OCTETS_MAX).step_by(1000) {
            let line = reader.pull(&mut &[b'x'; 1000][..]);
            assert!(reader.held.capacity() < 1024);
            if line.is_some() {
                assert_eq!((line, taken), (Some(Err(LineError::Garbage)), 65_000));
                return;
            }
        }
        panic!("it goes on for ever");
    }

    proptest! {
        #[test]
        fn lines_are_the_same_wherever_the_network_cuts(
            text in "[a-c\r\n]{0,40}(\r\n[a-c]{0,12}){0,8}\r\n",
            size in 1..9usize,
        ) {
            let whole = lines(10, [text.as_bytes()]);
            prop_assert_eq!(&whole, &lines(10, text.as_bytes().chunks(size)));
        }
    }
}
