//! Flags of a message: the system's five and keywords (RFC 9051 section 2.3.2). `\Recent` is no flag here: it belongs to a session.

use std::collections::BTreeSet;
use std::fmt;
use thiserror::Error;

/// Keywords of one message.
pub const KEYWORDS_MAX: usize = 64;
/// Octets of one keyword.
pub const KEYWORD_OCTETS_MAX: usize = 128;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags {
    pub seen: bool,
    pub answered: bool,
    pub flagged: bool,
    pub deleted: bool,
    pub draft: bool,
    /// At most [`KEYWORDS_MAX`] are kept; a change that would leave more is refused.
    pub keywords: BTreeSet<Keyword>,
}

/// An atom without a backslash, such as `$Forwarded`. Case does not matter to equality (as in every server with mail in it), but is kept.
#[derive(Clone, Debug)]
pub struct Keyword(String);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeywordError {
    #[error("keyword {0:?} is not an IMAP atom of at most {KEYWORD_OCTETS_MAX} octets")]
    NoAtom(String),
}

/// What STORE says: `FLAGS`, `+FLAGS`, `-FLAGS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagChange {
    Replace(Flags),
    Add(Flags),
    Remove(Flags),
}

impl Keyword {
    pub fn new(text: &str) -> Result<Self, KeywordError> {
        // RFC 9051, `atom`: no controls, space, ( ) { % * " \ ]
        let is_atom = |octet: u8| octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet);
        if text.is_empty() || text.len() > KEYWORD_OCTETS_MAX || !text.bytes().all(is_atom) {
            return Err(KeywordError::NoAtom(text.chars().take(KEYWORD_OCTETS_MAX).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|octet| octet.to_ascii_lowercase())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}

impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for octet in self.folded() {
            state.write_u8(octet);
        }
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FlagChange {
    /// What a message with these flags has afterwards.
    pub fn apply(&self, before: &Flags) -> Flags {
        let mut after = before.clone();
        match self {
            Self::Replace(flags) => after = flags.clone(),
            Self::Add(flags) => {
                after.set(flags, true);
                after.keywords.extend(flags.keywords.iter().cloned());
            }
            Self::Remove(flags) => {
                after.set(flags, false);
                after.keywords.retain(|keyword| !flags.keywords.contains(keyword));
            }
        }
        after
    }
}

impl Flags {
    pub fn seen() -> Self {
        Self { seen: true, ..Self::default() }
    }

    pub fn deleted() -> Self {
        Self { deleted: true, ..Self::default() }
    }

    fn set(&mut self, which: &Self, value: bool) {
        let pairs = [
            (&mut self.seen, which.seen),
            (&mut self.answered, which.answered),
            (&mut self.flagged, which.flagged),
            (&mut self.deleted, which.deleted),
            (&mut self.draft, which.draft),
        ];
        for (flag, is_meant) in pairs {
            if is_meant {
                *flag = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(keywords: &[&str]) -> Flags {
        Flags {
            keywords: keywords.iter().map(|text| Keyword::new(text).unwrap()).collect(),
            ..Flags::default()
        }
    }

    #[test]
    fn changes_touch_what_they_name() {
        let before = Flags { flagged: true, seen: true, ..with(&["$Forwarded", "blue"]) };
        let added = FlagChange::Add(Flags { deleted: true, ..with(&["BLUE", "red"]) }).apply(&before);
        assert_eq!(
            added,
            Flags { deleted: true, flagged: true, seen: true, ..with(&["$Forwarded", "blue", "red"]) }
        );
        let removed = FlagChange::Remove(Flags { seen: true, ..with(&["Blue"]) }).apply(&before);
        assert_eq!(removed, Flags { flagged: true, ..with(&["$forwarded"]) });
        assert_eq!(FlagChange::Replace(Flags::seen()).apply(&before), Flags::seen());
    }

    #[test]
    fn what_is_no_atom_is_no_keyword() {
        for bad in ["", "\\Seen", "a b", "a(", "ü", "a\r", "x\"", &"k".repeat(KEYWORD_OCTETS_MAX + 1)] {
            assert!(Keyword::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Keyword::new("$MDNSent").unwrap().as_str(), "$MDNSent");
    }
}
