//! What a command means, as plain values (RFC 3501, section 6).
//!
//! Whether it may be said now, and what is in the mailbox, is the session's to know. Entry point: [`parse`].

mod append;
mod cursor;
mod error;
pub mod fetch;
mod list;
pub mod search;
mod standard;
mod types;

pub use error::{CommandError, Refusal};
pub use list::{List, ListReturn, ListSelect, StatusItem};
pub use types::{Append, Body, By, Change, Flag, Secret, Select, Store, Tag};

use bytes::Bytes;
use cursor::Cursor;

/// A command with the tag that its answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub tag: Tag,
    pub body: Body,
}

/// Reads a whole command, the CRLF at its end and its literals included.
pub fn parse(octets: &Bytes) -> Result<Command, Refusal> {
    let mut cursor = Cursor::new(octets);
    let tag = cursor.tag().ok_or(Refusal { tag: None, error: CommandError::NoTag })?;
    match body(octets, cursor) {
        Ok(body) => Ok(Command { tag, body }),
        Err(error) => Err(Refusal { tag: Some(tag), error }),
    }
}

/// What imap-codec does not have is read here, and the rest by it.
fn body(octets: &Bytes, behind_tag: Cursor<'_>) -> Result<Body, CommandError> {
    let mut cursor = behind_tag.clone();
    cursor.space().ok_or(CommandError::NoVerb)?;
    match cursor.verb().to_ascii_uppercase().as_str() {
        "" => Err(CommandError::NoVerb),
        "LIST" => list::read(&mut cursor),
        "CREATE" => list::read_create(&mut cursor),
        "APPEND" => append::read(octets),
        "SEARCH" => search::read(octets, cursor, By::Number),
        "UID" if cursor.is_words(&["SEARCH"]) => {
            cursor.words(&["SEARCH"]).ok_or(CommandError::Syntax)?;
            search::read(octets, cursor, By::Uid)
        }
        _ => standard::read(octets),
    }
}

#[cfg(test)]
mod tests;
