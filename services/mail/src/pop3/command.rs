//! Command lines (RFC 1939, sections 5 to 7).

use crate::imap::command::Secret;
use thiserror::Error;

/// A command. Messages are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Auth { mechanism: Option<String>, initial: Option<Vec<u8>> },
    Capa,
    Dele(usize),
    List(Option<usize>),
    Noop,
    Pass(Secret),
    Quit,
    Retr(usize),
    Rset,
    Stat,
    Stls,
    Top { message: usize, lines: u64 },
    Uidl(Option<usize>),
    User(Vec<u8>),
}

/// A line that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    #[error("no such command")]
    Unknown,
    #[error("no such argument")]
    Argument,
}

/// Reads a line without its CRLF.
pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
    let (verb, argument) = match line.iter().position(|octet| *octet == b' ') {
        Some(space) => (&line[..space], Some(&line[space + 1..])),
        None => (line, None),
    };
    match verb.to_ascii_uppercase().as_slice() {
        // A password may begin or end with spaces (section 7), a name does not.
        b"PASS" => Ok(Command::Pass(Secret::new(argument.ok_or(CommandError::Argument)?.to_vec()))),
        b"USER" => user(argument),
        b"AUTH" => auth(argument),
        b"CAPA" => alone(argument, Command::Capa),
        b"NOOP" => alone(argument, Command::Noop),
        b"QUIT" => alone(argument, Command::Quit),
        b"RSET" => alone(argument, Command::Rset),
        b"STAT" => alone(argument, Command::Stat),
        b"STLS" => alone(argument, Command::Stls),
        b"DELE" => number(argument).map(Command::Dele),
        b"RETR" => number(argument).map(Command::Retr),
        b"LIST" => one_or_all(argument).map(Command::List),
        b"UIDL" => one_or_all(argument).map(Command::Uidl),
        b"TOP" => top(argument),
        _ => Err(CommandError::Unknown),
    }
}

fn alone(argument: Option<&[u8]>, command: Command) -> Result<Command, CommandError> {
    match argument.map(<[u8]>::trim_ascii) {
        None | Some(b"") => Ok(command),
        Some(_) => Err(CommandError::Argument),
    }
}

fn user(argument: Option<&[u8]>) -> Result<Command, CommandError> {
    match argument.map(<[u8]>::trim_ascii) {
        None | Some(b"") => Err(CommandError::Argument),
        Some(name) => Ok(Command::User(name.to_vec())),
    }
}

fn auth(argument: Option<&[u8]>) -> Result<Command, CommandError> {
    let words = argument.unwrap_or_default().trim_ascii();
    let mut words = words.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
    let mechanism = words.next().map(|word| String::from_utf8_lossy(word).to_ascii_uppercase());
    let initial = words.next().map(<[u8]>::to_vec);
    if words.next().is_some() {
        Err(CommandError::Argument)
    } else {
        Ok(Command::Auth { mechanism, initial })
    }
}

fn one_or_all(argument: Option<&[u8]>) -> Result<Option<usize>, CommandError> {
    match argument.map(<[u8]>::trim_ascii) {
        None | Some(b"") => Ok(None),
        Some(argument) => digits(argument).map(Some),
    }
}

fn number(argument: Option<&[u8]>) -> Result<usize, CommandError> {
    one_or_all(argument)?.ok_or(CommandError::Argument)
}

fn top(argument: Option<&[u8]>) -> Result<Command, CommandError> {
    let argument = argument.unwrap_or_default().trim_ascii();
    let space = argument.iter().position(|octet| *octet == b' ').ok_or(CommandError::Argument)?;
    let lines = digits(argument[space..].trim_ascii())?;
    Ok(Command::Top { message: digits(&argument[..space])?, lines: lines as u64 })
}

fn digits(text: &[u8]) -> Result<usize, CommandError> {
    let is_number = (1..=10).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).map_err(|_| CommandError::Argument)?;
    text.parse().ok().filter(|_| is_number).ok_or(CommandError::Argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        for (line, expected) in [
            ("quit", Ok(Command::Quit)),
            ("STAT ", Ok(Command::Stat)),
            ("LIST", Ok(Command::List(None))),
            ("LIST 2", Ok(Command::List(Some(2)))),
            ("UIDL 02", Ok(Command::Uidl(Some(2)))),
            ("TOP 1 0", Ok(Command::Top { message: 1, lines: 0 })),
            ("top 1  10 ", Ok(Command::Top { message: 1, lines: 10 })),
            ("USER me ", Ok(Command::User(b"me".to_vec()))),
            ("PASS  a b ", Ok(Command::Pass(Secret::new(b" a b ".to_vec())))),
            ("PASS ", Ok(Command::Pass(Secret::new(Vec::new())))),
            ("AUTH", Ok(Command::Auth { mechanism: None, initial: None })),
            (
                "AUTH plain AGEAYg==",
                Ok(Command::Auth {
                    mechanism: Some("PLAIN".to_owned()),
                    initial: Some(b"AGEAYg==".to_vec()),
                }),
            ),
            ("", Err(CommandError::Unknown)),
            ("APOP me x", Err(CommandError::Unknown)),
            ("QUIT now", Err(CommandError::Argument)),
            ("RETR", Err(CommandError::Argument)),
            ("RETR x", Err(CommandError::Argument)),
            ("RETR -1", Err(CommandError::Argument)),
            ("RETR 99999999999999999999", Err(CommandError::Argument)),
            ("TOP 1", Err(CommandError::Argument)),
            ("USER", Err(CommandError::Argument)),
            ("PASS", Err(CommandError::Argument)),
            ("AUTH a b c", Err(CommandError::Argument)),
        ] {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
    }
}
