//! STORE.

use super::add::check_keywords;
use super::{Store, Turn};
use crate::error::StoreError;
use crate::event::Event;
use crate::flags::{FlagChange, Flags};
use crate::index::read;
use crate::mailbox::MailboxId;
use crate::message::Flagged;
use crate::number::{ModSeq, UidSet};
use std::collections::HashMap;

/// Messages that are in memory at once.
const PAGE: usize = 1000;

impl Store {
    /// Changes flags of those messages of a set that are there. With `unchanged_since`, of those that nobody changed after that moment;
    /// who has the flags already is not changed, and keeps its MODSEQ.
    pub async fn store_flags(
        &self,
        mailbox: MailboxId,
        uids: UidSet,
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Flagged, StoreError> {
        self.change(move |turn| store_flags(turn, mailbox, &uids, &change, unchanged_since)).await
    }
}

fn store_flags(
    turn: &mut Turn<'_>,
    mailbox: MailboxId,
    uids: &UidSet,
    change: &FlagChange,
    unchanged_since: Option<ModSeq>,
) -> Result<Flagged, StoreError> {
    let state = read::mailbox(turn.index(), mailbox)?.info.state;
    let mut flagged = Flagged::default();
    let mut changes = HashMap::<Flags, UidSet>::new();
    let mut left = read::uids(turn.index(), mailbox, uids)?;
    loop {
        let page = read::page(turn.index(), mailbox, &left, PAGE)?;
        let Some(last) = page.last() else { break };
        left.remove_to(last.uid);
        for message in &page {
            if unchanged_since.is_some_and(|since| message.modseq > since) {
                flagged.refused.insert(message.uid);
                continue;
            }
            flagged.done.insert(message.uid);
            let flags = change.apply(&message.flags);
            if flags != message.flags {
                check_keywords(&flags)?;
                changes.entry(flags).or_default().insert(message.uid);
            }
        }
    }
    if !changes.is_empty() {
        let modseq = state.highest_modseq.next().ok_or(StoreError::NoMoreUids)?;
        let mut changes: Vec<_> = changes.into_iter().collect();
        changes.sort_by_key(|(_, uids)| uids.first());
        turn.record(&Event::FlagsChanged { mailbox, modseq, changes }, &[])?;
        flagged.modseq = Some(modseq);
    }
    Ok(flagged)
}
