//! Reads what imap-codec has no grammar for, from left to right. Nothing is taken where something does not fit.

use super::types::Tag;
use crate::imap::pattern::PATTERN_OCTETS_MAX;
use std::borrow::Cow;

#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, octets: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(octets.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, is_fine: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|octet| is_fine(**octet)).count();
        self.take(length)
    }

    pub(super) fn octet(&mut self, octet: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[octet])?;
        Some(())
    }

    pub(super) fn space(&mut self) -> Option<()> {
        self.octet(b' ')
    }

    /// The CRLF, and nothing behind it.
    pub(super) fn end(&mut self) -> Option<()> {
        (self.rest == b"\r\n").then(|| self.rest = &[])
    }

    pub(super) fn tag(&mut self) -> Option<Tag> {
        let mut ahead = self.clone();
        let tag = Tag::new(ahead.take_while(|octet| octet.is_ascii_graphic()))?;
        *self = ahead;
        Some(tag)
    }

    /// Up to a space or the end; not text at all is no verb.
    pub(super) fn verb(&mut self) -> &'a str {
        std::str::from_utf8(self.take_while(|octet| octet.is_ascii_graphic())).unwrap_or_default()
    }

    /// In upper case.
    pub(super) fn atom(&mut self) -> Option<String> {
        let atom = self.take_while(|octet| is_atom(octet) && octet != b']');
        (!atom.is_empty()).then(|| String::from_utf8_lossy(atom).to_ascii_uppercase())
    }

    /// Each of them with a space before it.
    pub(super) fn words(&mut self, words: &[&str]) -> Option<()> {
        let mut ahead = self.clone();
        for word in words {
            ahead.space()?;
            (ahead.atom()? == *word).then_some(())?;
        }
        *self = ahead;
        Some(())
    }

    pub(super) fn is_words(&self, words: &[&str]) -> bool {
        self.clone().words(words).is_some()
    }

    /// What `read` reads, in parentheses and with spaces between.
    pub(super) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        self.octet(b'(')?;
        while self.octet(b')').is_none() {
            if !all.is_empty() {
                self.space()?;
            }
            all.push(read(self)?);
        }
        Some(all)
    }

    pub(super) fn astring(&mut self) -> Option<Cow<'a, [u8]>> {
        self.string_or(is_atom)
    }

    /// `list-mailbox` (RFC 3501, section 9).
    pub(super) fn pattern(&mut self) -> Option<Cow<'a, [u8]>> {
        let pattern = self.string_or(|octet| is_atom(octet) || matches!(octet, b'*' | b'%'))?;
        (pattern.len() <= PATTERN_OCTETS_MAX).then_some(pattern)
    }

    fn string_or(&mut self, is_letter: impl Fn(u8) -> bool) -> Option<Cow<'a, [u8]>> {
        match self.rest.first()? {
            b'"' => self.quoted().map(Cow::Owned),
            b'{' => self.literal().map(Cow::Borrowed),
            _ => {
                let word = self.take_while(is_letter);
                (!word.is_empty()).then_some(Cow::Borrowed(word))
            }
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        self.octet(b'"')?;
        loop {
            match *self.take(1).first()? {
                b'"' => return Some(text),
                b'\\' => text.push(*self.take(1).first().filter(|octet| b"\"\\".contains(octet))?),
                b'\r' | b'\n' | 0 => return None,
                octet => text.push(octet),
            }
        }
    }

    /// Its octets are all here: [`crate::imap::reader`] saw to that.
    fn literal(&mut self) -> Option<&'a [u8]> {
        self.octet(b'{')?;
        let digits = std::str::from_utf8(self.take_while(|octet| octet.is_ascii_digit())).ok()?;
        let octets: usize = digits.parse().ok()?;
        let _ = self.octet(b'+');
        for octet in *b"}\r\n" {
            self.octet(octet)?;
        }
        let text = self.take(octets);
        (text.len() == octets && !text.contains(&0)).then_some(text)
    }
}

/// `ASTRING-CHAR` (RFC 3501, section 9).
fn is_atom(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"(){%*\"\\".contains(&octet)
}
