//! What all mail daemons of `services/` share. It knows nothing of the platform, and nothing of sockets, files and clocks.
//!
//! # Reception of SMTP and LMTP
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`engine`] | the server's side of a session: octets, answers of a policy and TLS in; replies, questions, content out | [`engine::Engine::step`] |
//! | [`mod@line`] | command lines, strictly CRLF and bounded | [`line::LineReader::pull`] |
//! | [`command`] | what a command line means, with its parameters; what a bad one is answered with | [`command::parse`] |
//! | [`address`] | mailboxes and paths, kept by their meaning; the form in which they are looked up | [`address::Mailbox`], [`address::path`] |
//! | [`data`] | content behind DATA (dots) and in BDAT chunks, refused where it could be smuggled | [`data::dots::Decoder`], [`data::chunks::Chunks`] |
//! | [`reply`] | replies with enhanced status codes; nothing can be injected into one | [`reply::Reply`], [`reply::Refusal`] |
//!
//! # What is in a message
//!
//! [`mime`] tells of a message what IMAP asks: envelope, structure, sections, and text to search in. [`imap`] reads commands of IMAP and
//! writes its responses; [`pop3`] is the server's side of a POP3 session, like [`engine`].
//!
//! # Reading on
//!
//! Read [`engine`] first. A driver owns the socket: it hands octets in, sends what comes out, asks the policy when it is told to, and
//! keeps the time. Everything here takes bytes of strangers: the parsers of SMTP have fuzz targets (`tests/fuzz`), the others do not yet, and
//! every limit is a constant or a field of a configuration.

pub mod address;
pub mod command;
pub mod data;
pub mod engine;
pub mod imap;
pub mod line;
pub mod mime;
pub mod pop3;
pub mod reply;
