//! The fields of a header (RFC 5322, section 2.2), where they stand.
//!
//! A line that is no field, such as the `From ` of a mail spool, is passed over. Entry points: [`Fields`], [`end`].

use memchr::memchr;
use std::borrow::Cow;
use std::ops::Range;

/// A field: `name: value`, with the lines that it is folded over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: &'a [u8],
    /// As it is written, line ends inside of it included, the last one not.
    pub value: &'a [u8],
    /// All its octets in the header, line ends included.
    pub place: Range<usize>,
}

impl Field<'_> {
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The fields of a header, in order, up to the empty line or to the end.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub fn of(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// The value of the first field with a name.
    pub fn first(mut self, name: &[u8]) -> Option<&'a [u8]> {
        self.find(|field| field.is(name)).map(|field| field.value)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let start = self.at;
            let first = line(self.octets, start);
            if first.is_empty() || without_end(first).is_empty() {
                return None;
            }
            self.at += first.len();
            while is_folded(self.octets.get(self.at)) {
                self.at += line(self.octets, self.at).len();
            }
            let whole = without_end(&self.octets[start..self.at]);
            if let Some((name, value)) = split(whole, without_end(first)) {
                return Some(Field { name, value, place: start..self.at });
            }
        }
    }
}

/// How many octets the header has, the empty line behind it included.
pub fn end(octets: &[u8]) -> usize {
    let mut at = 0;
    while at < octets.len() {
        let line = line(octets, at);
        at += line.len();
        if without_end(line).is_empty() {
            break;
        }
    }
    at
}

/// A value on one line: line ends fall away (RFC 5322, section 2.2.3), spaces around it and NULs as well. Not more of it is
/// looked at than `octets_max`.
pub fn unfolded(value: &[u8], octets_max: usize) -> Cow<'_, [u8]> {
    let value = value[..value.len().min(octets_max)].trim_ascii();
    let falls_away = |octet: &u8| matches!(octet, b'\r' | b'\n' | 0);
    if !value.iter().any(falls_away) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.iter().copied().filter(|octet| !falls_away(octet)).collect())
}

fn split<'a>(whole: &'a [u8], first: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let colon = memchr(b':', first)?;
    // Spaces before the colon are obsolete (section 4.5), but in use.
    let name = whole[..colon].trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|octet| matches!(octet, 33..=57 | 59..=126));
    is_name.then(|| (name, &whole[colon + 1..]))
}

/// The line that begins at `at`, with its end.
fn line(octets: &[u8], at: usize) -> &[u8] {
    let rest = octets.get(at..).unwrap_or_default();
    memchr(b'\n', rest).map_or(rest, |end| &rest[..=end])
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_folded(first: Option<&u8>) -> bool {
    matches!(first, Some(b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<(String, String)> {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Fields::of(header.as_bytes()).map(|field| (text(field.name), text(field.value))).collect()
    }

    #[test]
    fn fields_are_read_up_to_the_empty_line() {
        for (header, expected) in [
            ("A: 1\r\nB:2\r\n\r\nC: 3\r\n", vec![("A", " 1"), ("B", "2")]),
            ("A: 1\n b\n\nC: 3", vec![("A", " 1\n b")]),
            ("A: 1\r\n\tb\r\n c\r\nD :", vec![("A", " 1\r\n\tb\r\n c"), ("D", "")]),
            ("From me\r\nA: 1\r\n", vec![("A", " 1")]),
            ("no field\r\n more\r\nA: b: c", vec![("A", " b: c")]),
            (": x\r\nA\u{e9}: y\r\n", vec![]),
            ("\r\nA: 1\r\n", vec![]),
            ("", vec![]),
            // A line of spaces is part of the field before it.
            ("A: 1\r\n  \r\nB: 2\r\n", vec![("A", " 1\r\n  "), ("B", " 2")]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(names(header), expected, "{header:?}");
        }
    }

    #[test]
    fn the_empty_line_belongs_to_the_header() {
        for (octets, expected) in
            [("A: 1\r\n\r\nx", 8), ("A: 1\n\nx", 6), ("A: 1\r\n", 6), ("A: 1", 4), ("\r\nx", 2), ("", 0)]
        {
            assert_eq!(end(octets.as_bytes()), expected, "{octets:?}");
        }
    }

    #[test]
    fn a_field_says_where_it_stands() {
        let header = b"A: 1\r\nB: 2\r\n 3\r\n\r\n";
        let places: Vec<_> = Fields::of(header).map(|field| &header[field.place]).collect();
        assert_eq!(places, [&b"A: 1\r\n"[..], b"B: 2\r\n 3\r\n"]);
    }

    #[test]
    fn a_value_is_unfolded_and_cut() {
        assert_eq!(&*unfolded(b" a\r\n b\0 ", 100), b"a b");
        assert_eq!(&*unfolded(b" abc", 3), b"ab");
    }
}
