//! COPY, MOVE and EXPUNGE (RFC 3501, sections 6.4.3 and 6.4.7; RFC 4315; RFC 6851).

use super::failure::Failure;
use super::mailboxes::name_of;
use super::session::{Answer, Done, Session};
use crate::error::StoreError;
use crate::mailbox::MailboxId;
use crate::message::Copied;
use crate::name::AccountName;
use crate::number::UidSet;
use mail::imap::command::By;
use mail::imap::response::{Code, Condition};
use mail::imap::set::{Ranges, Set};

impl Session {
    pub(super) async fn copy(&mut self, account: &AccountName, by: By, set: &Set, mailbox: &str) -> Answer {
        let (from, uids, to) = self.transfer(account, by, set, mailbox)?;
        let wanted = uids.len();
        let copied = self.parts.store.copy(from, uids, to).await?;
        if by == By::Number && copied.from.len() < wanted {
            return Err(Failure::SomeAreGone);
        }
        Ok(Done::new("Copied").with(code(&copied)))
    }

    /// The client hears first where its messages are, and then that they are gone (RFC 6851, section 4.3).
    pub(super) async fn move_to(
        &mut self,
        account: &AccountName,
        by: By,
        set: &Set,
        mailbox: &str,
    ) -> Answer {
        self.selected()?.must_be_writable()?;
        let (from, uids, to) = self.transfer(account, by, set, mailbox)?;
        let copied = self.parts.store.move_to(from, uids, to).await?;
        if let Some(code) = code(&copied) {
            self.wire.out.untagged(Condition::Ok, Some(&code), "They are there");
        }
        Ok(Done::new("Moved"))
    }

    fn transfer(
        &mut self,
        account: &AccountName,
        by: By,
        set: &Set,
        mailbox: &str,
    ) -> Result<(MailboxId, UidSet, MailboxId), Failure> {
        let selected = self.selected()?;
        let (from, uids) = (selected.view.id(), selected.resolve(by, set)?);
        let to = self.parts.store.mailbox(account, &name_of(mailbox)?).map_err(|error| match error {
            StoreError::NoMailbox { .. } => Failure::NoTarget,
            error => Failure::Store(error),
        })?;
        Ok((from, uids, to.id))
    }

    /// Those with `\Deleted`, of a set of UIDs or all of them.
    pub(super) async fn expunge(&mut self, set: Option<Set>) -> Answer {
        let selected = self.selected()?;
        selected.must_be_writable()?;
        let uids = match set {
            Some(set) => Some(selected.resolve(By::Uid, &set)?),
            None => None,
        };
        let mailbox = selected.view.id();
        self.parts.store.expunge(mailbox, uids).await?;
        Ok(Done::new("Expunged"))
    }
}

fn code(copied: &Copied) -> Option<Code> {
    let uid_validity = copied.uid_validity.get();
    let (from, to) = (ranges(&copied.from), ranges(&copied.to));
    (!from.is_empty()).then_some(Code::CopyUid { uid_validity, from, to })
}

pub(super) fn ranges(uids: &UidSet) -> Ranges {
    Ranges::of(uids.runs().map(|(first, last)| first.get()..=last.get()).collect())
}
