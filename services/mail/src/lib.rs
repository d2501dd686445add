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
//! Read [`engine`] first. All of these, and the next two, know nothing of sockets, files and clocks, take bytes of strangers, and
//! have limits that are constants or fields of a configuration. The parsers of SMTP have fuzz targets (`tests/fuzz`), the others do
//! not yet.
//!
//! # Messages, and who reads them
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`mime`] | tells of a message what IMAP asks: envelope, structure, sections, and text to search in | [`mime`] |
//! | [`imap`] | reads commands of IMAP and writes its responses | [`imap`] |
//! | [`pop3`] | the server's side of a POP3 session, like [`engine`] | [`pop3`] |
//!
//! # What daemons stand on
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`listen`] | connections of any protocol: taken, limited, told of the end | [`listen::serve`], [`listen::Host`] |
//! | [`server`] | drives [`engine`]: sockets, TLS, time, limits, drain; asks a policy | [`server::Server::serve`], [`server::Policy`] |
//! | [`content`] | a message between reception and delivery, in bounded memory and files without names | [`content::Spool`], [`content::Content`] |
//! | [`lmtp`] | delivers one message to many recipients of one server; an outcome for each | [`lmtp::Client::deliver`] |
//! | [`tls`] | certificates that are read again while the daemon runs | [`tls::Certificates`] |
//! | [`mod@message_id`] | one name for a message, from the first server to the mailbox | [`message_id::MessageId`] |
//! | [`observe`] | metrics and health over HTTP | [`observe::serve`] |
//! | [`config`] | the one TOML file of each daemon: errors with file, line, key and the next step; `--check` | [`config::startup()`] |
//!
//! # Accounts
//!
//! | module | what it does | starts at |
//! | --- | --- | --- |
//! | [`directory`] | domains, accounts, aliases, and which pair holds a mailbox; SQLite or MariaDB | [`directory::Directory`], [`directory::Records`] |
//! | [`login`] | who a client is: what it says, and who decides | [`login::LogIn`] |
//! | [`password`] | passwords at rest (argon2id, SCRAM-SHA-256), and comparing them with bounded work | [`password::Verifier::verify`], [`password::scram`] |

pub mod address;
pub mod command;
pub mod config;
pub mod content;
pub mod data;
#[cfg(feature = "directory")]
pub mod directory;
pub mod engine;
pub mod imap;
pub mod line;
pub mod listen;
pub mod lmtp;
pub mod login;
pub mod message_id;
pub mod mime;
pub mod observe;
pub mod password;
pub mod pop3;
pub mod reply;
pub mod server;
pub mod tls;
