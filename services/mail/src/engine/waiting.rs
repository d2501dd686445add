//! What the client has sent while a question is open.

/// Octets that wait, and how many of them are done with.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    octets: Vec<u8>,
    done: usize,
}

impl Waiting {
    pub(super) fn rest(&self) -> &[u8] {
        &self.octets[self.done..]
    }

    pub(super) fn push(&mut self, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        self.octets.drain(..self.done);
        self.done = 0;
        self.octets.extend_from_slice(octets);
    }

    /// So many more are done with. Their memory goes with the last one.
    pub(super) fn skip(&mut self, octets: usize) {
        self.done += octets;
        if self.done == self.octets.len() {
            *self = Self::default();
        }
    }
}
