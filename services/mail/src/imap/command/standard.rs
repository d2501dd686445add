//! Commands whose grammar is imap-codec's, and its types as our values.

use super::error::CommandError;
use super::fetch;
use super::list::StatusItem;
use super::search;
use super::types::{Body, By, Change, Flag, Secret, Select, Store};
use crate::imap::name;
use crate::imap::set::{Bound, Set};
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::{CommandBody, SelectParameter, StoreModifier};
use imap_codec::imap_types::flag;
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};
use imap_codec::imap_types::status::StatusDataItemName;
use std::borrow::Cow;

/// All of the octets are one command.
pub(super) fn decoded(octets: &[u8]) -> Result<CommandBody<'_>, CommandError> {
    match CommandCodec::default().decode(octets) {
        Ok(([], command)) => Ok(command.body),
        _ => Err(CommandError::Syntax),
    }
}

pub(super) fn read(octets: &[u8]) -> Result<Body, CommandError> {
    let body = match decoded(octets)? {
        CommandBody::Capability => Body::Capability,
        CommandBody::Noop => Body::Noop,
        CommandBody::Logout => Body::Logout,
        CommandBody::StartTLS => Body::StartTls,
        CommandBody::Login { username, password } => Body::Login {
            name: username.as_ref().to_vec(),
            password: Secret::new(password.declassify().as_ref().to_vec()),
        },
        CommandBody::Authenticate { mechanism, initial_response } => Body::Authenticate {
            mechanism: mechanism.as_ref().to_ascii_uppercase(),
            initial: initial_response.map(|octets| Secret::new(octets.declassify().to_vec())),
        },
        CommandBody::Enable { capabilities } => Body::Enable(
            capabilities.as_ref().iter().map(|word| word.to_string().to_ascii_uppercase()).collect(),
        ),
        CommandBody::Id { .. } => Body::Id,
        CommandBody::Namespace => Body::Namespace,
        CommandBody::Idle => Body::Idle,
        CommandBody::SetQuota { .. } => Body::SetQuota,
        CommandBody::GetQuota { root } => Body::GetQuota { root: text(root.as_ref())? },
        CommandBody::Check => Body::Check,
        CommandBody::Close => Body::Close,
        CommandBody::Unselect => Body::Unselect,
        CommandBody::Expunge => Body::Expunge(None),
        CommandBody::ExpungeUid { sequence_set } => Body::Expunge(Some(set(&sequence_set))),
        body => return with_mailbox(body),
    };
    Ok(body)
}

fn with_mailbox(body: CommandBody<'_>) -> Result<Body, CommandError> {
    let body = match body {
        CommandBody::Select { mailbox: name, parameters } => select(&name, &parameters, false)?,
        CommandBody::Examine { mailbox: name, parameters } => select(&name, &parameters, true)?,
        CommandBody::Delete { mailbox: name } => Body::Delete(mailbox(&name)?),
        CommandBody::Rename { from, to } => Body::Rename { from: mailbox(&from)?, to: mailbox(&to)? },
        CommandBody::Subscribe { mailbox: name } => Body::Subscribe(mailbox(&name)?),
        CommandBody::Unsubscribe { mailbox: name } => Body::Unsubscribe(mailbox(&name)?),
        CommandBody::Lsub { reference, mailbox_wildcard } => {
            Body::Lsub { reference: mailbox(&reference)?, pattern: pattern(&mailbox_wildcard)? }
        }
        CommandBody::Status { mailbox: name, item_names } => {
            Body::Status { mailbox: mailbox(&name)?, items: status_items(&item_names)? }
        }
        CommandBody::GetQuotaRoot { mailbox: name } => Body::GetQuotaRoot { mailbox: mailbox(&name)? },
        body => return with_messages(body),
    };
    Ok(body)
}

