//! A header field that a filter adds.

use std::fmt;

/// Of a line with name, colon and value (RFC 5322, section 2.1.1), without CRLF.
const LINE_OCTETS_MAX: usize = 998;

/// One line of printable ASCII: nothing can be injected by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedField {
    name: String,
    value: String,
}

/// It cannot be a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("the name of a field is printable ASCII without spaces and colons")]
    Name,
    #[error("the value of a field is one line of printable ASCII")]
    Value,
    #[error("a field has at most {LINE_OCTETS_MAX} octets")]
    TooLong,
}

impl AddedField {
    pub fn new(name: &str, value: &str) -> Result<Self, FieldError> {
        if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':') {
            return Err(FieldError::Name);
        }
        if !value.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ') {
            return Err(FieldError::Value);
        }
        if name.len() + ": ".len() + value.len() > LINE_OCTETS_MAX {
            return Err(FieldError::TooLong);
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for AddedField {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}\r\n", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a filter's words that become fields, or a body, of their own.
    #[test]
    fn a_field_is_one_line() {
        assert_eq!(
            AddedField::new("X-Spam", "Yes, score=7").unwrap().to_string(),
            "X-Spam: Yes, score=7\r\n"
        );
        for value in ["a\r\nX: y", "a\n", "\0", "\u{fc}", "\t"] {
            assert_eq!(AddedField::new("X-Spam", value), Err(FieldError::Value), "{value:?}");
        }
        for name in ["", "X Y", "X:", "X\r", "\u{fc}"] {
            assert_eq!(AddedField::new(name, "x"), Err(FieldError::Name), "{name:?}");
        }
        assert!(AddedField::new("X", &"x".repeat(995)).is_ok());
        assert_eq!(AddedField::new("X", &"x".repeat(996)), Err(FieldError::TooLong));
    }
}
