//! What follows BDAT: chunks of a told length (RFC 3030, section 2), nothing in them stuffed or ended by a dot.
//!
//! BINARYMIME is not offered, so chunks together are lines of text: a CR or LF alone is refused as behind DATA, for the
//! message goes on from here with dots. A last line without its CRLF gets one. Entry points: [`Chunks::begin`],
//! [`Chunks::take`], [`Chunks::finish`].

use super::tally::Tally;
use super::{Fault, Limits};
use memchr::memchr2;

/// One message, in any number of chunks.
#[derive(Clone, Debug)]
pub struct Chunks {
    tally: Tally,
    after_cr: bool,
    /// Octets of this chunk that have not come yet.
    left: u64,
}

impl Chunks {
    pub fn new(limits: Limits) -> Self {
        Self { tally: Tally::new(limits), after_cr: false, left: 0 }
    }

    /// The next chunk has so many octets. One before it that was not taken whole is cut off.
    pub fn begin(&mut self, octets: u64) {
        self.left = octets;
    }

    /// Takes what belongs to the chunk from the front of `input`, appends its content to `out`, and tells whether all of
    /// the chunk has come.
    pub fn take(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> bool {
        let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
        let (chunk, rest) = input.split_at(here);
        self.left -= here as u64;
        *input = rest;
        self.text(chunk, out);
        self.left == 0
    }

    /// Why the message will be refused, as soon as that is known.
    pub fn fault(&self) -> Option<Fault> {
        self.tally.fault()
    }

    /// Behind the last chunk: the octets of the content, or why it is refused.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<u64, Fault> {
        if self.after_cr {
            self.tally.fail(Fault::BareCr);
        }
        if self.tally.is_inside_line() {
            self.tally.line_end(out);
        }
        self.tally.result()
    }

    fn text(&mut self, mut rest: &[u8], out: &mut Vec<u8>) {
        while let Some(&first) = rest.first() {
            if self.after_cr {
                self.after_cr = false;
                if first == b'\n' {
                    self.tally.line_end(out);
                    rest = &rest[1..];
                    continue;
                }
                self.tally.fail(Fault::BareCr);
            }
            let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            self.tally.text(&rest[..end], out);
            match rest.get(end) {
                Some(b'\r') => self.after_cr = true,
                Some(_) => self.tally.fail(Fault::BareLf),
                None => {}
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::LongLines;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { octets_max: 40, long_lines: LongLines::Refuse };

    /// The message, its chunks cut by the network into pieces of `size`.
    fn read(chunks: &[&[u8]], size: usize) -> (Result<u64, Fault>, Vec<u8>) {
        let (mut state, mut out) = (Chunks::new(LIMITS), Vec::new());
        for chunk in chunks {
            state.begin(chunk.len() as u64);
            let mut is_whole = chunk.is_empty();
            for mut piece in chunk.chunks(size) {
                assert!(!is_whole);
                is_whole = state.take(&mut piece, &mut out);
                assert!(piece.is_empty());
            }
            assert!(is_whole);
        }
        (state.finish(&mut out), out)
    }

    #[test]
    fn chunks_are_text_and_nothing_in_them_is_a_command() {
        for (chunks, expected) in [
            (vec!["a\r\n.\r\n", "QUIT\r\n"], Ok("a\r\n.\r\nQUIT\r\n")),
            (vec!["a\r", "\nb"], Ok("a\r\nb\r\n")),
            (vec![""], Ok("")),
            (vec!["a\r", "b\r\n"], Err(Fault::BareCr)),
            (vec!["a\r"], Err(Fault::BareCr)),
            (vec!["a\n.\r\n"], Err(Fault::BareLf)),
            (vec!["\n"], Err(Fault::BareLf)),
            (vec!["123456789012345678901234567890", "1234567890\r\n"], Err(Fault::TooBig)),
            (
                vec!["123456789012345678901234567890", "12345678\r\n"],
                Ok("12345678901234567890123456789012345678\r\n"),
            ),
        ] {
            let chunks: Vec<&[u8]> = chunks.iter().map(|chunk: &&str| chunk.as_bytes()).collect();
            let (result, out) = read(&chunks, 1000);
            match expected {
                Ok(text) => assert_eq!((result, out.as_slice()), (Ok(text.len() as u64), text.as_bytes())),
                Err(fault) => assert_eq!(result, Err(fault), "{chunks:?}"),
            }
        }
    }

    #[test]
    fn what_is_behind_a_chunk_stays() {
        let mut chunks = Chunks::new(LIMITS);
        let (mut input, mut out) = (&b"abRSET\r\n"[..], Vec::new());
        chunks.begin(2);
        assert!(chunks.take(&mut input, &mut out));
        assert_eq!((input, out.as_slice()), (&b"RSET\r\n"[..], &b"ab"[..]));
    }

    proptest! {
        #[test]
        fn a_message_is_the_same_wherever_the_network_cuts(text in "[.a\r\n]{0,60}", size in 1..9usize, cut in 0..60usize) {
            let bytes = text.as_bytes();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(read(&[bytes], 1000), read(&[first, second], size));
        }
    }
}
