//! What a client is told of that it did not ask for: messages that came, went, or have other flags (RFC 3501, section 7).
//!
//! A number never changes its message in a FETCH, STORE or SEARCH that speaks of numbers (section 7.4.1): messages that are gone stay in
//! the count until the client can be told.

use super::failure::Failure;
use super::flag_words;
use super::selected::Selected;
use super::session::Session;
use super::wire::{Ended, Wire};
use crate::error::StoreError;
use crate::message::MessageInfo;
use crate::number::{Places, UidSet};
use mail::imap::command::{Body, By};
use mail::imap::response::{Code, Condition};

/// Messages whose flags are in memory at once.
const PAGE: usize = 256;

/// What may be told at the end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    All,
    /// Everything but that messages are gone.
    NoneGone,
    Nothing,
}

impl News {
    pub(super) fn behind(body: &Body) -> Self {
        let by = match body {
            Body::Fetch(fetch) => fetch.by,
            Body::Store(store) => store.by,
            Body::Search(search) => search.by,
            Body::Sort(sort) => sort.by,
            Body::Select(_) | Body::Close | Body::Unselect | Body::Logout => return Self::Nothing,
            _ => By::Uid,
        };
        if by == By::Number { Self::NoneGone } else { Self::All }
    }
}

impl Session {
    /// Tells what happened since the last time.
    pub(super) async fn tell(&mut self, news: News) -> Result<(), Failure> {
        let Some(selected) = self.selected.as_mut().filter(|_| news != News::Nothing) else { return Ok(()) };
        let happened = match selected.view.news(selected.known) {
            Err(StoreError::MailboxGone) => return Err(Failure::Ended(Ended::MailboxGone)),
            happened => happened?,
        };
        let gone = happened.vanished.intersection(&selected.view.uids);
        selected.gone.extend(&gone);
        if news == News::All {
            tell_gone(selected, &mut self.wire).await?;
        }
        let new = happened.changed.difference(&selected.view.uids);
        let changed = happened.changed.intersection(&selected.view.uids);
        if !new.is_empty() {
            let recent = selected.view.recent_of(&new, selected.access);
            selected.view.uids.extend(&new);
            selected.view.recent.extend(&recent);
            self.wire.out.exists(selected.exists());
            self.wire.out.recent(selected.recent());
        }
        tell_changed(selected, &mut self.wire, changed, self.is_condstore).await?;
        selected.known = happened.state.highest_modseq;
        selected.own.clear();
        Ok(())
    }

    /// The keywords of a message are shown to a client that knows of them.
    pub(super) fn tell_keywords(&mut self, message: &MessageInfo) {
        if let Some(selected) = &mut self.selected {
            tell_keywords(selected, &mut self.wire, message);
        }
    }
}

async fn tell_gone(selected: &mut Selected, wire: &mut Wire) -> Result<(), Failure> {
    let gone = std::mem::take(&mut selected.gone);
    let mut places = Places::default();
    for (uid, before) in gone.iter().zip(0..) {
        // Those before it are gone already, for the client too.
        if let Some(place) = places.of(&selected.view.uids, uid) {
            wire.out.expunge(place - before);
            wire.flush_much().await.map_err(Failure::Ended)?;
        }
    }
    if !gone.is_empty() {
        selected.view.uids = selected.view.uids.difference(&gone);
        selected.view.recent = selected.view.recent.difference(&gone);
    }
    Ok(())
}

async fn tell_changed(
    selected: &mut Selected,
    wire: &mut Wire,
    mut changed: UidSet,
    is_condstore: bool,
) -> Result<(), Failure> {
    let mut places = Places::default();
    while !changed.is_empty() {
        let page = selected.view.page(&changed, PAGE)?;
        let Some(last) = page.last() else { break };
        changed.remove_to(last.uid);
        for message in &page {
            let place = places.of(&selected.view.uids, message.uid);
            let Some(place) = place.filter(|_| !selected.own.contains(&message.modseq)) else { continue };
            tell_keywords(selected, wire, message);
            let mut fetch = wire.out.fetch(place);
            fetch.uid(message.uid.get());
            fetch.flags(&flag_words::said(&message.flags), selected.view.recent.contains(message.uid));
            if is_condstore {
                fetch.modseq(message.modseq.get());
            }
            fetch.end();
            wire.flush_much().await.map_err(Failure::Ended)?;
        }
    }
    Ok(())
}

fn tell_keywords(selected: &mut Selected, wire: &mut Wire, message: &MessageInfo) {
    if !message.flags.keywords.is_empty() && selected.learn(&message.flags) {
        let flags = selected.flags();
        wire.out.flags(&flags);
        let code = Code::PermanentFlags { flags, may_add: true };
        wire.out.untagged(Condition::Ok, Some(&code), "Flags that stay");
    }
}
