//! FETCH (RFC 3501, section 6.4.5; RFC 7162, section 3.1.4).
//!
//! A page of messages at a time, and one message after the other: what is long of one is sent in pieces as it is read. Entry point: [`Session::fetch`].

mod prepare;

use super::content::PIECE_OCTETS;
use super::failure::Failure;
use super::flag_words;
use super::parts::blocking;
use super::session::{Answer, Done, Session};
use super::wire::Ended;
use crate::error::StoreError;
use crate::flags::{FlagChange, Flags};
use crate::message::MessageInfo;
use crate::number::{ModSeq, Places, UidSet};
use crate::store::Access;
use mail::imap::command::By;
use mail::imap::command::fetch::{Fetch, Item};
use mail::imap::response::without_nul;
use prepare::{Piece, Plan, Prepared, Reach};
use std::ops::Range;
use std::sync::Arc;
use tracing::warn;

/// Messages whose flags are in memory at once.
const PAGE: usize = 256;

impl Session {
    pub(super) async fn fetch(&mut self, fetch: Fetch) -> Answer {
        let plan = Arc::new(Plan::of(&fetch));
        if plan.items.contains(&Item::ModSeq) {
            self.begin_condstore();
        }
        let selected = self.selected()?;
        let mut left = selected.resolve(fetch.by, &fetch.set)?;
        if let Some(since) = fetch.changed_since {
            left = match ModSeq::new(since) {
                Some(since) => left.intersection(&selected.view.news(since)?.changed),
                // Behind all that there can be.
                None => UidSet::new(),
            };
        }
        let is_seen_by_this = plan.is_seeing && selected.access == Access::ReadWrite;
        let (wanted, mut told, mut trouble) = (left.len(), 0, None);
        let mut places = Places::default();
        while !left.is_empty() {
            self.wire.must_stop().map_err(Failure::Ended)?;
            let page = self.selected()?.view.page(&left, PAGE)?;
            let Some(last) = page.last() else { break };
            left.remove_to(last.uid);
            let (page, seen) = if is_seen_by_this { self.see(page).await? } else { (page, UidSet::new()) };
            for message in &page {
                let Some(place) = places.of(&self.selected()?.view.uids, message.uid) else { continue };
                match self.tell_message(place, message, &plan, seen.contains(message.uid)).await {
                    Ok(()) => told += 1,
                    Err(ended @ Failure::Ended(_)) => return Err(ended),
                    Err(Failure::Store(StoreError::NoMessage(_))) => {}
                    // The others are told of all the same.
                    Err(failure) => trouble = Some(failure),
                }
            }
            // Others have their turn.
            tokio::task::yield_now().await;
        }
        match trouble {
            Some(failure) => Err(failure),
            None if told < wanted && fetch.by == By::Number && fetch.changed_since.is_none() => {
                Err(Failure::SomeAreGone)
            }
            None => Ok(Done::new("Fetched")),
        }
    }

    /// Messages that are seen by that. Returns the page as it is then, and which messages have changed.
    async fn see(&mut self, page: Vec<MessageInfo>) -> Result<(Vec<MessageInfo>, UidSet), Failure> {
        let unseen = page.iter().filter(|message| !message.flags.seen).map(|message| message.uid);
        let unseen: UidSet = unseen.collect();
        if unseen.is_empty() {
            return Ok((page, unseen));
        }
        let mailbox = self.selected()?.view.id();
        let change = FlagChange::Add(Flags::seen());
        let flagged = self.parts.store.store_flags(mailbox, unseen.clone(), change, None).await?;
        let uids: UidSet = page.iter().map(|message| message.uid).collect();
        let selected = self.selected()?;
        selected.own.extend(flagged.modseq);
        Ok((selected.view.page(&uids, PAGE)?, unseen))
    }

    async fn tell_message(
        &mut self,
        place: u32,
        message: &MessageInfo,
        plan: &Arc<Plan>,
        is_now_seen: bool,
    ) -> Result<(), Failure> {
        let prepared = self.prepare(message, plan).await?;
        if plan.items.contains(&Item::Flags) || is_now_seen {
            self.tell_keywords(message);
        }
        self.tell_facts(place, message, plan, &prepared, is_now_seen);
        let wanted = plan.items.iter().filter_map(|item| match item {
            Item::Octets(octets) => Some(octets),
            _ => None,
        });
        let mut is_first = !plan.has_facts() && !is_now_seen;
        for (wanted, piece) in wanted.zip(prepared.octets) {
            let mut fetch = self.wire.out.fetch_again(is_first);
            is_first = false;
            match piece {
                Piece::Missing => fetch.octets(wanted, None),
                Piece::Octets(octets) => fetch.octets(wanted, Some(&octets)),
                Piece::Place(place) => {
                    fetch.octets_head(wanted, place.end - place.start);
                    self.send_place(message, place).await?;
                }
            }
            self.wire.flush_much().await.map_err(Failure::Ended)?;
        }
        self.wire.out.fetch_again(false).end();
        self.wire.flush_much().await.map_err(Failure::Ended)
    }

