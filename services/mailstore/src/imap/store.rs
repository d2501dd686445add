//! STORE (RFC 3501, section 6.4.6; RFC 7162, section 3.1.3).

use super::copy::ranges;
use super::failure::Failure;
use super::flag_words;
use super::session::{Answer, Done, Session};
use crate::flags::FlagChange;
use crate::message::Flagged;
use crate::number::{ModSeq, Places, UidSet};
use mail::imap::command::{By, Change, Store};
use mail::imap::response::Code;
use mail::imap::set::{Ranges, compact};

/// Messages whose flags are in memory at once.
const PAGE: usize = 256;

impl Session {
    pub(super) async fn store(&mut self, store: Store) -> Answer {
        if store.unchanged_since.is_some() {
            self.begin_condstore();
        }
        let selected = self.selected()?;
        selected.must_be_writable()?;
        let uids = selected.resolve(store.by, &store.set)?;
        let wanted = uids.len();
        let flagged = self.change_flags(uids, &store).await?;
        let missing = wanted - flagged.done.len() - flagged.refused.len();
        if let Some(modseq) = flagged.modseq {
            self.selected()?.own.push(modseq);
        }
        if !store.is_silent || self.is_condstore {
            self.tell_flags(flagged.done, &store).await?;
        }
        if !flagged.refused.is_empty() {
            let refused = self.as_said(store.by, &flagged.refused)?;
            return Ok(Done::new("Some were changed by others").with(Some(Code::Modified(refused))));
        }
        if store.by == By::Number && missing > 0 {
            return Err(Failure::SomeAreGone);
        }
        Ok(Done::new("Stored"))
    }

    async fn change_flags(&mut self, uids: UidSet, store: &Store) -> Result<Flagged, Failure> {
        let flags = flag_words::kept(&store.flags)?;
        let change = match store.change {
            Change::Replace => FlagChange::Replace(flags),
            Change::Add => FlagChange::Add(flags),
            Change::Remove => FlagChange::Remove(flags),
        };
        let since = match store.unchanged_since {
            // Each flag has changed after that.
            Some(0) => return Ok(Flagged { refused: uids, ..Flagged::default() }),
            Some(since) => ModSeq::new(since),
            None => None,
        };
        let mailbox = self.selected()?.view.id();
        Ok(self.parts.store.store_flags(mailbox, uids, change, since).await?)
    }

    /// What became of messages. Who knows MODSEQ is told of it, asked or not.
    async fn tell_flags(&mut self, mut done: UidSet, store: &Store) -> Result<(), Failure> {
        let mut places = Places::default();
        while !done.is_empty() {
            let selected = self.selected()?;
            let page = selected.view.page(&done, PAGE)?;
            let Some(last) = page.last() else { break };
            done.remove_to(last.uid);
            for message in &page {
                if !store.is_silent {
                    self.tell_keywords(message);
                }
                let is_condstore = self.is_condstore;
                let Some(selected) = &self.selected else { return Err(Failure::NotSelected) };
                let Some(place) = places.of(&selected.view.uids, message.uid) else { continue };
                let mut fetch = self.wire.out.fetch(place);
                if store.by == By::Uid || is_condstore {
                    fetch.uid(message.uid.get());
                }
                if !store.is_silent {
                    let is_recent = selected.view.recent.contains(message.uid);
                    fetch.flags(&flag_words::said(&message.flags), is_recent);
                }
                if is_condstore {
                    fetch.modseq(message.modseq.get());
                }
                fetch.end();
                self.wire.flush_much().await.map_err(Failure::Ended)?;
            }
        }
        Ok(())
    }

    /// Messages in the words of the command that meant them.
    fn as_said(&mut self, by: By, uids: &UidSet) -> Result<Ranges, Failure> {
        if by == By::Uid {
            return Ok(ranges(uids));
        }
        let selected = self.selected()?;
        let mut places = Places::default();
        Ok(compact(uids.iter().filter_map(|uid| places.of(&selected.view.uids, uid))))
    }
}
