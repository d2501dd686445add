//! Which octets a section of a message means (RFC 3501, section 6.4.5): `BODY[1.2.HEADER.FIELDS (SUBJECT)]`.
//!
//! Entry point: [`Section::find`].

use super::header::{self, Fields};
use super::part::{Kind, Part};
use std::ops::Range;

/// A part, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// `1.2`; none of them is the message itself.
    pub path: Vec<u32>,
    pub what: What,
}

/// What of a part is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The body of a part; the whole of the message itself.
    Whole,
    /// The header of a message.
    Header,
    /// Those of its fields that have one of these names, or that have none of them.
    Fields { names: Vec<Vec<u8>>, is_not: bool },
    /// The body of a message.
    Text,
    /// The header of a part.
    Mime,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// In the message.
    Place(Range<usize>),
    /// Gathered from its fields.
    Octets(Vec<u8>),
}

impl Found {
    pub fn octets<'a>(&'a self, message: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Place(place) => message.get(place.clone()).unwrap_or_default(),
            Self::Octets(octets) => octets,
        }
    }
}

impl Section {
    /// Whether the header of the message is enough to find it.
    pub fn is_in_header(&self) -> bool {
        self.path.is_empty() && matches!(self.what, What::Header | What::Fields { .. })
    }

    /// Finds it in a header whose end is known, without the message behind it.
    pub fn find_in_header(&self, header: &[u8]) -> Option<Found> {
        let end = header::end(header);
        match &self.what {
            _ if !self.path.is_empty() => None,
            What::Header => Some(Found::Place(0..end)),
            What::Fields { names, is_not } => Some(Found::Octets(fields(&header[..end], names, *is_not))),
            _ => None,
        }
    }

    /// Nothing, where the message has no such part or the part no such thing.
    pub fn find(&self, root: &Part, message: &[u8]) -> Option<Found> {
        let (part, inner) = match self.path.split_first() {
            None => (root, Some(root)),
            Some((first, rest)) => {
                let part =
                    rest.iter().try_fold(in_message(root, *first)?, |part, number| below(part, *number))?;
                (part, inner(part))
            }
        };
        let place = match &self.what {
            What::Whole if self.path.is_empty() => root.whole(),
            What::Whole => part.body.clone(),
            What::Mime if self.path.is_empty() => return None,
            What::Mime => part.header.clone(),
            What::Header => inner?.header.clone(),
            What::Text => inner?.body.clone(),
            What::Fields { names, is_not } => {
                let header = message.get(inner?.header.clone())?;
                return Some(Found::Octets(fields(header, names, *is_not)));
            }
        };
        Some(Found::Place(place))
    }
}

/// Part `number` of a message: without parts, the first one is the body of the message.
fn in_message(message: &Part, number: u32) -> Option<&Part> {
    match &message.kind {
        Kind::Multipart(parts) => nth(parts, number),
        _ if number == 1 => Some(message),
        _ => None,
    }
}

fn below(part: &Part, number: u32) -> Option<&Part> {
    match &part.kind {
        Kind::Single => None,
        Kind::Multipart(parts) => nth(parts, number),
        Kind::Message { message, .. } => in_message(message, number),
    }
}

fn inner(part: &Part) -> Option<&Part> {
    match &part.kind {
        Kind::Message { message, .. } => Some(message),
        _ => None,
    }
}

fn nth(parts: &[Part], number: u32) -> Option<&Part> {
    parts.get(usize::try_from(number.checked_sub(1)?).ok()?)
}

/// The empty line always stands behind them.
fn fields(header: &[u8], names: &[Vec<u8>], is_not: bool) -> Vec<u8> {
    let mut octets = Vec::new();
    for field in Fields::of(header) {
        if names.iter().any(|name| field.is(name)) != is_not {
            octets.extend_from_slice(&header[field.place]);
        }
    }
    if !octets.is_empty() && !octets.ends_with(b"\n") {
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b"\r\n");
    octets
}

#[cfg(test)]
mod tests;
