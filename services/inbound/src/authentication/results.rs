//! What is known of where a message is from, and how the Authentication-Results field says it (RFC 8601).
//!
//! Values of strangers are quoted where they are more than a word or an address of plain letters, so that none of them becomes a
//! result. Pure. Entry point: [`Results::field`].

use mail::address::Domain;
use std::fmt::{self, Write};

/// Of a reason, which is for people.
const REASON_LETTERS_MAX: usize = 100;
/// Of a value, which may be a stranger's: an address has 254 octets at most.
const VALUE_LETTERS_MAX: usize = 256;

/// RFC 8601, section 2.7; which of them a method may have is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nobody says anything.
    #[default]
    None,
    Pass,
    Fail,
    SoftFail,
    Neutral,
    /// Nobody could tell now.
    TempError,
    /// What is said makes no sense.
    PermError,
}

/// Whether the client may send in the name of the envelope's sender (RFC 7208).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spf {
    pub outcome: Outcome,
    pub identity: Identity,
}

/// Whose rules were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The sender's, without brackets.
    MailFrom(String),
    /// The client's name: a report has no sender.
    Helo(String),
}

/// One signature (RFC 6376).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dkim {
    pub outcome: Outcome,
    pub domain: String,
    pub selector: String,
    pub algorithm: &'static str,
    pub reason: Option<String>,
}

/// Whether the author's domain vouches for the message (RFC 7489).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dmarc {
    pub outcome: Outcome,
    /// The author's domain, if there is one.
    pub from: Option<String>,
    pub policy: Policy,
}

/// What the author's domain asks for where nothing vouches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    #[default]
    None,
    Quarantine,
    Reject,
}

/// Whether those who passed the message on vouch for what they saw (RFC 8617).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arc {
    pub outcome: Outcome,
    /// The domain of the last seal.
    pub sealer: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    pub spf: Spf,
    pub dkim: Vec<Dkim>,
    pub dmarc: Dmarc,
    pub arc: Arc,
}

