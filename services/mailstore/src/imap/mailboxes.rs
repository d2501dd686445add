//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501, sections 6.3.3 to 6.3.7; RFC 6154, section 3).

use super::failure::Failure;
use super::session::{Answer, Done, Session};
use crate::mailbox::SpecialUse;
use crate::name::{AccountName, DELIMITER, MailboxName};

/// What a client calls a mailbox.
pub(super) fn name_of(text: &str) -> Result<MailboxName, Failure> {
    MailboxName::new(text).map_err(|_| Failure::Name)
}

impl Session {
    /// A delimiter at the end says that there will be mailboxes below it: that is so for each.
    pub(super) async fn create(
        &mut self,
        account: &AccountName,
        mailbox: &str,
        special_use: Option<String>,
    ) -> Answer {
        let name = name_of(mailbox.strip_suffix(DELIMITER).unwrap_or(mailbox))?;
        let special_use = match special_use {
            Some(word) => Some(word.parse::<SpecialUse>().map_err(|()| Failure::SpecialUse)?),
            None => None,
        };
        self.parts.store.create(account, &name, special_use).await?;
        Ok(Done::new("Created"))
    }

    /// One that the client has selected itself is left first.
    pub(super) async fn delete(&mut self, account: &AccountName, mailbox: &str) -> Answer {
        let name = name_of(mailbox)?;
        self.parts.store.delete(account, &name).await?;
        if self.selected.as_ref().is_some_and(|selected| selected.name == name) {
            self.selected = None;
        }
        Ok(Done::new("Deleted"))
    }

    pub(super) async fn rename(&mut self, account: &AccountName, from: &str, to: &str) -> Answer {
        let (from, to) = (name_of(from)?, name_of(to.strip_suffix(DELIMITER).unwrap_or(to))?);
        self.parts.store.rename(account, &from, &to).await?;
        if let Some(selected) = &mut self.selected
            && !from.is_inbox()
            && (selected.name == from || selected.name.is_below(&from))
        {
            selected.name = selected.name.moved(&from, &to).map_err(|_| Failure::Name)?;
        }
        Ok(Done::new("Renamed"))
    }

    pub(super) async fn subscribe(
        &mut self,
        account: &AccountName,
        mailbox: &str,
        is_subscribed: bool,
    ) -> Answer {
        let name = name_of(mailbox)?;
        self.parts.store.subscribe(account, &name, is_subscribed).await?;
        Ok(Done::new(if is_subscribed { "Subscribed" } else { "Unsubscribed" }))
    }
}
