//! Fields at the front of a message, one after the other (RFC 5322 section 2.2).

/// One header field with its continuation lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// All of it, to the end of its last line.
    pub whole: &'a [u8],
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// What stands behind it.
    pub rest: &'a [u8],
}

impl Field<'_> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The first field of a header. None where the header ends, or is none.
pub fn first(octets: &[u8]) -> Option<Field<'_>> {
    let mut end = 0;
    loop {
        end += line_length(&octets[end..]);
        match octets.get(end) {
            Some(b' ' | b'\t') => {}
            _ => break,
        }
    }
    let (whole, rest) = octets.split_at(end);
    let colon = memchr::memchr(b':', whole)?;
    let name = whole[..colon].trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then_some(Field { whole, name, value: &whole[colon + 1..], rest })
}

fn line_length(octets: &[u8]) -> usize {
    memchr::memchr(b'\n', octets).map_or(octets.len(), |at| at + 1)
}
