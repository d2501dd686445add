//! `MAIL FROM:<path> [parameters]` (RFC 5321, section 4.1.1.2).

use super::parameters::{self, Parameter, once};
use super::{CommandError, behind, xtext};
use crate::address::ReversePath;

/// Of an envelope id as it is written (RFC 3461, section 4.4).
const ENVELOPE_ID_OCTETS_MAX: usize = 100;
/// `size-value` (RFC 1870, section 3).
const SIZE_DIGITS_MAX: usize = 20;

/// Who sends, and what the client says about the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub from: ReversePath,
    /// SIZE: how large it will be; 0 says nothing (RFC 1870).
    pub size: Option<u64>,
    /// BODY (RFC 6152).
    pub body: Option<Body>,
    /// SMTPUTF8: addresses or headers beyond ASCII (RFC 6531).
    pub is_utf8: bool,
    /// RET: what comes back with a report of failure (RFC 3461, section 4.3).
    pub returned: Option<Returned>,
    /// ENVID, decoded: printable ASCII (section 4.4).
    pub envelope_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    SevenBit,
    EightBitMime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    Full,
    Headers,
}

impl Mail {
    /// What stands behind the verb.
    pub(super) fn read(argument: &str) -> Result<Self, CommandError> {
        let path = behind("FROM:", argument).ok_or(CommandError::NoFrom)?;
        let (from, rest) = ReversePath::read(path).map_err(CommandError::Sender)?;
        let mut mail =
            Self { from, size: None, body: None, is_utf8: false, returned: None, envelope_id: None };
        for parameter in parameters::read(rest)? {
            mail.take(&parameter?)?;
        }
        if !mail.is_utf8 && !mail.from.is_ascii() {
            return Err(CommandError::NotUtf8);
        }
        Ok(mail)
    }

    fn take(&mut self, parameter: &Parameter<'_>) -> Result<(), CommandError> {
        match parameter.keyword().as_str() {
            "SIZE" => once(&mut self.size, size(parameter.value()?)?),
            "BODY" => once(&mut self.body, body(parameter.value()?)?),
            "RET" => once(&mut self.returned, returned(parameter.value()?)?),
            "ENVID" => once(&mut self.envelope_id, envelope_id(parameter.value()?)?),
            "SMTPUTF8" if self.is_utf8 => Err(CommandError::Twice),
            "SMTPUTF8" => {
                self.is_utf8 = true;
                parameter.is_alone()
            }
            _ => Err(CommandError::UnknownParameter),
        }
    }
}

fn size(value: &str) -> Result<u64, CommandError> {
    if value.len() > SIZE_DIGITS_MAX || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CommandError::Value);
    }
    // Twenty digits may be more than fits: larger than anything that is taken.
    Ok(value.parse().unwrap_or(u64::MAX))
}

fn body(value: &str) -> Result<Body, CommandError> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(Body::SevenBit),
        "8BITMIME" => Ok(Body::EightBitMime),
        // BINARYMIME (RFC 3030) is among them.
        _ => Err(CommandError::UnknownValue),
    }
}

fn returned(value: &str) -> Result<Returned, CommandError> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Ok(Returned::Full),
        "HDRS" => Ok(Returned::Headers),
        _ => Err(CommandError::Value),
    }
}

fn envelope_id(value: &str) -> Result<String, CommandError> {
    if value.len() > ENVELOPE_ID_OCTETS_MAX {
        return Err(CommandError::Value);
    }
    xtext::decode(value).ok_or(CommandError::Value)
}
