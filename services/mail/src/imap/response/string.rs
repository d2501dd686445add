//! Strings (RFC 3501, section 4.3): quoted where they can be, else literals.

use super::Writer;
use crate::imap::command::Flag;
use crate::imap::name;

/// Of a string in quotes.
const QUOTED_OCTETS_MAX: usize = 1024;
/// A string may hold no NUL; this is what stands in its place, so that no length changes.
pub(super) const INSTEAD_OF_NUL: u8 = 0x80;

impl Writer {
    pub(super) fn string(&mut self, text: &[u8]) {
        if text.len() > QUOTED_OCTETS_MAX || !text.iter().all(|octet| matches!(octet, b' '..=b'~')) {
            return self.literal(text);
        }
        self.push("\"");
        for &octet in text {
            if matches!(octet, b'"' | b'\\') {
                self.octets.push(b'\\');
            }
            self.octets.push(octet);
        }
        self.push("\"");
    }

    pub(super) fn nstring(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.string(text),
            None => self.push("NIL"),
        }
    }

    pub(super) fn literal(&mut self, text: &[u8]) {
        self.literal_head(text.len() as u64);
        self.raw(text);
    }

    pub(super) fn literal_head(&mut self, octets: u64) {
        self.push(&format!("{{{octets}}}\r\n"));
    }

    /// In a literal.
    pub(super) fn raw(&mut self, octets: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(octets);
        without_nul(&mut self.octets[start..]);
    }

    /// The name of a mailbox, given in UTF-8.
    pub(super) fn mailbox(&mut self, mailbox: &str) {
        self.string(name::encode(mailbox).as_bytes());
    }

    /// `more` is written as it is.
    pub(super) fn flag_list(&mut self, flags: &[Flag], more: Option<&str>) {
        self.push("(");
        let words = flags.iter().map(word).chain(more);
        for (at, word) in words.enumerate() {
            self.push(if at == 0 { "" } else { " " });
            self.push(word);
        }
        self.push(")");
    }
}

/// For octets that are sent as a literal without a [`Writer`].
pub fn without_nul(octets: &mut [u8]) {
    if memchr::memchr(0, octets).is_some() {
        for octet in octets.iter_mut().filter(|octet| **octet == 0) {
            *octet = INSTEAD_OF_NUL;
        }
    }
}

fn word(flag: &Flag) -> &str {
    match flag {
        Flag::Answered => "\\Answered",
        Flag::Deleted => "\\Deleted",
        Flag::Draft => "\\Draft",
        Flag::Flagged => "\\Flagged",
        Flag::Seen => "\\Seen",
        // An atom: it came as one.
        Flag::Keyword(word) => word,
    }
}
