//! What all mail daemons of `services/` share. It knows nothing of the platform.
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
//! These know nothing of sockets, files and clocks. Read [`engine`] first. A driver owns the socket: it hands octets in, sends what comes out, asks the policy when it is told to, and
//! keeps the time. Everything here takes bytes of strangers: each of the parsers has a fuzz target (`tests/fuzz`), and every limit is a
//! constant or a field of [`engine::Config`].
//!
//! # Accounts
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`config`] | the one TOML file of each daemon: errors with file, line, key and the next step; `--check` | [`config::startup()`] |
//! | [`directory`] | domains, accounts, aliases, and which pair holds a mailbox; SQLite or MariaDB | [`directory::Directory`], [`directory::Records`] |
//! | [`password`] | passwords at rest (argon2id, SCRAM-SHA-256), and comparing them with bounded work | [`password::Verifier::verify`], [`password::scram`] |

pub mod address;
pub mod command;
pub mod config;
pub mod data;
#[cfg(feature = "directory")]
pub mod directory;
pub mod engine;
pub mod line;
pub mod password;
pub mod reply;
