//! Events to octets.

use super::codec::{put_flags, put_number, put_signed, put_text, put_uids};
use super::{Added, Event, NewMailbox, Transfer};

impl Event {
    /// The fields of its record. The octets of a message that was added follow them.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        match self {
            Self::AccountCreated { account, name, mailboxes } => {
                put_number(&mut out, account.0);
                put_text(&mut out, name.as_str());
                put_number(&mut out, mailboxes.len() as u64);
                mailboxes.iter().for_each(|mailbox| put_mailbox(&mut out, mailbox));
            }
            Self::MailboxCreated { account, mailbox } => {
                put_number(&mut out, account.0);
                put_mailbox(&mut out, mailbox);
            }
            Self::MailboxDeleted { mailbox } => put_number(&mut out, mailbox.0),
            Self::MailboxesRenamed { names } => {
                put_number(&mut out, names.len() as u64);
                for (mailbox, name) in names {
                    put_number(&mut out, mailbox.0);
                    put_text(&mut out, name.as_str());
                }
            }
            Self::Subscribed { account, name, is_subscribed } => {
                put_number(&mut out, account.0);
                put_text(&mut out, name.as_str());
                out.push((*is_subscribed).into());
            }
            Self::Added(added) => put_added(&mut out, added),
            Self::Copied(transfer) => put_transfer(&mut out, transfer),
            Self::Moved { transfer, from_modseq } => {
                put_transfer(&mut out, transfer);
                put_number(&mut out, from_modseq.get());
            }
            Self::FlagsChanged { mailbox, modseq, changes } => {
                put_number(&mut out, mailbox.0);
                put_number(&mut out, modseq.get());
                put_number(&mut out, changes.len() as u64);
                for (flags, uids) in changes {
                    put_flags(&mut out, flags);
                    put_uids(&mut out, uids);
                }
            }
            Self::Expunged { mailbox, modseq, uids } => {
                put_number(&mut out, mailbox.0);
                put_number(&mut out, modseq.get());
                put_uids(&mut out, uids);
            }
            Self::QuotaSet { account, limit } => {
                put_number(&mut out, account.0);
                out.push(limit.is_some().into());
                put_number(&mut out, limit.unwrap_or(0));
            }
        }
        out
    }
}

fn put_mailbox(out: &mut Vec<u8>, mailbox: &NewMailbox) {
    put_number(out, mailbox.id.0);
    put_text(out, mailbox.name.as_str());
    put_text(out, mailbox.special_use.map_or("", |special_use| special_use.as_str()));
    put_number(out, mailbox.uid_validity.get().into());
}

fn put_added(out: &mut Vec<u8>, added: &Added) {
    put_number(out, added.mailbox.0);
    put_number(out, added.uid.get().into());
    put_number(out, added.modseq.get());
    put_flags(out, &added.flags);
    put_signed(out, added.received);
    out.push(added.key.is_some().into());
    if let Some(key) = &added.key {
        out.extend_from_slice(&key.0);
    }
    put_number(out, added.octets);
    out.extend_from_slice(&added.checksum.to_le_bytes());
}

fn put_transfer(out: &mut Vec<u8>, transfer: &Transfer) {
    put_number(out, transfer.from.0);
    put_number(out, transfer.to.0);
    put_uids(out, &transfer.uids);
    put_uids(out, &transfer.to_uids);
    put_number(out, transfer.modseq.get());
}
