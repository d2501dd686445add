//! `KEYWORD[=value]` behind the path of MAIL and RCPT (`esmtp-param` in RFC 5321, section 4.1.2).

use super::CommandError;

/// The parameters in what follows a path.
pub(super) fn read(
    rest: &str,
) -> Result<impl Iterator<Item = Result<Parameter<'_>, CommandError>>, CommandError> {
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(CommandError::Parameters);
    }
    Ok(rest.split(' ').filter(|word| !word.is_empty()).map(Parameter::read))
}

/// One of them.
pub(super) struct Parameter<'a> {
    keyword: &'a str,
    value: Option<&'a str>,
}

impl<'a> Parameter<'a> {
    fn read(word: &'a str) -> Result<Self, CommandError> {
        let (keyword, value) = match word.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (word, None),
        };
        let is_keyword = keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if keyword.is_empty() || keyword.starts_with('-') || !is_keyword || value == Some("") {
            return Err(CommandError::Parameters);
        }
        Ok(Self { keyword, value })
    }

    /// In upper case.
    pub(super) fn keyword(&self) -> String {
        self.keyword.to_ascii_uppercase()
    }

    /// What the parameter is set to, where it must be.
    pub(super) fn value(&self) -> Result<&'a str, CommandError> {
        self.value.ok_or(CommandError::Value)
    }

    /// That it is not set to anything.
    pub(super) fn is_alone(&self) -> Result<(), CommandError> {
        if self.value.is_none() { Ok(()) } else { Err(CommandError::Value) }
    }
}

/// Keeps the value of a parameter, which may stand there once.
pub(super) fn once<T>(place: &mut Option<T>, value: T) -> Result<(), CommandError> {
    if place.replace(value).is_none() { Ok(()) } else { Err(CommandError::Twice) }
}
