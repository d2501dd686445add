//! The content of a message on its way in: behind DATA ([`dots`]) and in BDAT chunks ([`chunks`]).
//!
//! Both give out the content piece by piece and keep none of it. Both refuse a CR or LF that is not part of a CRLF, for
//! the server behind us may see an end of line there, and then an end of message where we saw none. A refused message is
//! still read to its end, so that the client hears why; nothing of it is given out any more.
//!
//! Entry points: [`dots::Decoder::decode`], [`chunks::Chunks::take`].

pub mod chunks;
pub mod dots;
mod tally;

/// Of a line of text without its CRLF and its stuffed dot (RFC 5321, section 4.5.3.1.6).
pub const LINE_OCTETS_MAX: u64 = 998;

/// What a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the content, each CRLF counted as two, stuffed dots and the final one not at all (RFC 1870, section 5).
    pub octets_max: u64,
    pub long_lines: LongLines,
}

/// What becomes of a line of more than [`LINE_OCTETS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongLines {
    /// Many senders break this rule without harm.
    Accept,
    Refuse,
}

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the message holds a CR without its LF")]
    BareCr,
    #[error("the message holds an LF without its CR")]
    BareLf,
    #[error("the message is larger than is allowed")]
    TooBig,
    #[error("the message has a line of more than {LINE_OCTETS_MAX} octets")]
    LongLine,
}
