//! Writes responses (RFC 3501, section 7).
//!
//! Whatever stands in a mailbox's name, a header or an error: it comes out as the one string that it is, and no line begins where we
//! began none. Entry points: [`Writer`], [`Writer::fetch`].

mod code;
mod data;
mod fetch;
mod string;
mod structure;

pub use code::{Code, Condition};
pub use data::{Attribute, ListRow, ListVerb, Quota};
pub use fetch::Fetch;
pub use string::without_nul;

use super::command::Tag;

/// Of the text behind OK, NO, BAD and BYE.
const TEXT_OCTETS_MAX: usize = 400;

/// Lines that wait to be sent.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.octets)
    }

    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub fn len(&self) -> usize {
        self.octets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The end of a command.
    pub fn tagged(&mut self, tag: &Tag, condition: Condition, code: Option<&Code>, text: &str) {
        self.push(tag.as_str());
        self.condition(condition, code, text);
    }

    /// What belongs to no command.
    pub fn untagged(&mut self, condition: Condition, code: Option<&Code>, text: &str) {
        self.push("*");
        self.condition(condition, code, text);
    }

    /// Asks for more of a command.
    pub fn go_on(&mut self, text: &str) {
        self.push("+ ");
        self.text(text);
        self.end();
    }

    /// Asks for a step of a mechanism; we have nothing to say in any of ours.
    pub fn challenge(&mut self) {
        self.push("+ \r\n");
    }

    fn condition(&mut self, condition: Condition, code: Option<&Code>, text: &str) {
        self.push(" ");
        self.push(condition.as_str());
        self.push(" ");
        if let Some(code) = code {
            code.write(self);
            self.push(" ");
        }
        self.text(text);
        self.end();
    }

    /// Words for people: printable ASCII that is not taken for a code.
    fn text(&mut self, text: &str) {
        let fine = |letter: char| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '?' };
        let start = self.octets.len();
        let letters = text.chars().take(TEXT_OCTETS_MAX).map(fine);
        self.octets.extend(letters.filter_map(|letter| u8::try_from(letter).ok()));
        match self.octets.get_mut(start) {
            Some(first) if *first == b'[' => *first = b'(',
            Some(_) => {}
            None => self.push("-"),
        }
    }

    fn push(&mut self, text: &str) {
        self.octets.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        // Never fails: it is a Vec.
        let _ = std::io::Write::write_fmt(&mut self.octets, format_args!("{number}"));
    }

    fn end(&mut self) {
        self.push("\r\n");
    }
}

#[cfg(test)]
mod tests;
