//! Messages that come: LMTP delivers, IMAP appends.

use super::accounts::{check_quota, the_account};
use super::{Store, Turn};
use crate::error::StoreError;
use crate::event::{Added, Event};
use crate::flags::{Flags, KEYWORDS_MAX};
use crate::index::apply::DELIVERY_SECONDS;
use crate::index::read;
use crate::index::rows::AccountRow;
use crate::message::{Delivered, Delivery};

impl Store {
    /// Delivers a message once: the repeat of a delivery with the same key is answered with the first one's numbers.
    ///
    /// Creates the account with its usual mailboxes; any other mailbox has to be there.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered, StoreError> {
        let (octets, limit) = (delivery.content.len() as u64, self.message_octets_max());
        if octets > limit {
            return Err(StoreError::TooLarge { octets, limit });
        }
        check_keywords(&delivery.flags)?;
        self.create_account(&delivery.account).await?;
        self.change(move |turn| deliver(turn, &delivery)).await
    }

    /// As [`Store::deliver`], for APPEND: the same message again is another message.
    pub async fn append(&self, delivery: Delivery) -> Result<Delivered, StoreError> {
        self.deliver(Delivery { key: None, ..delivery }).await
    }
}

pub fn check_keywords(flags: &Flags) -> Result<(), StoreError> {
    match flags.keywords.len() {
        0..=KEYWORDS_MAX => Ok(()),
        _ => Err(StoreError::TooManyKeywords { limit: KEYWORDS_MAX }),
    }
}

fn deliver(turn: &mut Turn<'_>, delivery: &Delivery) -> Result<Delivered, StoreError> {
    let account = the_account(turn, &delivery.account)?;
    if let Some(first) = first_delivery(turn, &account, delivery)? {
        return Ok(first);
    }
    check_quota(&delivery.account, &account, delivery.content.len() as u64)?;
    let mailbox = read::mailbox_named(turn.index(), account.id, &delivery.mailbox)?;
    let mailbox = mailbox.ok_or_else(|| StoreError::NoMailbox {
        account: delivery.account.clone(),
        mailbox: delivery.mailbox.clone(),
    })?;
    let state = mailbox.info.state;
    let uid = state.uid_next.ok_or(StoreError::NoMoreUids)?;
    let modseq = state.highest_modseq.next().ok_or(StoreError::NoMoreUids)?;
    let event = Event::Added(Added {
        mailbox: mailbox.info.id,
        uid,
        modseq,
        flags: delivery.flags.clone(),
        received: delivery.received.as_second(),
        key: delivery.key,
        octets: delivery.content.len() as u64,
        checksum: crc32c::crc32c(&delivery.content),
        has_content: true,
    });
    turn.record(&event, &delivery.content)?;
    Ok(Delivered { uid_validity: state.uid_validity, uid, is_duplicate: false })
}

fn first_delivery(
    turn: &Turn<'_>,
    account: &AccountRow,
    delivery: &Delivery,
) -> Result<Option<Delivered>, StoreError> {
    let Some(key) = &delivery.key else { return Ok(None) };
    let since = delivery.received.as_second().saturating_sub(DELIVERY_SECONDS);
    let first = read::delivery(turn.index(), account.id, key, since)?;
    Ok(first.map(|(uid_validity, uid)| Delivered { uid_validity, uid, is_duplicate: true }))
}
