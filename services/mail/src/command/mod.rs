//! Command lines of SMTP and LMTP, read into what they mean (RFC 5321, section 4.1; RFC 2033; RFC 3030, 3207, 3461, 4954).
//!
//! A line that is no text, no command, or says something that we do not do is an error that knows its reply. More than the
//! grammar allows is read only where mail would be lost otherwise: spaces at the end of a line (section 4.1.1 asks for that)
//! and behind `FROM:` and `TO:`, and names of clients ([`client`]). Whether a command may stand where it stands is
//! the engine's to say. Entry point: [`parse`].

pub mod client;
mod error;
pub mod mail;
mod parameters;
pub mod rcpt;
pub mod xtext;

pub use client::ClientName;
pub use error::CommandError;
pub use mail::Mail;
pub use rcpt::Rcpt;

/// `sasl-mech` (RFC 4422, section 3.1).
const MECHANISM_OCTETS_MAX: usize = 20;
/// `chunk-size` (RFC 3030, section 2).
const CHUNK_DIGITS_MAX: usize = 20;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Ehlo(ClientName),
    Helo(ClientName),
    Lhlo(ClientName),
    Mail(Mail),
    Rcpt(Rcpt),
    Data,
    Bdat(Chunk),
    Rset,
    Noop,
    Quit,
    Vrfy,
    Expn,
    Help,
    StartTls,
    Auth(Auth),
}

/// So many octets follow the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub octets: u64,
    pub is_last: bool,
}

/// How a client wants to prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// In upper case.
    pub mechanism: String,
    /// In Base64, or `=` for an empty one; nobody has decoded it.
    pub initial: Option<String>,
}

/// Reads a line without its CRLF.
pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
    let line = std::str::from_utf8(line).map_err(|_| CommandError::NotText)?;
    let line = line.trim_end_matches([' ', '\t']);
    if line.contains(char::is_control) {
        return Err(CommandError::NotText);
    }
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => ClientName::read(argument).map(Command::Ehlo),
        "HELO" => ClientName::read(argument).map(Command::Helo),
        "LHLO" => ClientName::read(argument).map(Command::Lhlo),
        "MAIL" => Mail::read(argument).map(Command::Mail),
        "RCPT" => Rcpt::read(argument).map(Command::Rcpt),
        "DATA" => alone(argument, Command::Data),
        "BDAT" => chunk(argument).map(Command::Bdat),
        "RSET" => alone(argument, Command::Rset),
        "NOOP" => Ok(Command::Noop),
        "QUIT" => alone(argument, Command::Quit),
        "VRFY" => with_any(argument, Command::Vrfy),
        "EXPN" => with_any(argument, Command::Expn),
        "HELP" => Ok(Command::Help),
        "STARTTLS" => alone(argument, Command::StartTls),
        "AUTH" => auth(argument).map(Command::Auth),
        _ => Err(CommandError::Unknown),
    }
}

fn alone(argument: &str, command: Command) -> Result<Command, CommandError> {
    if argument.is_empty() { Ok(command) } else { Err(CommandError::Argument) }
}

fn with_any(argument: &str, command: Command) -> Result<Command, CommandError> {
    if argument.is_empty() { Err(CommandError::NoArgument) } else { Ok(command) }
}

/// The path behind `FROM:` or `TO:`. Spaces behind the colon are no good SMTP (RFC 5321, section 3.3), but in use.
fn behind<'a>(word: &str, argument: &'a str) -> Option<&'a str> {
    let (start, path) = argument.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then(|| path.trim_start_matches(' '))
}

fn chunk(argument: &str) -> Result<Chunk, CommandError> {
    let (size, last) = argument.split_once(' ').unwrap_or((argument, ""));
    let is_number =
        (1..=CHUNK_DIGITS_MAX).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_digit());
    let is_last = last.eq_ignore_ascii_case("LAST");
    if !is_number || !(last.is_empty() || is_last) {
        return Err(CommandError::Chunk);
    }
    Ok(Chunk { octets: size.parse().map_err(|_| CommandError::Chunk)?, is_last })
}

fn auth(argument: &str) -> Result<Auth, CommandError> {
    let (mechanism, initial) = match argument.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial)),
        None => (argument, None),
    };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let is_mechanism =
        (1..=MECHANISM_OCTETS_MAX).contains(&mechanism.len()) && mechanism.bytes().all(is_letter);
    if !is_mechanism || !initial.is_none_or(|initial| !initial.is_empty() && initial.bytes().all(is_base64)) {
        return Err(CommandError::Auth);
    }
    Ok(Auth { mechanism: mechanism.to_ascii_uppercase(), initial: initial.map(str::to_owned) })
}

#[cfg(test)]
mod tests;
