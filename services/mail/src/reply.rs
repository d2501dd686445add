//! Replies (RFC 5321, section 4.2), with enhanced status codes (RFC 2034, RFC 3463).
//!
//! What a reply says is [`Text`], which cannot hold a CR, an LF or more than fits a line, whatever it is made from; its
//! status code has the class of its reply code, for it has no other. Entry points: [`Reply::write`], [`Refusal::new`].

use std::borrow::Cow;
use std::fmt;

/// Of a reply line with code and CRLF (RFC 5321, section 4.5.3.1.5).
pub const LINE_OCTETS_MAX: usize = 512;
/// `250-2.999.999 ` and CRLF stand in the same line.
pub const TEXT_OCTETS_MAX: usize = LINE_OCTETS_MAX - 16;
/// Of one reply; ours for EHLO, the longest, has nine.
pub const LINES_MAX: usize = 16;

/// What one line says: printable ASCII (`textstring` in RFC 5321, section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Cow<'static, str>);

impl Text {
    /// A text of ours. What may not stand in one does not compile where this is a constant.
    pub const fn fixed(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        assert!(bytes.len() <= TEXT_OCTETS_MAX, "too long for a reply");
        let mut at = 0;
        while at < bytes.len() {
            assert!(bytes[at].is_ascii_graphic() || bytes[at] == b' ', "not for a reply");
            at += 1;
        }
        Self(Cow::Borrowed(text))
    }

    /// Somebody else's text: each character that may not stand in a reply becomes `?`, and the end is cut off.
    pub fn of(text: &str) -> Self {
        let is_fine = |letter: char| letter == ' ' || letter.is_ascii_graphic();
        let letters = text.chars().map(|letter| if is_fine(letter) { letter } else { '?' });
        Self(Cow::Owned(letters.take(TEXT_OCTETS_MAX).collect()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Subject and detail of an enhanced status code (RFC 3463, section 2); its class is that of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    subject: u16,
    detail: u16,
}

impl Status {
    /// Each at most 999: `2.0.0` is `Status::new(0, 0)` in a reply with 250.
    pub const fn new(subject: u16, detail: u16) -> Self {
        assert!(subject <= 999 && detail <= 999, "not an enhanced status code");
        Self { subject, detail }
    }

    /// What it is about (RFC 3463, section 3): 1 is an address, 2 a mailbox.
    pub const fn subject(self) -> u16 {
        self.subject
    }
}

/// A reply of at least one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// The greeting, EHLO and 354 have none (RFC 2034, section 4).
    status: Option<Status>,
    text: Text,
    more: Vec<Text>,
}

impl Reply {
    /// A reply of ours in one line; a code that is none does not compile where this is a constant.
    pub(crate) const fn fixed(code: u16, status: Option<Status>, text: Text) -> Self {
        assert!(is_code(code), "not a reply code");
        Self { code, status, text, more: Vec::new() }
    }

    /// With more lines behind its first; those past [`LINES_MAX`] are left out.
    pub(crate) fn with_lines(mut self, lines: impl IntoIterator<Item = Text>) -> Self {
        self.more.extend(lines.into_iter().take(LINES_MAX - 1));
        self
    }

    pub fn code(&self) -> u16 {
        self.code
    }

    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// Its first line, without codes.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Whether the command was refused, for now or for good.
    pub fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// Appends the reply as it is sent.
    pub fn write(&self, out: &mut Vec<u8>) {
        let text = self.to_string();
        out.extend_from_slice(text.as_bytes());
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = 1 + self.more.len();
        for (number, text) in std::iter::once(&self.text).chain(&self.more).enumerate() {
            let separator = if number + 1 == lines { ' ' } else { '-' };
            write!(out, "{}{separator}", self.code)?;
            if let Some(Status { subject, detail }) = self.status {
                write!(out, "{}.{subject}.{detail} ", self.code / 100)?;
            }
            write!(out, "{}\r\n", text.as_str())?;
        }
        Ok(())
    }
}

/// A reply that refuses: for now (4yz) or for good (5yz).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Reply);

/// The code is not one of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the code of a refusal, 400 to 559")]
pub struct NoRefusal(u16);

impl Refusal {
    /// With 421 the connection is closed behind it (RFC 5321, section 3.8).
    pub fn new(code: u16, status: Status, text: &str) -> Result<Self, NoRefusal> {
        if code < 400 || !is_code(code) {
            return Err(NoRefusal(code));
        }
        Ok(Self(Reply::fixed(code, Some(status), Text::of(text))))
    }

    /// One of ours; what is no refusal does not compile where this is a constant.
    pub const fn fixed(code: u16, status: Status, text: &'static str) -> Self {
        assert!(code >= 400, "not the code of a refusal");
        Self(Reply::fixed(code, Some(status), Text::fixed(text)))
    }

    pub fn reply(&self) -> &Reply {
        &self.0
    }

    /// Whether it is for good (5yz).
    pub fn is_permanent(&self) -> bool {
        self.0.code >= 500
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

/// First digit 2 to 5, second 0 to 5 (`Reply-code` in RFC 5321, section 4.2).
const fn is_code(code: u16) -> bool {
    code >= 200 && code < 600 && code / 10 % 10 <= 5
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_reply_is_written_as_the_rfc_has_it() {
        let status = Some(Status::new(1, 5));
        let one = Reply::fixed(250, status, Text::fixed("ok"));
        assert_eq!(written(&one), "250 2.1.5 ok\r\n");
        let two = one.with_lines([Text::fixed("and more"), Text::fixed("")]);
        assert_eq!(written(&two), "250-2.1.5 ok\r\n250-2.1.5 and more\r\n250 2.1.5 \r\n");
        assert_eq!(written(&Reply::fixed(354, None, Text::fixed("go on"))), "354 go on\r\n");
    }

    #[test]
    fn a_refusal_refuses() {
        for code in [0, 200, 250, 354, 399, 460, 560, 600, 999] {
            assert_eq!(Refusal::new(code, Status::new(0, 0), ""), Err(NoRefusal(code)));
        }
        let refusal = Refusal::new(451, Status::new(3, 0), "later").unwrap();
        assert_eq!(written(&refusal.into()), "451 4.3.0 later\r\n");
    }

    proptest! {
        /// Catches a text that takes over the dialogue: a CR or LF in it would begin a reply of its own.
        #[test]
        fn nothing_can_be_injected_and_no_line_is_too_long(text in "\\PC{0,20}(\r\n250 ok|[\r\n\u{0}\u{85}\u{2028}]|x{500}){0,3}\\PC*") {
            let refusal = Refusal::new(550, Status::new(999, 999), &text).unwrap();
            let lines = refusal.0.clone().with_lines((0..30).map(|_| Text::of(&text)));
            let wire = written(&lines);
            prop_assert_eq!(wire.matches('\n').count(), LINES_MAX);
            for line in wire.split_inclusive("\r\n") {
                prop_assert!(line.starts_with("550") && line.ends_with("\r\n") && line.len() <= LINE_OCTETS_MAX);
                prop_assert!(line.bytes().filter(|byte| !(b' '..=b'~').contains(byte)).count() == 2);
            }
        }
    }
}
