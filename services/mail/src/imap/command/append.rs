//! APPEND (RFC 3501, section 6.3.11): its message stays where it came in.

use super::error::CommandError;
use super::standard::{decoded, flags, mailbox};
use super::types::{Append, Body};
use bytes::Bytes;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use std::borrow::Cow;

pub(super) fn read(octets: &Bytes) -> Result<Body, CommandError> {
    let CommandBody::Append { mailbox: name, flags: said, date, message } = decoded(octets)? else {
        return Err(CommandError::Syntax);
    };
    let LiteralOrLiteral8::Literal(literal) = message else {
        return Err(CommandError::NotOffered);
    };
    let message = match literal.into_inner() {
        Cow::Borrowed(message) => octets.slice_ref(message),
        Cow::Owned(message) => message.into(),
    };
    let date = date.map(|date| date.as_ref().timestamp());
    Ok(Body::Append(Append { mailbox: mailbox(&name)?, flags: flags(&said)?, date, message }))
}
