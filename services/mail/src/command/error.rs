//! Commands that are none, and what they are answered with.

use crate::address::AddressError;
use crate::reply::{Refusal, Status};

/// What is wrong with a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("the line is not text: it holds a control character, or is no UTF-8")]
    NotText,
    #[error("the line begins with no command that is known")]
    Unknown,
    #[error("the command takes no argument")]
    Argument,
    #[error("the command lacks its argument")]
    NoArgument,
    #[error("the client does not say its name")]
    NoName,
    #[error("the client's name is too long, or cannot be shown")]
    Name,
    #[error("MAIL is followed by FROM:<address>")]
    NoFrom,
    #[error("RCPT is followed by TO:<address>")]
    NoTo,
    #[error("the sender has no good address")]
    Sender(#[source] AddressError),
    #[error("the recipient has no good address")]
    Recipient(#[source] AddressError),
    #[error("an address is beyond ASCII without SMTPUTF8")]
    NotUtf8,
    #[error("parameters are words with spaces between them")]
    Parameters,
    #[error("a parameter stands there twice")]
    Twice,
    #[error("a parameter is not known")]
    UnknownParameter,
    #[error("a parameter lacks its value, or has one that it cannot have")]
    Value,
    #[error("a parameter has a value that is not offered")]
    UnknownValue,
    #[error("BDAT is followed by a number of octets, and LAST or nothing")]
    Chunk,
    #[error("AUTH is followed by a mechanism, and a first response or nothing")]
    Auth,
}

// RFC 5321, section 4.2.4 (500, 501, 503, 504, 555), with codes of RFC 3463: 5.5.2 for what is no command, 5.5.4 for arguments,
// 5.1.3 and 5.1.7 for addresses; RFC 6531, section 3.5 for 5.6.7.
const NOT_TEXT: Refusal = Refusal::fixed(500, Status::new(5, 2), "Not a line of text");
const UNKNOWN: Refusal = Refusal::fixed(500, Status::new(5, 2), "Command not recognised");
const ARGUMENT: Refusal = Refusal::fixed(501, Status::new(5, 4), "No argument is allowed here");
const NO_ARGUMENT: Refusal = Refusal::fixed(501, Status::new(5, 4), "An argument is missing");
const NAME: Refusal = Refusal::fixed(501, Status::new(5, 4), "Say your name: a domain or an address literal");
const FROM: Refusal = Refusal::fixed(501, Status::new(5, 4), "Syntax: MAIL FROM:<address> [parameters]");
const TO: Refusal = Refusal::fixed(501, Status::new(5, 4), "Syntax: RCPT TO:<address> [parameters]");
const SENDER: Refusal = Refusal::fixed(501, Status::new(1, 7), "Bad sender address syntax");
const RECIPIENT: Refusal = Refusal::fixed(501, Status::new(1, 3), "Bad recipient address syntax");
const NOT_UTF8: Refusal = Refusal::fixed(553, Status::new(6, 7), "SMTPUTF8 is required for this address");
const PARAMETERS: Refusal = Refusal::fixed(501, Status::new(5, 4), "Bad parameter syntax");
const TWICE: Refusal = Refusal::fixed(501, Status::new(5, 4), "A parameter is repeated");
const UNKNOWN_PARAMETER: Refusal = Refusal::fixed(555, Status::new(5, 4), "A parameter is not recognised");
const VALUE: Refusal = Refusal::fixed(501, Status::new(5, 4), "Bad parameter value");
const UNKNOWN_VALUE: Refusal = Refusal::fixed(504, Status::new(5, 4), "A parameter value is not implemented");
const CHUNK: Refusal = Refusal::fixed(501, Status::new(5, 4), "Syntax: BDAT octets [LAST]");
const AUTH: Refusal = Refusal::fixed(501, Status::new(5, 4), "Syntax: AUTH mechanism [initial-response]");

impl CommandError {
    /// The answer. Nothing of what the client wrote is in it.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NotText => NOT_TEXT,
            Self::Unknown => UNKNOWN,
            Self::Argument => ARGUMENT,
            Self::NoArgument => NO_ARGUMENT,
            Self::NoName | Self::Name => NAME,
            Self::NoFrom => FROM,
            Self::NoTo => TO,
            Self::Sender(_) => SENDER,
            Self::Recipient(_) => RECIPIENT,
            Self::NotUtf8 => NOT_UTF8,
            Self::Parameters => PARAMETERS,
            Self::Twice => TWICE,
            Self::UnknownParameter => UNKNOWN_PARAMETER,
            Self::Value => VALUE,
            Self::UnknownValue => UNKNOWN_VALUE,
            Self::Chunk => CHUNK,
            Self::Auth => AUTH,
        }
    }
}
