//! Words of a structured field (RFC 5322, section 3.2), read as kindly as senders are careless.

/// A word, or what stands between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Atom(&'a [u8]),
    /// Without its quotes and backslashes.
    Quoted(Vec<u8>),
    /// `[192.0.2.1]`, brackets included.
    Literal(&'a [u8]),
    /// Without its parentheses; those inside of it stay.
    Comment(Vec<u8>),
    Special(u8),
}

/// Takes a value apart; it ends where the value does, whatever is left open.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    octets: &'a [u8],
    at: usize,
    specials: &'static [u8],
}

impl<'a> Lexer<'a> {
    /// Each of `specials` is a token of its own. Quotes, parentheses and brackets need not be among them.
    pub(super) fn new(octets: &'a [u8], specials: &'static [u8]) -> Self {
        Self { octets, at: 0, specials }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.octets[self.at..]
    }

    pub(super) fn skip(&mut self, octets: usize) {
        self.at = self.octets.len().min(self.at + octets);
    }

    /// To the first octet of the next token.
    pub(super) fn skip_spaces(&mut self) {
        self.at += self.rest().iter().take_while(|octet| is_space(**octet)).count();
    }

    fn atom(&mut self) -> Token<'a> {
        let is_end =
            |octet: &u8| is_space(*octet) || b"\"([".contains(octet) || self.specials.contains(octet);
        let rest = self.rest();
        let length = rest.iter().position(is_end).unwrap_or(rest.len()).max(1);
        self.at += length;
        Token::Atom(&rest[..length])
    }

    fn quoted(&mut self) -> Token<'a> {
        let mut text = Vec::new();
        self.at += 1;
        while let Some(&octet) = self.octets.get(self.at) {
            self.at += 1;
            match octet {
                b'"' => break,
                b'\\' => self.escaped(&mut text),
                _ => push(octet, &mut text),
            }
        }
        Token::Quoted(text)
    }

    fn comment(&mut self) -> Token<'a> {
        let mut text = Vec::new();
        let mut depth = 1_usize;
        self.at += 1;
        while let Some(&octet) = self.octets.get(self.at) {
            self.at += 1;
            match octet {
                b'\\' => {
                    self.escaped(&mut text);
                    continue;
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            push(octet, &mut text);
        }
        Token::Comment(text)
    }

    fn escaped(&mut self, text: &mut Vec<u8>) {
        if let Some(&octet) = self.octets.get(self.at) {
            self.at += 1;
            push(octet, text);
        }
    }

    fn literal(&mut self) -> Token<'a> {
        let rest = self.rest();
        let length = rest.iter().position(|octet| *octet == b']').map_or(rest.len(), |end| end + 1);
        self.at += length;
        Token::Literal(&rest[..length])
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_spaces();
        let token = match *self.rest().first()? {
            b'"' => self.quoted(),
            b'(' => self.comment(),
            b'[' => self.literal(),
            octet if self.specials.contains(&octet) => {
                self.at += 1;
                Token::Special(octet)
            }
            _ => self.atom(),
        };
        Some(token)
    }
}

/// Line ends fall away where a word is folded.
fn push(octet: u8, text: &mut Vec<u8>) {
    if !matches!(octet, b'\r' | b'\n' | 0) {
        text.push(octet);
    }
}

fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | 0)
}
