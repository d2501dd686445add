//! The engine's own words: reply codes of RFC 5321, section 4.2.2, enhanced codes of RFC 3463 and RFC 5248.

use super::config::{Config, Protocol, Tls};
use super::event::Channel;
use crate::data::Fault;
use crate::reply::{Refusal, Reply, Status, Text};

const fn done(code: u16, subject: u16, detail: u16, text: &'static str) -> Reply {
    Reply::fixed(code, Some(Status::new(subject, detail)), Text::fixed(text))
}

pub(super) const OK: Reply = done(250, 0, 0, "OK");
pub(super) const SENDER_OK: Reply = done(250, 1, 0, "Sender OK");
pub(super) const RECIPIENT_OK: Reply = done(250, 1, 5, "Recipient OK");
pub(super) const CHUNK_OK: Reply = done(250, 0, 0, "Chunk received");
pub(super) const BYE: Reply = done(221, 0, 0, "Bye");
pub(super) const BEGIN_TLS: Reply = done(220, 0, 0, "Ready to start TLS");
pub(super) const HELP: Reply = done(214, 0, 0, "See RFC 5321");
/// RFC 5321, section 3.5.3.
pub(super) const NOT_VERIFIED: Reply = done(252, 0, 0, "Cannot verify, but will take the message and try");
pub(super) const START_MAIL: Reply =
    Reply::fixed(354, None, Text::fixed("Start mail input; end with <CRLF>.<CRLF>"));

const fn refusal(code: u16, subject: u16, detail: u16, text: &'static str) -> Refusal {
    Refusal::fixed(code, Status::new(subject, detail), text)
}

pub(super) const LINE_TOO_LONG: Refusal = refusal(500, 5, 2, "Line too long");
pub(super) const BARE_END: Refusal = refusal(500, 5, 2, "Lines end with CR and LF together");
pub(super) const NOT_SMTP: Refusal = refusal(500, 5, 1, "This is SMTP, not LMTP: say EHLO");
pub(super) const NOT_LMTP: Refusal = refusal(500, 5, 1, "This is LMTP, not SMTP: say LHLO");
pub(super) const NOT_OFFERED: Refusal = refusal(502, 5, 1, "Command not implemented");
pub(super) const NO_HELLO: Refusal = refusal(503, 5, 1, "Introduce yourself first");
pub(super) const NESTED: Refusal = refusal(503, 5, 1, "Sender already given");
pub(super) const NO_MAIL: Refusal = refusal(503, 5, 1, "Need MAIL first");
pub(super) const NO_RCPT: Refusal = refusal(503, 5, 1, "Need RCPT first");
pub(super) const NO_VALID_RCPT: Refusal = refusal(554, 5, 1, "No valid recipients");
pub(super) const IN_CHUNKS: Refusal = refusal(503, 5, 1, "Only BDAT may follow BDAT");
pub(super) const HAS_TLS: Refusal = refusal(503, 5, 1, "TLS is active already");
/// RFC 3207, section 4.
pub(super) const NEEDS_TLS: Refusal = refusal(530, 7, 0, "Must issue a STARTTLS command first");
/// RFC 6531, section 3.5.
pub(super) const NOT_UTF8: Refusal = refusal(553, 6, 7, "SMTPUTF8 is required for this address");
/// RFC 1870, section 6.1.
pub(super) const TOO_BIG: Refusal = refusal(552, 3, 4, "Message too big");
pub(super) const BAD_LINES: Refusal = refusal(550, 6, 0, "Message holds a bare CR or LF");
pub(super) const LONG_LINE: Refusal = refusal(550, 6, 0, "Message has a line that is too long");
/// RFC 5321, section 4.5.3.1.10.
pub(super) const TOO_MANY_RCPTS: Refusal = refusal(452, 5, 3, "Too many recipients; send again for the rest");
/// For whoever the policy says nothing about.
pub(super) const UNKNOWN_OUTCOME: Refusal = refusal(451, 3, 0, "Not delivered; try again later");

// RFC 5321, section 3.8: 421 may answer anything.
pub(super) const TOO_MANY_ERRORS: Refusal = refusal(421, 7, 0, "Too many errors");
pub(super) const TOO_MANY_COMMANDS: Refusal = refusal(421, 7, 0, "Too many commands in one session");
pub(super) const TOO_MANY_MESSAGES: Refusal = refusal(421, 7, 0, "Too many messages in one session");
pub(super) const TOO_MUCH: Refusal = refusal(421, 7, 0, "Too much in one session");
pub(super) const TIMED_OUT: Refusal = refusal(421, 4, 2, "Nothing came for too long");
pub(super) const SHUTTING_DOWN: Refusal = refusal(421, 3, 2, "Service shutting down");

/// Closes the connection (RFC 5321, section 3.8).
pub(super) const CLOSING: u16 = 421;

/// The first words.
pub(super) fn greeting(config: &Config) -> Reply {
    let protocol = match config.protocol {
        Protocol::Smtp => "ESMTP",
        Protocol::Lmtp => "LMTP",
    };
    Reply::fixed(220, None, Text::of(&format!("{} {protocol}", config.host.normal())))
}

/// The answer to HELO.
pub(super) fn helo(config: &Config) -> Reply {
    Reply::fixed(250, None, Text::of(config.host.normal().as_str()))
}

/// The answer to EHLO and LHLO.
pub(super) fn ehlo(config: &Config, channel: Channel) -> Reply {
    let size = Text::of(&format!("SIZE {}", config.message_octets_max));
    let tls = (config.tls != Tls::Unavailable && channel == Channel::Clear).then_some("STARTTLS");
    // RFC 2920, 6152, 3030, 3461, 6531, 2034.
    let words = ["PIPELINING", "8BITMIME", "CHUNKING", "DSN", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
    helo(config).with_lines(std::iter::once(size).chain(tls.into_iter().chain(words).map(Text::fixed)))
}

/// What a refused message is answered with.
pub(super) fn fault(fault: Fault) -> Refusal {
    match fault {
        Fault::BareCr | Fault::BareLf => BAD_LINES,
        Fault::TooBig => TOO_BIG,
        Fault::LongLine => LONG_LINE,
    }
}
