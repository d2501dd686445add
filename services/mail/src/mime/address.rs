//! Lists of addresses in a header (RFC 5322, section 3.4), as IMAP tells of them (RFC 3501, section 7.4.2).
//!
//! Names and local parts are not decoded. What is no address is still shown: a client that sees nothing thinks that nobody wrote.
//! Entry point: [`list`].

use super::lexer::{Lexer, Token};

/// Of one field, groups' beginnings and ends included. The rest is not told of.
pub const ADDRESSES_MAX: usize = 2000;
/// Of one field that are looked at.
pub const FIELD_OCTETS_MAX: usize = 128 * 1024;
/// In place of a domain that is missing, for an address without one is the beginning of a group.
pub const NO_DOMAIN: &[u8] = b"MISSING_DOMAIN";

/// An address, or the beginning or the end of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub name: Option<Vec<u8>>,
    /// `@a,@b` (obsolete; section 4.4).
    pub route: Option<Vec<u8>>,
    /// The local part, or the name of a group; a group ends with none.
    pub mailbox: Option<Vec<u8>>,
    /// A group has none.
    pub host: Option<Vec<u8>>,
}

/// The addresses of a field's value.
pub fn list(value: &[u8]) -> Vec<Address> {
    let mut reader = Reader::default();
    for token in Lexer::new(&value[..value.len().min(FIELD_OCTETS_MAX)], b"<>@,;:") {
        if reader.addresses.len() >= ADDRESSES_MAX {
            break;
        }
        reader.take(token);
    }
    reader.finish()
}

/// The address that is being read.
#[derive(Debug, Default)]
struct Reader {
    addresses: Vec<Address>,
    /// Words, with a space between two.
    phrase: Vec<u8>,
    /// The same without spaces, for `john . doe`.
    local: Vec<u8>,
    domain: Option<Vec<u8>>,
    comment: Option<Vec<u8>>,
    /// In angles: the name that stood before them.
    angle: Option<Option<Vec<u8>>>,
    route: Option<Vec<u8>>,
    is_angle_closed: bool,
    is_in_group: bool,
}

impl Reader {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Comment(text) => self.comment = Some(text),
            Token::Atom(text) | Token::Literal(text) => self.word(text),
            Token::Quoted(text) => self.word(&text),
            Token::Special(b'<') => self.open(),
            Token::Special(b'>') => self.is_angle_closed = self.angle.is_some(),
            Token::Special(b'@') => self.at(),
            Token::Special(b',') if self.is_in_route() => {}
            Token::Special(b',') => self.end(),
            Token::Special(b':') => self.colon(),
            Token::Special(_) => self.end_group(),
        }
    }

    fn word(&mut self, text: &[u8]) {
        if self.is_angle_closed {
            return;
        }
        if let Some(domain) = &mut self.domain {
            domain.extend_from_slice(text);
            return;
        }
        if !self.phrase.is_empty() {
            self.phrase.push(b' ');
        }
        self.phrase.extend_from_slice(text);
        self.local.extend_from_slice(text);
    }

    fn open(&mut self) {
        if self.angle.is_some() {
            return;
        }
        // `a@b <c@d>`: what looks like an address is a name.
        let mut name = std::mem::take(&mut self.phrase);
        if let Some(domain) = self.domain.take() {
            name.push(b'@');
            name.extend_from_slice(&domain);
        }
        self.local.clear();
        self.angle = Some((!name.is_empty()).then_some(name));
    }

    fn at(&mut self) {
        if self.is_angle_closed {
            return;
        }
        // A second `@` is part of the local part: the last one counts.
        if let Some(domain) = self.domain.take() {
            self.local.push(b'@');
            self.local.extend_from_slice(&domain);
        }
        self.domain = Some(Vec::new());
    }

    fn is_in_route(&self) -> bool {
        self.angle.is_some() && !self.is_angle_closed && self.local.is_empty() && self.domain.is_some()
    }

    fn colon(&mut self) {
        if self.angle.is_some() {
            if let Some(domain) = self.domain.take() {
                let mut route = std::mem::take(&mut self.local);
                route.push(b'@');
                route.extend_from_slice(&domain);
                self.route = Some(route);
            }
        } else if !self.is_in_group && self.domain.is_none() {
            let mailbox = std::mem::take(&mut self.phrase);
            self.clear();
            self.addresses.push(Address { mailbox: Some(mailbox), ..Address::default() });
            self.is_in_group = true;
        }
    }

    fn end_group(&mut self) {
        self.end();
        if std::mem::take(&mut self.is_in_group) {
            self.addresses.push(Address::default());
        }
    }

    fn end(&mut self) {
        let is_nothing = self.angle.is_none() && self.domain.is_none() && self.phrase.is_empty();
        if !is_nothing {
            let host = self.domain.take().filter(|domain| !domain.is_empty());
            // `Name (comment) <a@b>` has a name already.
            let name = match self.angle.take() {
                Some(name) => name.or(self.comment.take()),
                None => self.comment.take(),
            };
            let mailbox = match host {
                Some(_) => std::mem::take(&mut self.local),
                None => std::mem::take(&mut self.phrase),
            };
            self.addresses.push(Address {
                name: name.filter(|name| !name.is_empty()),
                route: self.route.take(),
                mailbox: Some(mailbox),
                host: Some(host.unwrap_or_else(|| NO_DOMAIN.to_vec())),
            });
        }
        self.clear();
    }

    fn clear(&mut self) {
        let addresses = std::mem::take(&mut self.addresses);
        *self = Self { addresses, is_in_group: self.is_in_group, ..Self::default() };
    }

    fn finish(mut self) -> Vec<Address> {
        self.end_group();
        self.addresses
    }
}

#[cfg(test)]
mod tests;