    async fn prepare(&mut self, message: &MessageInfo, plan: &Arc<Plan>) -> Result<Prepared, Failure> {
        if plan.reach == Reach::Index && plan.is_long(message) {
            return Ok(plan.without_octets(message));
        }
        let (view, message, plan) = (self.selected()?.view.clone_handle(), message.clone(), Arc::clone(plan));
        let (reach, size) = (plan.reach, message.size);
        let read = move || plan.prepare(&view, &message);
        let prepared = match reach {
            Reach::Index | Reach::Header => blocking(read).await,
            Reach::Whole => self.parts.work_on_whole(size, read).await,
        };
        if let Err(failure) = &prepared {
            self.note(failure);
        }
        prepared
    }

    /// All that is short.
    fn tell_facts(
        &mut self,
        place: u32,
        message: &MessageInfo,
        plan: &Plan,
        prepared: &Prepared,
        is_now_seen: bool,
    ) {
        let is_recent =
            self.selected.as_ref().is_some_and(|selected| selected.view.recent.contains(message.uid));
        let mut fetch = self.wire.out.fetch(place);
        for item in &plan.items {
            match item {
                Item::Uid => fetch.uid(message.uid.get()),
                Item::Flags => fetch.flags(&flag_words::said(&message.flags), is_recent),
                Item::InternalDate => fetch.internal_date(message.received.as_second()),
                Item::Size => fetch.size(message.size),
                Item::ModSeq => fetch.modseq(message.modseq.get()),
                Item::Envelope => fetch.envelope(&prepared.envelope),
                Item::Body => prepared.root.iter().for_each(|root| fetch.body(root)),
                Item::BodyStructure => prepared.root.iter().for_each(|root| fetch.body_structure(root)),
                Item::Octets(_) => {}
            }
        }
        if is_now_seen && !plan.items.contains(&Item::Flags) {
            fetch.flags(&flag_words::said(&message.flags), is_recent);
        }
        if is_now_seen && self.is_condstore && !plan.items.contains(&Item::ModSeq) {
            fetch.modseq(message.modseq.get());
        }
    }

    /// Octets whose number was said. If they cannot be read to their end, nothing can be said any more.
    async fn send_place(&mut self, message: &MessageInfo, place: Range<u64>) -> Result<(), Failure> {
        let is_whole = place == (0..message.size);
        let uid = message.uid;
        let (mut at, mut checksum) = (place.start, 0);
        while at < place.end {
            let view = self.selected()?.view.clone_handle();
            let range = at..place.end.min(at + PIECE_OCTETS);
            let wanted = range.end - range.start;
            let piece = match blocking(move || view.message(uid, range)).await {
                Ok(piece) if piece.len() as u64 == wanted => piece,
                Ok(_) => return Err(self.cut_off(&Failure::Broken)),
                Err(failure) => return Err(self.cut_off(&failure)),
            };
            at += wanted;
            checksum = crc32c::crc32c_append(checksum, &piece);
            let mut piece = Vec::from(piece);
            without_nul(&mut piece);
            self.wire.send_behind(&piece).await.map_err(Failure::Ended)?;
        }
        if is_whole {
            let view = self.selected()?.view.clone_handle();
            match blocking(move || view.checksum(uid)).await {
                Ok(expected) if expected == checksum => {}
                Ok(_) => return Err(self.cut_off(&Failure::Broken)),
                // It went while it was sent; it was whole when that began.
                Err(Failure::Store(StoreError::NoMessage(_) | StoreError::MailboxGone)) => {}
                Err(failure) => return Err(self.cut_off(&failure)),
            }
        }
        Ok(())
    }

    /// In the middle of a literal.
    fn cut_off(&mut self, failure: &Failure) -> Failure {
        self.note(failure);
        warn!(listener = self.parts.config.name, %failure, "a message ends in its middle, and so does its session");
        let ended: Ended = self.wire.give_up();
        Failure::Ended(ended)
    }
}
