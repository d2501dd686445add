//! The content of a message between its reception and its delivery: in memory while it is small, else in a file without a name.
//!
//! A [`Spool`] bounds what all messages hold together and says so ([`SpoolError::Full`]) instead of filling a disk. What is here is
//! not durable and need not be: nobody was told 250 yet. A [`Content`] is cheap to clone, can be read by many at once, and is
//! given a new front, such as a Received field, without a copy. Its memory and its file go with the last clone.
//!
//! Entry points: [`Spool::begin`], [`Writer::write`], [`Writer::finish`]; [`Content::reader`], [`Content::all`].

mod reader;
mod spool;

pub use reader::Reader;
pub use spool::{Spool, SpoolConfig, SpoolError, Writer};

use bytes::Bytes;
use spool::Held;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Octets of a message, read only.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Octets(Bytes),
    Spooled(Arc<Held>, Range<u64>),
}

impl Piece {
    fn octets(&self) -> u64 {
        match self {
            Self::Octets(octets) => octets.len() as u64,
            Self::Spooled(_, range) => range.end - range.start,
        }
    }

    /// A part of it.
    fn part(&self, range: Range<u64>) -> Self {
        let inside = |at: u64| usize::try_from(at).expect("no more than the piece has, which is in memory");
        match self {
            Self::Octets(octets) => Self::Octets(octets.slice(inside(range.start)..inside(range.end))),
            Self::Spooled(held, whole) => {
                Self::Spooled(Arc::clone(held), whole.start + range.start..whole.start + range.end)
            }
        }
    }
}

impl Content {
    pub fn octets(&self) -> u64 {
        self.pieces.iter().map(Piece::octets).sum()
    }

    /// With these octets before its own.
    #[must_use]
    pub fn with_front(&self, front: impl Into<Bytes>) -> Self {
        let front = Piece::Octets(front.into());
        Self { pieces: std::iter::once(front).chain(self.pieces.iter().cloned()).collect() }
    }

    /// Without the octets of a range.
    #[must_use]
    pub fn without(&self, range: &Range<u64>) -> Self {
        let (mut pieces, mut start) = (Vec::new(), 0);
        for piece in &self.pieces {
            let end = start + piece.octets();
            let (before, behind) = (range.start.clamp(start, end), range.end.clamp(start, end));
            for part in [start..before, behind.max(before)..end] {
                if part.start < part.end {
                    pieces.push(piece.part(part.start - start..part.end - start));
                }
            }
            start = end;
        }
        Self { pieces }
    }

    /// From its beginning, in pieces of bounded size.
    pub fn reader(&self) -> Reader {
        Reader::new(self.pieces.clone())
    }

    /// No more than so many octets of its beginning.
    pub async fn start(&self, octets_max: usize) -> io::Result<Bytes> {
        let (mut reader, mut start) = (self.reader(), Vec::new());
        while let Some(piece) = reader.next().await? {
            let room = octets_max - start.len();
            if start.is_empty() && self.octets() == piece.len() as u64 && piece.len() <= room {
                return Ok(piece);
            }
            start.extend_from_slice(&piece[..piece.len().min(room)]);
            if start.len() == octets_max {
                break;
            }
        }
        Ok(start.into())
    }

    /// All of it in memory.
    pub async fn all(&self) -> io::Result<Bytes> {
        self.start(usize::MAX).await
    }
}

impl From<Bytes> for Content {
    fn from(octets: Bytes) -> Self {
        Self { pieces: vec![Piece::Octets(octets)] }
    }
}

#[cfg(test)]
mod tests;