fn with_messages(body: CommandBody<'_>) -> Result<Body, CommandError> {
    let body = match body {
        CommandBody::Sort { sort_criteria, charset, search_criteria, uid } => {
            Body::Sort(search::sort(sort_criteria.as_ref(), &charset, search_criteria.as_ref(), by(uid))?)
        }
        CommandBody::Fetch { sequence_set, macro_or_item_names, uid, modifiers } => {
            Body::Fetch(fetch::fetch(&sequence_set, macro_or_item_names, by(uid), &modifiers)?)
        }
        CommandBody::Store { sequence_set, kind, response, flags: said, uid, modifiers } => {
            let unchanged_since = modifiers.last().map(|StoreModifier::UnchangedSince(since)| *since);
            Body::Store(Store {
                by: by(uid),
                set: set(&sequence_set),
                change: match kind {
                    flag::StoreType::Replace => Change::Replace,
                    flag::StoreType::Add => Change::Add,
                    flag::StoreType::Remove => Change::Remove,
                },
                flags: flags(&said)?,
                is_silent: response == flag::StoreResponse::Silent,
                unchanged_since,
            })
        }
        CommandBody::Copy { sequence_set, mailbox: name, uid } => {
            Body::Copy { by: by(uid), set: set(&sequence_set), mailbox: mailbox(&name)? }
        }
        CommandBody::Move { sequence_set, mailbox: name, uid } => {
            Body::Move { by: by(uid), set: set(&sequence_set), mailbox: mailbox(&name)? }
        }
        _ => return Err(CommandError::NotOffered),
    };
    Ok(body)
}

fn select(
    name: &Mailbox<'_>,
    parameters: &[SelectParameter],
    is_read_only: bool,
) -> Result<Body, CommandError> {
    let is_condstore = |parameter: &SelectParameter| matches!(parameter, SelectParameter::CondStore);
    if !parameters.iter().all(is_condstore) {
        return Err(CommandError::NotOffered);
    }
    Ok(Body::Select(Select { mailbox: mailbox(name)?, is_read_only, is_condstore: !parameters.is_empty() }))
}

fn status_items(names: &[StatusDataItemName]) -> Result<Vec<StatusItem>, CommandError> {
    let mut items = Vec::new();
    for name in names {
        let item = match name {
            StatusDataItemName::Messages => StatusItem::Messages,
            StatusDataItemName::Recent => StatusItem::Recent,
            StatusDataItemName::UidNext => StatusItem::UidNext,
            StatusDataItemName::UidValidity => StatusItem::UidValidity,
            StatusDataItemName::Unseen => StatusItem::Unseen,
            StatusDataItemName::Size => StatusItem::Size,
            StatusDataItemName::HighestModSeq => StatusItem::HighestModSeq,
            _ => return Err(CommandError::NotOffered),
        };
        if !items.contains(&item) {
            items.push(item);
        }
    }
    if items.is_empty() { Err(CommandError::NothingAsked) } else { Ok(items) }
}

pub(super) fn by(is_uid: bool) -> By {
    if is_uid { By::Uid } else { By::Number }
}

pub(super) fn mailbox(wire: &Mailbox<'_>) -> Result<String, CommandError> {
    match wire {
        Mailbox::Inbox => Ok("INBOX".to_owned()),
        Mailbox::Other(other) => name::decode(other.as_ref()).ok_or(CommandError::MailboxName),
    }
}

fn pattern(wire: &ListMailbox<'_>) -> Result<String, CommandError> {
    let wire = match wire {
        ListMailbox::Token(token) => Cow::Borrowed(token.as_ref()),
        ListMailbox::String(string) => Cow::Borrowed(string.as_ref()),
    };
    name::decode(&wire).ok_or(CommandError::MailboxName)
}

/// `\Recent` is passed over: nobody can set it, and some try.
pub(super) fn flags(said: &[flag::Flag<'_>]) -> Result<Vec<Flag>, CommandError> {
    let mut flags = Vec::new();
    for flag in said {
        flags.push(match flag {
            flag::Flag::Answered => Flag::Answered,
            flag::Flag::Deleted => Flag::Deleted,
            flag::Flag::Draft => Flag::Draft,
            flag::Flag::Flagged => Flag::Flagged,
            flag::Flag::Seen => Flag::Seen,
            flag::Flag::Keyword(word) => Flag::Keyword(word.as_ref().to_owned()),
            flag::Flag::Extension(_) if flag.to_string().eq_ignore_ascii_case("\\Recent") => continue,
            flag::Flag::Extension(_) => return Err(CommandError::Flag),
        });
    }
    Ok(flags)
}

pub(super) fn set(wire: &SequenceSet) -> Set {
    let bound = |bound: SeqOrUid| match bound {
        SeqOrUid::Value(number) => Bound::Number(number.get()),
        SeqOrUid::Asterisk => Bound::Last,
    };
    let pairs = wire.0.as_ref().iter().map(|sequence| match sequence {
        Sequence::Single(one) => (bound(*one), bound(*one)),
        Sequence::Range(from, to) => (bound(*from), bound(*to)),
    });
    Set(pairs.collect())
}

fn text(octets: &[u8]) -> Result<String, CommandError> {
    std::str::from_utf8(octets).map(str::to_owned).map_err(|_| CommandError::NotInCharset)
}
