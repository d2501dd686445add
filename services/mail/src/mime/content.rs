//! What the `Content-` fields say of a part (RFC 2045, RFC 2183, RFC 3282, RFC 2557).
//!
//! Nothing is decoded, parameters in pieces (RFC 2231) included: IMAP hands them on. Entry point: [`Content::of`].

use super::envelope::VALUE_OCTETS_MAX;
use super::header::{Fields, unfolded};
use super::lexer::{Lexer, Token};

/// Of one field; the rest is not told of.
pub const PARAMETERS_MAX: usize = 64;
/// Of `Content-Language`.
pub const LANGUAGES_MAX: usize = 64;

/// Names of parameters and their values.
pub type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// What a part says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `text` of `text/plain`, in the letters of the sender.
    pub kind: Vec<u8>,
    pub subtype: Vec<u8>,
    pub parameters: Parameters,
    pub id: Option<Vec<u8>>,
    pub description: Option<Vec<u8>>,
    /// `7bit` where nothing is said.
    pub encoding: Vec<u8>,
    pub md5: Option<Vec<u8>>,
    pub disposition: Option<Disposition>,
    pub languages: Vec<Vec<u8>>,
    pub location: Option<Vec<u8>>,
}

/// `attachment; filename=a.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    pub kind: Vec<u8>,
    pub parameters: Parameters,
}

/// What a part is that does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsaid {
    Text,
    /// In a `multipart/digest` (RFC 2046, section 5.1.5).
    Message,
}

impl Content {
    /// Of a part's header.
    pub fn of(header: &[u8], unsaid: Unsaid) -> Self {
        let mut content = Self::unsaid(unsaid);
        let mut is_said = false;
        for field in Fields::of(header) {
            let value = &field.value[..field.value.len().min(VALUE_OCTETS_MAX)];
            match field.name.to_ascii_lowercase().as_slice() {
                b"content-type" if !is_said => {
                    is_said = true;
                    content.set_type(value);
                }
                b"content-transfer-encoding" => content.set_encoding(value),
                b"content-id" => set(&mut content.id, value),
                b"content-description" => set(&mut content.description, value),
                b"content-md5" => set(&mut content.md5, value),
                b"content-location" => set(&mut content.location, value),
                b"content-language" if content.languages.is_empty() => content.languages = languages(value),
                b"content-disposition" if content.disposition.is_none() => {
                    content.disposition = disposition(value);
                }
                _ => {}
            }
        }
        content
    }

    /// Plain octets, for what nobody should look into.
    pub(super) fn become_octets(&mut self) {
        self.kind = b"application".to_vec();
        self.subtype = b"octet-stream".to_vec();
    }

    /// Plain text: what a type that makes no sense means (RFC 2045, section 5.2).
    pub(super) fn become_text(&mut self) {
        let Self { kind, subtype, parameters, .. } = Self::unsaid(Unsaid::Text);
        (self.kind, self.subtype, self.parameters) = (kind, subtype, parameters);
    }

    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// The first parameter with a name.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.parameters.iter();
        all.find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value.as_slice())
    }

    /// Whether the octets are what they stand for.
    pub fn is_plain(&self) -> bool {
        ["7bit", "8bit", "binary"].iter().any(|plain| self.encoding.eq_ignore_ascii_case(plain.as_bytes()))
    }

    fn unsaid(unsaid: Unsaid) -> Self {
        let (kind, subtype, parameters): (&[u8], &[u8], Parameters) = match unsaid {
            Unsaid::Text => (b"text", b"plain", vec![(b"charset".to_vec(), b"us-ascii".to_vec())]),
            Unsaid::Message => (b"message", b"rfc822", Vec::new()),
        };
        Self {
            kind: kind.to_vec(),
            subtype: subtype.to_vec(),
            parameters,
            id: None,
            description: None,
            encoding: b"7bit".to_vec(),
            md5: None,
            disposition: None,
            languages: Vec::new(),
            location: None,
        }
    }

    fn set_type(&mut self, value: &[u8]) {
        let mut lexer = Lexer::new(value, b"/;,=");
        let (kind, slash, subtype) = (word(&mut lexer), after_comments(&mut lexer), word(&mut lexer));
        match (kind, slash, subtype) {
            (Some(kind), Some(Token::Special(b'/')), Some(subtype)) => {
                (self.kind, self.subtype) = (kind, subtype);
                self.parameters = parameters(&mut lexer);
            }
            _ => self.become_text(),
        }
    }

    fn set_encoding(&mut self, value: &[u8]) {
        if let Some(encoding) = word(&mut Lexer::new(value, b";")) {
            self.encoding = encoding;
        }
    }
}

fn set(place: &mut Option<Vec<u8>>, value: &[u8]) {
    if place.is_none() {
        *place = Some(unfolded(value, VALUE_OCTETS_MAX).into_owned());
    }
}

fn disposition(value: &[u8]) -> Option<Disposition> {
    let mut lexer = Lexer::new(value, b";");
    let kind = word(&mut lexer)?;
    Some(Disposition { kind, parameters: parameters(&mut lexer) })
}

fn languages(value: &[u8]) -> Vec<Vec<u8>> {
    let tags = Lexer::new(value, b",;").filter_map(|token| match token {
        Token::Atom(tag) => Some(tag.to_vec()),
        _ => None,
    });
    tags.take(LANGUAGES_MAX).collect()
}

fn after_comments<'a>(lexer: &mut Lexer<'a>) -> Option<Token<'a>> {
    lexer.find(|token| !matches!(token, Token::Comment(_)))
}

fn word(lexer: &mut Lexer<'_>) -> Option<Vec<u8>> {
    match after_comments(lexer)? {
        Token::Atom(word) => Some(word.to_vec()),
        Token::Quoted(word) => Some(word),
        _ => None,
    }
}

/// `; name=value` as often as it comes. What is none of that is passed over, up to the next semicolon.
fn parameters(lexer: &mut Lexer<'_>) -> Parameters {
    let mut all = Parameters::new();
    while all.len() < PARAMETERS_MAX && to_semicolon(lexer) {
        let mut ahead = Lexer::new(lexer.rest(), b";=");
        let name = word(&mut ahead);
        let is_given = matches!(after_comments(&mut ahead), Some(Token::Special(b'=')));
        if let (Some(name), true) = (name, is_given) {
            lexer.skip(lexer.rest().len() - ahead.rest().len());
            if let Some(value) = value(lexer) {
                all.push((name, value));
            }
        }
    }
    all
}

fn to_semicolon(lexer: &mut Lexer<'_>) -> bool {
    let mut ahead = Lexer::new(lexer.rest(), b";");
    let is_found = ahead.any(|token| token == Token::Special(b';'));
    lexer.skip(lexer.rest().len() - ahead.rest().len());
    is_found
}

/// Quoted, or up to a space or semicolon: `boundary=a=b` has no quotes in the field, where it should.
fn value(lexer: &mut Lexer<'_>) -> Option<Vec<u8>> {
    lexer.skip_spaces();
    match *lexer.rest().first()? {
        b';' => None,
        b'"' => word(lexer),
        _ => {
            let rest = lexer.rest();
            let is_end = |octet: &u8| *octet == b';' || octet.is_ascii_whitespace();
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            lexer.skip(length);
            Some(rest[..length].iter().copied().filter(|octet| *octet != 0).collect())
        }
    }
}

#[cfg(test)]
mod tests;
