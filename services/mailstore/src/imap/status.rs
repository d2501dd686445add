//! STATUS (RFC 3501, section 6.3.10; RFC 8438; RFC 7162, section 3.1.7).

use super::failure::Failure;
use super::mailboxes::name_of;
use super::session::{Answer, Done, Session};
use crate::error::StoreError;
use crate::mailbox::MailboxState;
use crate::name::AccountName;
use mail::imap::command::StatusItem;

impl Session {
    pub(super) fn status(&mut self, account: &AccountName, mailbox: &str, items: &[StatusItem]) -> Answer {
        let name = name_of(mailbox)?;
        let info = self.parts.store.mailbox(account, &name).map_err(|error| match error {
            StoreError::NoMailbox { .. } => Failure::NoMailbox,
            error => Failure::Store(error),
        })?;
        self.wire.out.status(name.as_str(), &numbers(&info.state, items));
        if items.contains(&StatusItem::HighestModSeq) {
            self.begin_condstore();
        }
        Ok(Done::new("That is its state"))
    }
}

pub(super) fn numbers(state: &MailboxState, items: &[StatusItem]) -> Vec<(StatusItem, u64)> {
    let number = |item: StatusItem| match item {
        StatusItem::Messages => state.exists,
        StatusItem::Recent => state.recent,
        // Behind the last one that there can be: no message will have it.
        StatusItem::UidNext => state.uid_next.map_or(u64::from(u32::MAX), |uid| u64::from(uid.get())),
        StatusItem::UidValidity => u64::from(state.uid_validity.get()),
        StatusItem::Unseen => state.unseen,
        StatusItem::Size => state.size,
        StatusItem::HighestModSeq => state.highest_modseq.get(),
    };
    items.iter().map(|item| (*item, number(*item))).collect()
}
