//! What a message is made of: its header, its parts, and where each of them stands (RFC 5322, RFC 2045, RFC 2046).
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`header`] | the fields of a header, in place | [`header::Fields`] |
//! | [`address`] | lists of addresses, as they are written | [`address::list`] |
//! | [`envelope`] | what IMAP calls ENVELOPE | [`Envelope::of`] |
//! | [`content`] | what the `Content-` fields say of a part | [`content::Content::of`] |
//! | [`part`] | the tree of parts with the octets of each | [`Part::of`] |
//! | [`section`] | which octets `BODY[1.2.HEADER]` means | [`section::Section::find`] |
//! | [`text`] | decoded words and bodies, to search in and to sort by | [`text::words`], [`text::body`] |
//!
//! The first six never decode anything: a client gets the octets that the sender wrote. Decoding is done by mail-parser, whose own
//! tree of parts is not used here: it decodes what ENVELOPE leaves as it is, and messages inside of messages have no end in it.
//!
//! Every message is strangers' work. There is a structure for each, whatever it holds: a field that cannot be read counts as
//! missing, a part that makes no sense is plain text or plain octets, and depth, parts, addresses and parameters
//! have limits. A line ends with LF, and a CR before it belongs to it. Nothing here opens a file; all take octets.

pub mod address;
pub mod content;
pub mod envelope;
pub mod header;
mod lexer;
pub mod part;
pub mod section;
pub mod text;

pub use envelope::Envelope;
pub use part::{Kind, Part};
