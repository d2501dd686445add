//! `RCPT TO:<path> [parameters]` (RFC 5321, section 4.1.1.3; parameters of RFC 3461).

use super::parameters::{self, Parameter, once};
use super::{CommandError, behind, xtext};
use crate::address::ForwardPath;

/// Of ORCPT as it is written (RFC 3461, section 4.2).
const ORIGINAL_OCTETS_MAX: usize = 500;
/// Address types are registered words; the longest has six letters.
const ADDRESS_TYPE_OCTETS_MAX: usize = 32;
/// The type whose addresses may be written beyond ASCII (RFC 6533, section 3).
const UTF8_ADDRESS_TYPE: &str = "utf-8";

/// Who receives, and what the client wants to hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rcpt {
    pub to: ForwardPath,
    /// NOTIFY (RFC 3461, section 4.1).
    pub notify: Option<Notify>,
    /// ORCPT (section 4.2).
    pub original: Option<OriginalRecipient>,
}

/// When a report is wanted. All `false` is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    pub success: bool,
    pub failure: bool,
    pub delay: bool,
}

/// Whom the sender meant first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    /// In lower case: `rfc822`, `utf-8`.
    pub address_type: String,
    /// Decoded from xtext. Printable, but of no grammar that anybody checked.
    pub address: String,
}

impl Rcpt {
    /// What stands behind the verb. Whether an address beyond ASCII may stand there was said with MAIL.
    pub(super) fn read(argument: &str) -> Result<Self, CommandError> {
        let path = behind("TO:", argument).ok_or(CommandError::NoTo)?;
        let (to, rest) = ForwardPath::read(path).map_err(CommandError::Recipient)?;
        let mut rcpt = Self { to, notify: None, original: None };
        for parameter in parameters::read(rest)? {
            rcpt.take(&parameter?)?;
        }
        Ok(rcpt)
    }

    /// Whether it may be said in a transaction without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.to.is_ascii() && self.original.as_ref().is_none_or(|original| original.address.is_ascii())
    }

    fn take(&mut self, parameter: &Parameter<'_>) -> Result<(), CommandError> {
        match parameter.keyword().as_str() {
            "NOTIFY" => once(&mut self.notify, notify(parameter.value()?)?),
            "ORCPT" => once(&mut self.original, original(parameter.value()?)?),
            _ => Err(CommandError::UnknownParameter),
        }
    }
}

fn notify(value: &str) -> Result<Notify, CommandError> {
    let mut notify = Notify::default();
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(notify);
    }
    for word in value.split(',') {
        let place = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return Err(CommandError::Value),
        };
        if std::mem::replace(place, true) {
            return Err(CommandError::Twice);
        }
    }
    Ok(notify)
}

fn original(value: &str) -> Result<OriginalRecipient, CommandError> {
    let (address_type, address) = value.split_once(';').ok_or(CommandError::Value)?;
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_type =
        (1..=ADDRESS_TYPE_OCTETS_MAX).contains(&address_type.len()) && address_type.bytes().all(is_atom);
    if value.len() > ORIGINAL_OCTETS_MAX || !is_type {
        return Err(CommandError::Value);
    }
    let address_type = address_type.to_ascii_lowercase();
    let address = if address_type == UTF8_ADDRESS_TYPE && !address.is_ascii() {
        // `utf-8-addr-unitext` stands as it is; the line has no control characters.
        Some(address.to_owned())
    } else {
        xtext::decode(address)
    };
    let address = address.filter(|address| !address.is_empty()).ok_or(CommandError::Value)?;
    Ok(OriginalRecipient { address_type, address })
}
