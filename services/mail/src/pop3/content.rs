//! A message on its way to a client: with its dots (RFC 1939, section 3), and not more lines of it than TOP asks for.

/// Where in a line the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    Middle,
    /// Behind a CR.
    Cr,
}

/// One message.
#[derive(Debug)]
pub(super) struct Content {
    at: At,
    /// Whether anything of the line has come, its CR aside.
    is_line_empty: bool,
    is_in_header: bool,
    /// Of the body that are still to come. None: all.
    lines_left: Option<u64>,
    /// Whether the client has heard that it comes.
    pub(super) is_begun: bool,
}

impl Content {
    pub(super) fn new(lines: Option<u64>) -> Self {
        Self { at: At::Start, is_line_empty: true, is_in_header: true, lines_left: lines, is_begun: false }
    }

    /// Nothing more of it is sent.
    pub(super) fn is_enough(&self) -> bool {
        !self.is_in_header && self.lines_left == Some(0) && self.at == At::Start
    }

    /// Every line ends with CRLF, whatever it ends with in the message.
    pub(super) fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for &octet in piece {
            if self.is_enough() {
                return;
            }
            match (self.at, octet) {
                (_, b'\n') => self.end_line(out),
                (At::Cr, b'\r') => {
                    out.push(b'\r');
                    self.is_line_empty = false;
                }
                (_, b'\r') => self.at = At::Cr,
                (at, octet) => {
                    match at {
                        At::Start if octet == b'.' => out.push(b'.'),
                        // It stood alone in the line.
                        At::Cr => out.push(b'\r'),
                        _ => {}
                    }
                    out.push(octet);
                    (self.at, self.is_line_empty) = (At::Middle, false);
                }
            }
        }
    }

    /// The dot at its end, and the end of its last line if it has none.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if self.at != At::Start {
            self.end_line(out);
        }
        out.extend_from_slice(b".\r\n");
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        match (self.is_in_header, &mut self.lines_left) {
            (true, _) => self.is_in_header = !self.is_line_empty,
            (false, Some(left)) => *left = left.saturating_sub(1),
            (false, None) => {}
        }
        (self.at, self.is_line_empty) = (At::Start, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dots::Decoder;
    use crate::data::{Limits, LongLines};
    use proptest::prelude::*;

    fn passed<'a>(lines: Option<u64>, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut content, mut out) = (Content::new(lines), Vec::new());
        pieces.into_iter().for_each(|piece| content.pass(piece, &mut out));
        content.end(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_message_comes_with_its_dots() {
        for (message, lines, expected) in [
            ("A: b\r\n\r\n.\r\n..x\r\n", None, "A: b\r\n\r\n..\r\n...x\r\n.\r\n"),
            ("A: b\n\nx", None, "A: b\r\n\r\nx\r\n.\r\n"),
            ("", None, ".\r\n"),
            (".", None, "..\r\n.\r\n"),
            ("A: b\r\n\r\n1\r\n2\r\n", Some(0), "A: b\r\n\r\n.\r\n"),
            ("A: b\r\n\r\n1\r\n2\r\n", Some(1), "A: b\r\n\r\n1\r\n.\r\n"),
            ("A: b\r\n\r\n1\r\n2\r\n", Some(9), "A: b\r\n\r\n1\r\n2\r\n.\r\n"),
            ("A: b\r\n", Some(0), "A: b\r\n.\r\n"),
            ("a\rb\r\r\n", None, "a\rb\r\r\n.\r\n"),
        ] {
            assert_eq!(passed(lines, [message.as_bytes()]), expected, "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_the_same_wherever_it_is_cut(message in "[.a\r\n]{0,30}", size in 1_usize..5, lines in prop::option::of(0_u64..4)) {
            let whole = passed(lines, [message.as_bytes()]);
            prop_assert_eq!(&whole, &passed(lines, message.as_bytes().chunks(size)));
        }

        #[test]
        fn dots_are_taken_out_again(lines in prop::collection::vec("[.a]{0,3}", 1..6)) {
            let message = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>();
            let sent = passed(None, [message.as_bytes()]);
            let mut decoder = Decoder::new(Limits { octets_max: 1000, long_lines: LongLines::Refuse });
            let (mut rest, mut out) = (sent.as_bytes(), Vec::new());
            prop_assert!(matches!(decoder.decode(&mut rest, &mut out), Some(Ok(_))));
            prop_assert_eq!(String::from_utf8_lossy(&out), message);
            prop_assert!(rest.is_empty());
        }
    }
}
