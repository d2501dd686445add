//! Reading a content, piece by piece.

use super::Piece;
use bytes::Bytes;
use std::io;
use std::sync::Arc;

/// Of one piece.
const PIECE_OCTETS_MAX: u64 = 64 * 1024;

/// Where one reader stands. Many may read the same content.
#[derive(Debug)]
pub struct Reader {
    /// The next one is the last.
    pieces: Vec<Piece>,
    /// Of the next piece.
    done: u64,
}

impl Reader {
    pub(super) fn new(mut pieces: Vec<Piece>) -> Self {
        pieces.reverse();
        Self { pieces, done: 0 }
    }

    /// The next octets: never empty, and nothing at the end.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while let Some(piece) = self.pieces.last() {
            let end = piece.octets().min(self.done + PIECE_OCTETS_MAX);
            if self.done == end {
                self.pieces.pop();
                self.done = 0;
                continue;
            }
            let octets = read(piece.part(self.done..end)).await?;
            self.done = end;
            return Ok(Some(octets));
        }
        Ok(None)
    }
}

async fn read(part: Piece) -> io::Result<Bytes> {
    match part {
        Piece::Octets(octets) => Ok(octets),
        Piece::Spooled(held, range) => match held.in_memory() {
            Some(octets) => Ok(octets.slice(range.start as usize..range.end as usize)),
            None => {
                let held = Arc::clone(&held);
                tokio::task::spawn_blocking(move || held.read(range)).await.map_err(io::Error::other)?
            }
        },
    }
}
