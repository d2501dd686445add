//! Domain names as mail has them (`Domain` in RFC 5321, section 4.1.2; U-labels by RFC 6531, section 3.3).

use super::{AddressError, is_beyond_ascii, punycode, whole};
use std::fmt;
use std::str::FromStr;

/// Of a domain in octets, as it is written and with A-labels (RFC 5321, section 4.5.3.1.2).
pub const OCTETS_MAX: usize = 255;
/// Of a label, of a U-label as an A-label (RFC 1035, section 2.3.4; RFC 5890, section 2.3.2.1).
pub const LABEL_OCTETS_MAX: usize = 63;

/// What an A-label begins with (RFC 5890, section 2.3.2.1).
const A_LABEL_PREFIX: &str = "xn--";
/// Full stops that some software takes for a dot (RFC 3490, section 3.1): a label that holds one is no label.
const OTHER_DOTS: [char; 3] = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// A domain as it was written, such as `example.org`; no dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In lower case, with A-labels: by this one domains are compared and looked up.
    pub fn normal(&self) -> Self {
        let labels: Vec<_> = self
            .0
            .split('.')
            .map(|label| a_label(label).expect("was made once, when this was read"))
            .collect();
        Self(labels.join("."))
    }

    pub(super) fn read(text: &str) -> Result<(Self, &str), AddressError> {
        let is_inside = |letter| letter == '.' || is_label_letter(letter);
        let end = text.find(|letter| !is_inside(letter)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.len() > OCTETS_MAX {
            return Err(AddressError::DomainTooLong);
        }
        let mut normal_octets = 0;
        for label in name.split('.') {
            if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
                return Err(AddressError::Domain);
            }
            let label = a_label(label).ok_or(AddressError::DomainTooLong)?;
            normal_octets += label.len() + 1;
        }
        if normal_octets - 1 > OCTETS_MAX {
            return Err(AddressError::DomainTooLong);
        }
        Ok((Self(name.to_owned()), rest))
    }
}

/// A label in the form in which it is looked up, unless that is too long for one.
fn a_label(label: &str) -> Option<String> {
    let label: String = label.chars().flat_map(char::to_lowercase).collect();
    let label =
        if label.is_ascii() { label } else { format!("{A_LABEL_PREFIX}{}", punycode::encode(&label)?) };
    (label.len() <= LABEL_OCTETS_MAX).then_some(label)
}

fn is_label_letter(letter: char) -> bool {
    let is_shown = is_beyond_ascii(letter) && !letter.is_whitespace() && !OTHER_DOTS.contains(&letter);
    letter.is_ascii_alphanumeric() || letter == '-' || is_shown
}

impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        whole(Self::read(text)?)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
