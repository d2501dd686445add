//! APPEND (RFC 3501, section 6.3.11; RFC 4315): a message is kept as the client sends it.

use super::failure::Failure;
use super::flag_words;
use super::mailboxes::name_of;
use super::session::{Answer, Done, Session};
use crate::error::StoreError;
use crate::message::Delivery;
use crate::name::AccountName;
use jiff::Timestamp;
use mail::imap::command::Append;
use mail::imap::response::Code;

impl Session {
    pub(super) async fn append(&mut self, account: AccountName, append: Append) -> Answer {
        let mailbox = name_of(&append.mailbox)?;
        let flags = flag_words::kept(&append.flags)?;
        if append.message.is_empty() {
            return Err(Failure::NothingToKeep);
        }
        let said = append.date.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let received = said.unwrap_or_else(Timestamp::now);
        let delivery = Delivery { account, mailbox, content: append.message, received, flags, key: None };
        let kept = self.parts.store.append(delivery).await.map_err(|error| match error {
            StoreError::NoMailbox { .. } => Failure::NoTarget,
            error => Failure::Store(error),
        })?;
        let code = Code::AppendUid { uid_validity: kept.uid_validity.get(), uid: kept.uid.get() };
        Ok(Done::new("Kept").with(Some(code)))
    }
}
