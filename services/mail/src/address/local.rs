//! What stands before the `@` (`Local-part` in RFC 5321, section 4.1.2; RFC 6531, section 3.3).

use super::{AddressError, is_beyond_ascii, whole};
use std::fmt;
use std::str::FromStr;

/// Of its meaning, without quotes (RFC 5321, section 4.5.3.1.1).
pub const OCTETS_MAX: usize = 64;

/// A local part by its meaning: without quotes and backslashes, which come back when it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(String);

impl LocalPart {
    /// From its meaning, such as `a@b` for `"a@b"`.
    pub fn new(meaning: &str) -> Result<Self, AddressError> {
        if meaning.len() > OCTETS_MAX {
            return Err(AddressError::LocalPartTooLong);
        }
        if !meaning.chars().all(is_quotable) {
            return Err(AddressError::LocalPart);
        }
        Ok(Self(meaning.to_owned()))
    }

    /// Its meaning. To be written into anything, it is formatted instead.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn normal(&self) -> Self {
        Self(self.0.chars().flat_map(char::to_lowercase).collect())
    }

    pub(super) fn read(text: &str) -> Result<(Self, &str), AddressError> {
        if let Some(quoted) = text.strip_prefix('"') {
            return Self::read_quoted(quoted);
        }
        let end = text.find(|letter| !is_atom(letter) && letter != '.').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        if !is_dot_string(word) {
            return Err(AddressError::LocalPart);
        }
        Ok((Self::new(word)?, rest))
    }

    /// Behind the first quote.
    fn read_quoted(text: &str) -> Result<(Self, &str), AddressError> {
        let mut meaning = String::new();
        let mut letters = text.char_indices();
        while let Some((at, letter)) = letters.next() {
            let letter = match letter {
                '"' => return Ok((Self::new(&meaning)?, &text[at + 1..])),
                // A quoted pair is ASCII (`quoted-pairSMTP`).
                '\\' => match letters.next() {
                    Some((_, next)) if next == ' ' || next.is_ascii_graphic() => next,
                    _ => return Err(AddressError::LocalPart),
                },
                letter => letter,
            };
            if meaning.len() >= OCTETS_MAX {
                return Err(AddressError::LocalPartTooLong);
            }
            meaning.push(letter);
        }
        Err(AddressError::LocalPart)
    }
}

impl FromStr for LocalPart {
    type Err = AddressError;

    /// As it stands in an address.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        whole(Self::read(text)?)
    }
}

impl fmt::Display for LocalPart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.0) {
            return out.write_str(&self.0);
        }
        out.write_str("\"")?;
        for letter in self.0.chars() {
            if matches!(letter, '"' | '\\') {
                out.write_str("\\")?;
            }
            write!(out, "{letter}")?;
        }
        out.write_str("\"")
    }
}

/// `Dot-string`: needs no quotes.
fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|word| !word.is_empty() && word.chars().all(is_atom))
}

/// `atext` (RFC 5322, section 3.2.3; RFC 6531, section 3.3).
fn is_atom(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter) || is_beyond_ascii(letter)
}

/// `QcontentSMTP`, as a meaning.
fn is_quotable(letter: char) -> bool {
    letter == ' ' || letter.is_ascii_graphic() || is_beyond_ascii(letter)
}
