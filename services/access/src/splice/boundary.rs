//! Where responses of IMAP begin and end, told from what passes by (RFC 3501, sections 2.2.2 and 4.3).
//!
//! A response is lines with literals between them; only between two responses may somebody else say a word. Costs a search for line ends,
//! and holds at most [`TAIL_OCTETS`]. It is of no use where the connection is compressed (RFC 4978), which no pair of ours offers.

use memchr::memchr;

/// Of the end of a line: `{`, 19 digits, `+}` and CRLF fit.
const TAIL_OCTETS: usize = 24;

/// Of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Boundary {
    /// Of a literal that is still to come.
    literal_left: u64,
    is_between: bool,
    tail: [u8; TAIL_OCTETS],
    tail_octets: usize,
}

impl Default for Boundary {
    fn default() -> Self {
        Self { literal_left: 0, is_between: true, tail: [0; TAIL_OCTETS], tail_octets: 0 }
    }
}

impl Boundary {
    /// Whether the next octet begins a response.
    pub fn is_between(&self) -> bool {
        self.is_between
    }

    /// These octets pass by.
    pub fn pass(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            if self.literal_left > 0 {
                let skipped = rest.len().min(usize::try_from(self.literal_left).unwrap_or(usize::MAX));
                self.literal_left -= skipped as u64;
                rest = &rest[skipped..];
                continue;
            }
            let end = memchr(b'\n', rest);
            let (line, behind) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            self.keep(line);
            rest = behind;
            self.is_between = false;
            if end.is_some() {
                self.end_line();
            }
        }
    }

    /// A line with a literal behind it goes on after it, also behind an empty one.
    fn end_line(&mut self) {
        let literal = literal(&self.tail[..self.tail_octets]);
        self.tail_octets = 0;
        self.literal_left = literal.unwrap_or_default();
        self.is_between = literal.is_none();
    }

    /// The last octets of the line.
    fn keep(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(TAIL_OCTETS)..];
        let stays = self.tail_octets.min(TAIL_OCTETS - piece.len());
        self.tail.copy_within(self.tail_octets - stays..self.tail_octets, 0);
        self.tail[stays..stays + piece.len()].copy_from_slice(piece);
        self.tail_octets = stays + piece.len();
    }
}

/// `{12}` at the end of a line.
fn literal(line: &[u8]) -> Option<u64> {
    let text = line.strip_suffix(b"}\r\n").or(line.strip_suffix(b"}\n"))?;
    let text = text.strip_suffix(b"+").unwrap_or(text);
    let start = text.iter().rposition(|octet| !octet.is_ascii_digit())?;
    let is_literal = text[start] == b'{';
    let digits = std::str::from_utf8(&text[start + 1..]).ok()?;
    digits.parse().ok().filter(|_| is_literal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_between(text: &str) -> bool {
        let mut boundary = Boundary::default();
        boundary.pass(text.as_bytes());
        boundary.is_between()
    }

    /// Catches a front end that says BYE in the middle of a message.
    #[test]
    fn a_response_ends_with_its_last_line() {
        for text in [
            "",
            "* OK x\r\n",
            "* 1 EXISTS\r\na OK x\r\n",
            "* 1 FETCH (BODY[] {5}\r\n\r\n\r\nx)\r\n",
            "* 1 FETCH (BODY[] {0}\r\n)\r\n",
            "* 1 FETCH (BINARY[1] ~{3}\r\n\r\n\0)\r\n",
            "* x {a}\r\n",
            "* x {}\r\n",
            "* x 12}\r\n",
        ] {
            assert!(is_between(text), "{text:?}");
        }
        for text in [
            "*",
            "* OK x\r",
            "* OK x\r\n* ",
            "* 1 FETCH (BODY[] {5}\r\n",
            "* 1 FETCH (BODY[] {5}\r\n\r\n",
            "* 1 FETCH (BODY[] {5}\r\n\r\n\r\nx",
            "* 1 FETCH (BODY[] {5}\r\n\r\n\r\nx)",
            "* 1 FETCH (BODY[] {0}\r\n",
            "* 1 FETCH (BODY[] {9999999999999999999}\r\n\r\n\r\n",
        ] {
            assert!(!is_between(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_the_same_wherever_the_network_cuts(
            text in "(\\* [a{}0-9+]{0,30}(\\{[0-9]{1,2}\\})?\r\n[a\r\n]{0,5}){0,5}",
            size in 1_usize..40,
        ) {
            let mut boundary = Boundary::default();
            for piece in text.as_bytes().chunks(size) {
                boundary.pass(piece);
            }
            prop_assert_eq!(boundary.is_between(), is_between(&text));
        }
    }
}
