//! Octets to events. What reads is what was written: every event has one form.

use super::codec::{Input, uid};
use super::{AccountId, Added, Event, NewMailbox, Transfer};
use crate::mailbox::{MailboxId, SpecialUse};
use crate::message::DeliveryKey;
use crate::name::{AccountName, MailboxName};
use crate::number::{ModSeq, UidValidity};
use thiserror::Error;

/// An event, and where in the body the octets of its message begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub event: Event,
    pub content_at: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("an event of kind {0}, which this version does not know")]
    Kind(u32),
    #[error("an event ends too early")]
    TooShort,
    #[error("an event goes on too long")]
    TooLong,
    #[error("an event has a number that is none")]
    Number,
    #[error("an event has text that is not UTF-8")]
    Text,
    #[error("an event has a bad name")]
    Name,
    #[error("an event has bad flags")]
    Flags,
    #[error("an event has bad UIDs")]
    Uid,
    #[error("an event has a message of another size than it says")]
    Content,
}

impl Event {
    pub fn decode(kind: u32, body: &[u8]) -> Result<Decoded, DecodeError> {
        let mut input = Input::new(body);
        let event = event(kind, &mut input)?;
        let rest = input.rest().len();
        let content_at = match &event {
            Self::Added(Added { has_content: true, octets, .. }) if *octets == rest as u64 => {
                Some(body.len() - rest)
            }
            Self::Added(Added { has_content: true, .. }) => return Err(DecodeError::Content),
            _ if rest > 0 => return Err(DecodeError::TooLong),
            _ => None,
        };
        Ok(Decoded { event, content_at })
    }
}

fn event(kind: u32, input: &mut Input<'_>) -> Result<Event, DecodeError> {
    Ok(match kind {
        1 => Event::AccountCreated {
            account: account(input)?,
            name: AccountName::new(input.text()?).map_err(|_| DecodeError::Name)?,
            mailboxes: list(input, 4, new_mailbox)?,
        },
        2 => Event::MailboxCreated { account: account(input)?, mailbox: new_mailbox(input)? },
        3 => Event::MailboxDeleted { mailbox: mailbox(input)? },
        4 => Event::MailboxesRenamed { names: list(input, 2, |input| Ok((mailbox(input)?, name(input)?)))? },
        5 => {
            let (account, name) = (account(input)?, name(input)?);
            Event::Subscribed { account, name, is_subscribed: input.flag()? }
        }
        6 | 7 => Event::Added(added(input, kind == 6)?),
        8 => Event::Copied(transfer(input)?),
        9 => Event::Moved { transfer: transfer(input)?, from_modseq: modseq(input)? },
        10 => Event::FlagsChanged {
            mailbox: mailbox(input)?,
            modseq: modseq(input)?,
            changes: list(input, 3, |input| Ok((input.flags()?, input.uids()?)))?,
        },
        11 => Event::Expunged { mailbox: mailbox(input)?, modseq: modseq(input)?, uids: input.uids()? },
        12 => quota(input)?,
        _ => return Err(DecodeError::Kind(kind)),
    })
}

fn list<T>(
    input: &mut Input<'_>,
    octets_min: usize,
    one: impl Fn(&mut Input<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = input.count(octets_min)?;
    (0..count).map(|_| one(input)).collect()
}

fn account(input: &mut Input<'_>) -> Result<AccountId, DecodeError> {
    id(input).map(AccountId)
}

fn mailbox(input: &mut Input<'_>) -> Result<MailboxId, DecodeError> {
    id(input).map(MailboxId)
}

/// What SQLite can keep.
fn id(input: &mut Input<'_>) -> Result<u64, DecodeError> {
    let number = input.number()?;
    if i64::try_from(number).is_ok() { Ok(number) } else { Err(DecodeError::Number) }
}

fn name(input: &mut Input<'_>) -> Result<MailboxName, DecodeError> {
    let text = input.text()?;
    MailboxName::new(text).ok().filter(|name| name.as_str() == text).ok_or(DecodeError::Name)
}

fn modseq(input: &mut Input<'_>) -> Result<ModSeq, DecodeError> {
    ModSeq::new(input.number()?).ok_or(DecodeError::Number)
}

fn new_mailbox(input: &mut Input<'_>) -> Result<NewMailbox, DecodeError> {
    let (id, name) = (mailbox(input)?, name(input)?);
    let special_use = match input.text()? {
        "" => None,
        text => {
            let known = text.parse().ok().filter(|known: &SpecialUse| known.as_str() == text);
            Some(known.ok_or(DecodeError::Text)?)
        }
    };
    let uid_validity = u32::try_from(input.number()?).ok().and_then(UidValidity::new);
    Ok(NewMailbox { id, name, special_use, uid_validity: uid_validity.ok_or(DecodeError::Number)? })
}

fn added(input: &mut Input<'_>, has_content: bool) -> Result<Added, DecodeError> {
    let (mailbox, uid, modseq) = (mailbox(input)?, uid(input.number()?)?, modseq(input)?);
    let (flags, received) = (input.flags()?, input.signed()?);
    let key = match input.flag()? {
        true => Some(DeliveryKey(array(input)?)),
        false => None,
    };
    let octets = id(input)?;
    let checksum = u32::from_le_bytes(array(input)?);
    Ok(Added { mailbox, uid, modseq, flags, received, key, octets, checksum, has_content })
}

fn array<const N: usize>(input: &mut Input<'_>) -> Result<[u8; N], DecodeError> {
    input.octets(N)?.try_into().map_err(|_| DecodeError::TooShort)
}

fn transfer(input: &mut Input<'_>) -> Result<Transfer, DecodeError> {
    let (from, to) = (mailbox(input)?, mailbox(input)?);
    let (uids, to_uids) = (input.uids()?, input.uids()?);
    if uids.len() != to_uids.len() {
        return Err(DecodeError::Uid);
    }
    Ok(Transfer { from, to, uids, to_uids, modseq: modseq(input)? })
}

fn quota(input: &mut Input<'_>) -> Result<Event, DecodeError> {
    let account = account(input)?;
    let is_limited = input.flag()?;
    let limit = id(input)?;
    match (is_limited, limit) {
        (false, 0) => Ok(Event::QuotaSet { account, limit: None }),
        (false, _) => Err(DecodeError::Number),
        (true, limit) => Ok(Event::QuotaSet { account, limit: Some(limit) }),
    }
}
