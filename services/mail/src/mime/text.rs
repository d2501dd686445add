//! Decoded words and bodies (RFC 2047, RFC 2045, section 6), to search in and to sort by; never to be sent to anybody.
//!
//! Decoding is mail-parser's. What cannot be decoded is taken as it is. Entry points: [`words`], [`body`], [`Needle::is_in`].

use super::envelope::Envelope;
use super::header::{Fields, unfolded};
use super::part::{Kind, Part};
use mail_parser::DateTime;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;
use mail_parser::parsers::fields::thread::thread_name;
use memchr::memmem::Finder;

/// Of a field that are decoded. A word that never ends costs as much as all that follows it: this is what keeps that small.
pub const FIELD_OCTETS_MAX: usize = 8 * 1024;
/// Of the body of a part that are searched.
pub const BODY_OCTETS_MAX: usize = 8 * 1024 * 1024;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The value of a field with its encoded words decoded.
pub fn words(value: &[u8]) -> String {
    let mut line = unfolded(value, FIELD_OCTETS_MAX).into_owned();
    line.push(b'\n');
    match MessageStream::new(&line).parse_unstructured() {
        mail_parser::HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

/// The text of a part without parts.
pub fn body(part: &Part, message: &[u8]) -> String {
    let octets = message.get(part.body.clone()).unwrap_or_default();
    let octets = &octets[..octets.len().min(BODY_OCTETS_MAX)];
    let decoded = match part.content.encoding.to_ascii_lowercase().as_slice() {
        b"base64" => base64_decode(octets),
        b"quoted-printable" => quoted_printable_decode(octets),
        _ => None,
    };
    let octets = decoded.as_deref().unwrap_or(octets);
    match part.content.parameter("charset").and_then(charset_decoder) {
        Some(decode) => decode(octets),
        None => String::from_utf8_lossy(octets).into_owned(),
    }
}

/// When the sender says that a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Since 1970 in UTC.
    pub seconds: i64,
    /// Since 1970, as the sender's calendar has it: SEARCH disregards time and timezone (RFC 3501, section 6.4.4).
    pub day: i64,
}

/// What the Date field of a header says, if it is a date.
pub fn sent(header: &[u8]) -> Option<Sent> {
    let value = unfolded(Fields::of(header).first(b"date")?, FIELD_OCTETS_MAX);
    let date = DateTime::parse_rfc822(std::str::from_utf8(&value).ok()?).filter(DateTime::is_valid)?;
    Some(Sent { seconds: date.to_timestamp(), day: date.to_timestamp_local().div_euclid(DAY_SECONDS) })
}

/// A subject without `Re:` and its kind (RFC 5256, section 2.1), in the languages that are in use, in lower case.
pub fn base_subject(envelope: &Envelope) -> String {
    let subject = envelope.subject.as_deref().map(words).unwrap_or_default();
    thread_name(&subject).trim().to_lowercase()
}

/// What is searched for, whatever the case of its letters.
#[derive(Clone, Debug)]
pub struct Needle {
    finder: Finder<'static>,
}

impl Needle {
    pub fn new(text: &str) -> Self {
        Self { finder: Finder::new(text.to_lowercase().as_bytes()).into_owned() }
    }

    /// Nothing is in everything.
    pub fn is_nothing(&self) -> bool {
        self.finder.needle().is_empty()
    }

    pub fn is_in_text(&self, text: String) -> bool {
        self.finder.find(lower(text).as_bytes()).is_some()
    }

    /// Whether a field of a header has it in its value.
    pub fn is_in_field(&self, header: &[u8], name: &[u8]) -> bool {
        Fields::of(header).any(|field| field.is(name) && self.is_in_value(field.value))
    }

    /// Whether a header has it, names of fields included.
    pub fn is_in_header(&self, header: &[u8]) -> bool {
        Fields::of(header).any(|field| {
            self.is_in_text(String::from_utf8_lossy(field.name).into_owned()) || self.is_in_value(field.value)
        })
    }

    /// Whether a text in the body of a part has it, or the header of a message in it.
    pub fn is_in(&self, part: &Part, message: &[u8]) -> bool {
        match &part.kind {
            Kind::Single => part.content.is_kind("text") && self.is_in_text(body(part, message)),
            Kind::Multipart(parts) => parts.iter().any(|part| self.is_in(part, message)),
            Kind::Message { message: inner, .. } => {
                let header = message.get(inner.header.clone()).unwrap_or_default();
                self.is_in_header(header) || self.is_in(inner, message)
            }
        }
    }

    fn is_in_value(&self, value: &[u8]) -> bool {
        self.is_nothing() || self.is_in_text(words(value))
    }
}

/// Most text is ASCII: nothing is allocated for that.
fn lower(mut text: String) -> String {
    if text.is_ascii() {
        text.make_ascii_lowercase();
        return text;
    }
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(needle: &str, message: &str) -> bool {
        Needle::new(needle).is_in(&Part::of(message.as_bytes()), message.as_bytes())
    }

    #[test]
    fn words_are_decoded() {
        for (value, expected) in [
            ("plain", "plain"),
            (" =?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?b?w7Y=?= x", "J\u{f6}rg\u{f6} x"),
            ("=?iso-8859-1?q?=FC?=", "\u{fc}"),
            ("=?shift_jis?b?g26DjYFb?=", "\u{30cf}\u{30ed}\u{30fc}"),
            ("=?nonsense", "=?nonsense"),
            ("J\u{f6}rg", "J\u{f6}rg"),
            ("", ""),
        ] {
            assert_eq!(words(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn a_body_is_decoded_before_it_is_searched() {
        let encoded = |encoding: &str, charset: &str, body: &str| {
            format!(
                "Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"
            )
        };
        assert!(is_in("GR\u{dc}SSE", &encoded("quoted-printable", "utf-8", "viele Gr=C3=BC=\r\nsse")));
        assert!(is_in("hello", &encoded("base64", "us-ascii", "SGVs\r\nbG8=\r\n")));
        assert!(is_in("\u{fc}", &encoded("quoted-printable", "iso-8859-1", "=FC")));
        assert!(!is_in("SGVs", &encoded("base64", "us-ascii", "SGVs\r\nbG8=\r\n")));
        // What cannot be decoded is taken as it is.
        assert!(is_in("=zz", &encoded("quoted-printable", "utf-8", "a=zz")));
        assert!(!is_in("subject", "Subject: x\r\n\r\nbody"));
        assert!(!is_in("a", "Content-Type: image/png\r\n\r\na"));
        assert!(is_in("inner", "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx"));
    }

    #[test]
    fn a_header_is_searched_by_field_and_as_a_whole() {
        let header = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Spam: yes\r\n\r\n";
        assert!(Needle::new("gr\u{fc}\u{df}e").is_in_field(header, b"SUBJECT"));
        assert!(!Needle::new("yes").is_in_field(header, b"subject"));
        assert!(Needle::new("").is_in_field(header, b"x-spam"));
        assert!(!Needle::new("").is_in_field(header, b"x-virus"));
        assert!(Needle::new("X-SPAM").is_in_header(header) && Needle::new("YES").is_in_header(header));
    }

    #[test]
    fn a_date_is_read_in_its_own_calendar() {
        let date = sent(b"Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\n").unwrap();
        assert_eq!((date.seconds, date.day), (760_686_745, 8803));
        for value in ["", "yesterday", "99 Feb 1994 21:52:25", "\u{e9}"] {
            assert_eq!(sent(format!("Date: {value}\r\n").as_bytes()), None, "{value}");
        }
        assert_eq!(sent(b"Subject: x\r\n"), None);
    }

    #[test]
    fn a_subject_is_sorted_by_what_it_is_about() {
        for (subject, expected) in
            [("Re: Hello", "hello"), ("Fwd: AW: Hello", "hello"), ("[list] Re: hello", "hello"), ("", "")]
        {
            let envelope = Envelope { subject: Some(subject.as_bytes().to_vec()), ..Envelope::default() };
            assert_eq!(base_subject(&envelope), expected, "{subject}");
        }
    }

    #[test]
    fn words_without_an_end_cost_little() {
        let value = "=?utf-8?q?".repeat(100_000);
        assert!(words(value.as_bytes()).len() <= FIELD_OCTETS_MAX * 2);
    }
}