impl Default for Identity {
    fn default() -> Self {
        Self::MailFrom(String::new())
    }
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

impl Policy {
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl Results {
    /// With its line ends; `name` is our authserv-id.
    pub fn field(&self, name: &Domain) -> String {
        let mut field = format!("Authentication-Results: {name}");
        let mut result =
            |method: &str, outcome: Outcome, reason: Option<&str>, properties: &[(&str, &str)]| {
                // Writing into a String does not fail.
                let _ = write!(field, ";\r\n\t{method}={outcome}");
                if let Some(reason) = reason {
                    let letters: String =
                        reason.chars().filter(char::is_ascii).take(REASON_LETTERS_MAX).collect();
                    let _ = write!(field, " reason={}", quoted(&letters));
                }
                for (property, value) in properties.iter().filter(|(_, value)| !value.is_empty()) {
                    let _ = write!(field, "\r\n\t\t{property}={}", shown(value));
                }
            };
        let identity = match &self.spf.identity {
            Identity::MailFrom(address) => ("smtp.mailfrom", address.as_str()),
            Identity::Helo(name) => ("smtp.helo", name.as_str()),
        };
        result("spf", self.spf.outcome, None, &[identity]);
        if self.dkim.is_empty() {
            result("dkim", Outcome::None, None, &[]);
        }
        for Dkim { outcome, domain, selector, algorithm, reason } in &self.dkim {
            let properties = [("header.d", domain.as_str()), ("header.s", selector), ("header.a", algorithm)];
            result("dkim", *outcome, reason.as_deref(), &properties);
        }
        let from = self.dmarc.from.as_deref().unwrap_or_default();
        let policy = if self.dmarc.outcome == Outcome::None { "" } else { self.dmarc.policy.word() };
        result("dmarc", self.dmarc.outcome, None, &[("header.from", from), ("policy.dmarc", policy)]);
        let sealed = self.arc.sealer.as_ref().map(|sealer| format!("sealed by {sealer}"));
        result("arc", self.arc.outcome, sealed.as_deref(), &[]);
        field.push_str("\r\n");
        field
    }
}

/// A word, or an address of plain words, as it is; else quoted (`pvalue` in RFC 8601, section 2.2).
fn shown(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._+@".contains(letter);
    let value: String = value.chars().take(VALUE_LETTERS_MAX).collect();
    let is_address = value.matches('@').count() <= 1 && value.chars().all(is_plain);
    if is_address { value } else { quoted(&value) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let dkim = |outcome, reason: Option<&str>| Dkim {
            outcome,
            domain: "b.org".to_owned(),
            selector: "s1".to_owned(),
            algorithm: "rsa-sha256",
            reason: reason.map(str::to_owned),
        };
        Results {
            spf: Spf { outcome: Outcome::SoftFail, identity: Identity::MailFrom("a+x@b.org".to_owned()) },
            dkim: vec![dkim(Outcome::Pass, None), dkim(Outcome::Fail, Some("the \"body\" was changed\r\n"))],
            dmarc: Dmarc { outcome: Outcome::Pass, from: Some("b.org".to_owned()), policy: Policy::Reject },
            arc: Arc { outcome: Outcome::Pass, sealer: Some("lists.example".to_owned()) },
        }
    }

    #[test]
    fn everything_is_said() {
        let expected = "Authentication-Results: mx1.example;\r\n\
            \tspf=softfail\r\n\t\tsmtp.mailfrom=a+x@b.org;\r\n\
            \tdkim=pass\r\n\t\theader.d=b.org\r\n\t\theader.s=s1\r\n\t\theader.a=rsa-sha256;\r\n\
            \tdkim=fail reason=\"the \\\"body\\\" was changed\"\r\n\t\theader.d=b.org\r\n\t\theader.s=s1\r\n\t\theader.a=rsa-sha256;\r\n\
            \tdmarc=pass\r\n\t\theader.from=b.org\r\n\t\tpolicy.dmarc=reject;\r\n\
            \tarc=pass reason=\"sealed by lists.example\"\r\n";
        assert_eq!(results().field(&"mx1.example".parse().unwrap()), expected);
        let nothing = Results::default().field(&"mx1.example".parse().unwrap());
        let expected = "Authentication-Results: mx1.example;\r\n\tspf=none;\r\n\tdkim=none;\r\n\tdmarc=none;\r\n\tarc=none\r\n";
        assert_eq!(nothing, expected);
    }

    /// Catches a stranger's name that becomes a result, a comment, or a field.
    #[test]
    fn nothing_can_be_injected() {
        for evil in [
            "\"; dkim=pass header.d=bank.example; x=\"@evil.example",
            "x; dkim=pass",
            "x (",
            "x\r\nX-Evil: y",
            "x\\",
            "a@b@c",
        ] {
            let mut all = results();
            all.spf.identity = Identity::Helo(evil.to_owned());
            all.dkim[1].selector = evil.to_owned();
            all.dkim[1].reason = Some(evil.to_owned());
            all.dmarc.from = Some(evil.to_owned());
            let field = all.field(&"mx1.example".parse().unwrap());
            let outside = without_quoted(&field);
            assert_eq!(outside.matches(';').count(), 5, "{field}");
            assert!(!outside.contains("bank") && !outside.contains('('), "{field}");
            assert!(field.lines().skip(1).all(|line| line.starts_with('\t')), "{field}");
        }
    }

    fn without_quoted(field: &str) -> String {
        let (mut outside, mut letters, mut is_quoted) = (String::new(), field.chars(), false);
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if is_quoted => drop(letters.next()),
                '"' => is_quoted = !is_quoted,
                letter if !is_quoted => outside.push(letter),
                _ => {}
            }
        }
        assert!(!is_quoted, "{field}");
        outside
    }
}
