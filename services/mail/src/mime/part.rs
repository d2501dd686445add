//! The tree of parts of a message (RFC 2046), with the octets of each.
//!
//! A part's body ends before the line end that belongs to the boundary behind it. A boundary is a whole line: another
//! one that begins in the same way is no boundary. Entry point: [`Part::of`].

use super::content::{Content, Unsaid};
use super::envelope::Envelope;
use super::header;
use memchr::memchr_iter;
use memchr::memmem::Finder;
use std::ops::Range;

/// Of parts inside of parts. What is deeper is plain octets.
pub const DEPTH_MAX: usize = 32;
/// Of one message in all. What comes behind them belongs to no part.
pub const PARTS_MAX: usize = 1000;
/// Of a boundary (RFC 2046, section 5.1.1, allows 70).
const BOUNDARY_OCTETS_MAX: usize = 256;

/// A message, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub content: Content,
    /// Its octets in the message, the empty line behind it included.
    pub header: Range<usize>,
    pub body: Range<usize>,
    /// LFs in its body.
    pub lines: usize,
    pub kind: Kind,
}

/// What is in a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Single,
    /// At least one.
    Multipart(Vec<Part>),
    /// `message/rfc822`: the message that is its body.
    Message {
        envelope: Box<Envelope>,
        message: Box<Part>,
    },
}

impl Part {
    /// Of a message.
    pub fn of(octets: &[u8]) -> Self {
        Reader { octets, parts_left: PARTS_MAX }.part(0..octets.len(), Unsaid::Text, 0)
    }

    /// Header and body.
    pub fn whole(&self) -> Range<usize> {
        self.header.start..self.body.end
    }
}

/// Holds what limits the tree as a whole.
struct Reader<'a> {
    octets: &'a [u8],
    parts_left: usize,
}

impl Reader<'_> {
    /// Goes down as deep as [`DEPTH_MAX`] allows.
    fn part(&mut self, place: Range<usize>, unsaid: Unsaid, depth: usize) -> Part {
        self.parts_left = self.parts_left.saturating_sub(1);
        let header_end = place.start + header::end(&self.octets[place.clone()]);
        let header = place.start..header_end;
        let body = header_end..place.end;
        let mut content = Content::of(&self.octets[header.clone()], unsaid);
        let kind = self.kind(&mut content, &body, depth);
        let lines = memchr_iter(b'\n', &self.octets[body.clone()]).count();
        Part { content, header, body, lines, kind }
    }

    fn kind(&mut self, content: &mut Content, body: &Range<usize>, depth: usize) -> Kind {
        let is_multipart = content.is_kind("multipart");
        if !is_multipart && !content.is("message", "rfc822") {
            return Kind::Single;
        }
        if depth == DEPTH_MAX || self.parts_left == 0 || !(is_multipart || content.is_plain()) {
            content.become_octets();
            return Kind::Single;
        }
        if !is_multipart {
            let message = self.part(body.clone(), Unsaid::Text, depth + 1);
            let envelope = Envelope::of(&self.octets[message.header.clone()]);
            return Kind::Message { envelope: Box::new(envelope), message: Box::new(message) };
        }
        let unsaid = if content.is("multipart", "digest") { Unsaid::Message } else { Unsaid::Text };
        let parts: Vec<Part> = self
            .places(content.parameter("boundary").unwrap_or_default(), body)
            .into_iter()
            .map_while(|place| (self.parts_left > 0).then(|| self.part(place, unsaid, depth + 1)))
            .collect();
        if parts.is_empty() {
            content.become_text();
            return Kind::Single;
        }
        Kind::Multipart(parts)
    }

    /// What stands between the boundaries.
    fn places(&self, boundary: &[u8], body: &Range<usize>) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        if boundary.is_empty() || boundary.len() > BOUNDARY_OCTETS_MAX {
            return places;
        }
        let mut start = None;
        for delimiter in Delimiters::new(&self.octets[body.clone()], boundary) {
            if let Some(start) = start {
                places.push(start..(body.start + delimiter.place.start).max(start));
            }
            start = Some(body.start + delimiter.place.end);
            if delimiter.is_last || places.len() == self.parts_left {
                return places;
            }
        }
        // Nobody closed the last one.
        places.extend(start.map(|start| start..body.end));
        places
    }
}

struct Delimiter {
    /// From the line end before it to the one behind it.
    place: Range<usize>,
    is_last: bool,
}

/// The lines of a body that are a boundary.
struct Delimiters<'a> {
    octets: &'a [u8],
    finder: Finder<'static>,
    at: usize,
}

impl<'a> Delimiters<'a> {
    fn new(octets: &'a [u8], boundary: &[u8]) -> Self {
        let finder = Finder::new(&[b"--", boundary].concat()).into_owned();
        Self { octets, finder, at: 0 }
    }

    /// The line that is a boundary if it begins at `start`.
    fn line(&self, start: usize) -> Option<Delimiter> {
        let before = match self.octets[..start].strip_suffix(b"\n") {
            Some(before) => before.strip_suffix(b"\r").unwrap_or(before).len(),
            None if start == 0 => 0,
            None => return None,
        };
        let rest = &self.octets[start + self.finder.needle().len()..];
        let (rest, is_last) = match rest.strip_prefix(b"--") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let padding = rest.iter().take_while(|octet| matches!(octet, b' ' | b'\t' | b'\r')).count();
        let end = self.octets.len() - rest.len() + padding;
        match rest.get(padding) {
            Some(b'\n') => Some(Delimiter { place: before..end + 1, is_last }),
            Some(_) => None,
            None => Some(Delimiter { place: before..end, is_last }),
        }
    }
}

impl Iterator for Delimiters<'_> {
    type Item = Delimiter;

    fn next(&mut self) -> Option<Delimiter> {
        loop {
            let start = self.at + self.finder.find(self.octets.get(self.at..)?)?;
            match self.line(start) {
                Some(line) => {
                    // The line end behind this one may be the one before the next.
                    self.at = line.place.end;
                    return Some(line);
                }
                None => self.at = start + 1,
            }
        }
    }
}

#[cfg(test)]
mod tests;
