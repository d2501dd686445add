//! What the end and the beginning of a line say before the command is whole.

use crate::imap::command::Tag;
use memchr::memchr;

/// `{12}` or `{12+}` at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) octets: u64,
    /// Whether the client wants a `+` first.
    pub(super) is_waiting: bool,
}

/// Of digits in one; more are no number that we know.
const DIGITS_MAX: usize = 19;

pub(super) fn literal_at_end(line: &[u8]) -> Option<Literal> {
    let text = line.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let (text, is_waiting) = match text.strip_suffix(b"+") {
        Some(text) => (text, false),
        None => (text, true),
    };
    let digits = text.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
    let (before, digits) = text.split_at(text.len() - digits);
    if !before.ends_with(b"{") || digits.is_empty() {
        return None;
    }
    let number = std::str::from_utf8(digits).ok().filter(|digits| digits.len() <= DIGITS_MAX);
    Some(Literal { octets: number.and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX), is_waiting })
}

/// Of the command that a text begins with.
pub(super) fn tag_of(text: &[u8]) -> Option<Tag> {
    Tag::new(&text[..memchr(b' ', text)?])
}

/// Whether the command is APPEND, whose literal is a message.
pub(super) fn is_append(text: &[u8]) -> bool {
    let verb = memchr(b' ', text).and_then(|space| text.get(space + 1..space + 8));
    verb.is_some_and(|verb| verb.eq_ignore_ascii_case(b"APPEND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_end_with_a_literal() {
        let literal = |octets, is_waiting| Some(Literal { octets, is_waiting });
        for (line, expected) in [
            ("a LOGIN {3}\r\n", literal(3, true)),
            ("a LOGIN {3+}\r\n", literal(3, false)),
            ("a x {0}\r\n", literal(0, true)),
            ("a x {99999999999999999999999}\r\n", literal(u64::MAX, true)),
            ("a x {}\r\n", None),
            ("a x {+}\r\n", None),
            ("a x {3}", None),
            ("a x {3-}\r\n", None),
            ("a x 3}\r\n", None),
            ("a NOOP\r\n", None),
            ("\r\n", None),
        ] {
            assert_eq!(literal_at_end(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_command_is_known_by_its_beginning() {
        assert!(is_append(b"a append x") && !is_append(b"a APPENDED x") && !is_append(b"APPEND x y"));
        assert_eq!(tag_of(b"a1 x"), Tag::new(b"a1"));
        assert_eq!(tag_of(b"* x"), None);
        assert_eq!(tag_of(b"abc"), None);
    }
}
