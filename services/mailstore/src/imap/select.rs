//! SELECT and EXAMINE (RFC 3501, section 6.3.1; RFC 7162, section 3.1.2).

use super::failure::Failure;
use super::mailboxes::name_of;
use super::parts::blocking;
use super::selected::{KEYWORDS_MAX, Selected};
use super::session::{Answer, Done, Session};
use crate::error::StoreError;
use crate::name::AccountName;
use crate::number::{Places, Uid};
use crate::store::Access;
use mail::imap::command::Select;
use mail::imap::response::{Code, Condition};

impl Session {
    pub(super) async fn select(&mut self, account: &AccountName, select: Select) -> Answer {
        // A mailbox that cannot be selected leaves none selected.
        if self.selected.take().is_some() {
            self.wire.out.untagged(Condition::Ok, Some(&Code::CLOSED), "The other one is closed");
        }
        let access = if select.is_read_only { Access::ReadOnly } else { Access::ReadWrite };
        let name = name_of(&select.mailbox)?;
        let (store, account, mailbox) = (self.parts.store.clone(), account.clone(), name.clone());
        let (view, keywords, first_unseen) = blocking(move || {
            let view = store.open_mailbox(&account, &mailbox, access)?;
            let keywords = view.keywords(KEYWORDS_MAX)?;
            let first_unseen = if view.info.state.unseen > 0 { view.first_unseen()? } else { None };
            Ok((view, keywords, first_unseen))
        })
        .await
        .map_err(no_mailbox)?;
        let changes = self.parts.store.changes(view.id());
        let selected = Selected::new(name, access, view, keywords, changes);
        self.tell_state(&selected, first_unseen);
        self.selected = Some(selected);
        self.is_condstore |= select.is_condstore;
        Ok(match access {
            Access::ReadWrite => Done::new("Selected").with(Some(Code::READ_WRITE)),
            Access::ReadOnly => Done::new("Selected for reading").with(Some(Code::READ_ONLY)),
        })
    }

    fn tell_state(&mut self, selected: &Selected, first_unseen: Option<Uid>) {
        let (out, state) = (&mut self.wire.out, &selected.view.info.state);
        let flags = selected.flags();
        out.flags(&flags);
        out.exists(selected.exists());
        out.recent(selected.recent());
        let mut tell = |code: Code, text| out.untagged(Condition::Ok, Some(&code), text);
        let unseen = first_unseen.and_then(|uid| Places::default().of(&selected.view.uids, uid));
        if let Some(number) = unseen {
            tell(Code::Unseen(number), "The first one that is not seen");
        }
        let stay = match selected.access {
            Access::ReadWrite => Code::PermanentFlags { flags, may_add: true },
            Access::ReadOnly => Code::PermanentFlags { flags: Vec::new(), may_add: false },
        };
        tell(stay, "Flags that stay");
        tell(Code::UidValidity(state.uid_validity.get()), "UIDs are valid");
        if let Some(next) = state.uid_next {
            tell(Code::UidNext(next.get()), "The next UID");
        }
        tell(Code::HighestModSeq(state.highest_modseq.get()), "Highest");
    }

    /// What is deleted goes, and nobody is told (RFC 3501, section 6.4.2).
    pub(super) async fn close(&mut self) -> Answer {
        let selected = self.selected.take().ok_or(Failure::NotSelected)?;
        if selected.access == Access::ReadWrite {
            self.parts.store.expunge(selected.view.id(), None).await?;
        }
        Ok(Done::new("Closed"))
    }
}

fn no_mailbox(failure: Failure) -> Failure {
    match failure {
        Failure::Store(StoreError::NoMailbox { .. }) => Failure::NoMailbox,
        failure => failure,
    }
}
