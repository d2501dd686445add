//! SEARCH (RFC 3501, section 6.4.4; RFC 4731; RFC 7162, section 3.1.5).
//!
//! The index answers what it can for a page of messages; headers are read of those that it leaves open, and a whole message only where
//! its text decides. Entry points: [`Session::search`], [`Session::find`].

mod condition;

use super::content;
use super::failure::Failure;
use super::selected::Selected;
use super::session::{Answer, Done, Session};
use crate::error::StoreError;
use crate::message::MessageInfo;
use crate::number::{ModSeq, Places, Uid, UidSet};
use condition::{Condition, Known, Mailbox};
use mail::imap::command::search::{Key, Returns, Search};
use mail::imap::command::{By, Tag};
use mail::mime::Part;
use std::sync::Arc;

/// Messages that are in memory at once, without their contents.
const PAGE: usize = 256;

/// A message that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) uid: Uid,
    pub(super) place: u32,
    pub(super) modseq: ModSeq,
}

impl Found {
    pub(super) fn number(&self, by: By) -> u32 {
        match by {
            By::Number => self.place,
            By::Uid => self.uid.get(),
        }
    }
}

/// Whether one message is found, as far as that is known.
struct Candidate {
    message: MessageInfo,
    place: u32,
    is_recent: bool,
    is_found: Option<bool>,
}

impl Session {
    pub(super) async fn search(&mut self, tag: &Tag, search: Search) -> Answer {
        let is_about_modseq = speaks_of_modseq(&search.key);
        if is_about_modseq {
            self.begin_condstore();
        }
        let found = self.find(&search.key).await?;
        let numbers: Vec<u32> = found.iter().map(|found| found.number(search.by)).collect();
        match search.returns {
            None => {
                let modseq = found.iter().map(|found| found.modseq.get()).max();
                self.wire.out.search(&numbers, modseq.filter(|_| is_about_modseq));
            }
            Some(returns) => {
                let modseq = told_modseq(returns, &found).filter(|_| is_about_modseq);
                self.wire.out.esearch(tag, search.by, returns, &numbers, modseq);
            }
        }
        Ok(Done::new("Searched"))
    }

    /// Messages that the client knows of and that are as a key says, in order.
    pub(super) async fn find(&mut self, key: &Key) -> Result<Vec<Found>, Failure> {
        let selected = self.selected()?;
        let mailbox = Mailbox { last_uid: selected.view.uids.last(), exists: selected.exists() };
        let condition = Arc::new(Condition::of(key, mailbox));
        let mut left = self.within(&condition)?;
        let (mut found, mut places) = (Vec::new(), Places::default());
        while !left.is_empty() {
            self.wire.must_stop().map_err(Failure::Ended)?;
            let selected = self.selected()?;
            let page = selected.view.page(&left, PAGE)?;
            let Some(last) = page.last() else { break };
            left.remove_to(last.uid);
            let candidates = candidates(selected, &mut places, page, &condition);
            for candidate in self.look_into(candidates, &condition).await? {
                if candidate.is_found == Some(true) {
                    let MessageInfo { uid, modseq, .. } = candidate.message;
                    found.push(Found { uid, place: candidate.place, modseq });
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(found)
    }

    /// Messages outside of it are not found; those in it may be.
    fn within(&mut self, condition: &Condition) -> Result<UidSet, Failure> {
        let selected = self.selected()?;
        let mut within = selected.view.uids.clone();
        for part in condition.parts() {
            match part {
                Condition::Numbers(numbers) => {
                    within = within.intersection(&selected.view.uids.at_places(numbers.as_slice()));
                }
                Condition::Uids(uids) => {
                    within = within.intersection(&UidSet::of_ranges(uids.as_slice()));
                }
                Condition::ModSeq(since) => {
                    let before = since.checked_sub(1).and_then(ModSeq::new);
                    if let Some(before) = before {
                        within = within.intersection(&selected.view.news(before)?.changed);
                    }
                }
                _ => {}
            }
        }
        Ok(within)
    }

    /// What the index left open.
    async fn look_into(
        &mut self,
        mut candidates: Vec<Candidate>,
        condition: &Arc<Condition>,
    ) -> Result<Vec<Candidate>, Failure> {
        if candidates.iter().all(|candidate| candidate.is_found.is_some()) {
            return Ok(candidates);
        }
        let (view, test) = (self.selected()?.view.clone_handle(), Arc::clone(condition));
        let by_header = move || {
            for candidate in candidates.iter_mut().filter(|candidate| candidate.is_found.is_none()) {
                candidate.is_found = match content::header(&view, &candidate.message) {
                    Ok(header) => test.holds(&candidate.known(Some(&header), None)),
                    Err(StoreError::NoMessage(_)) => Some(false),
                    Err(error) => return Err(error),
                };
            }
            Ok(candidates)
        };
        let mut candidates = self.parts.work(by_header).await?;
        for candidate in candidates.iter_mut().filter(|candidate| candidate.is_found.is_none()) {
            self.wire.must_stop().map_err(Failure::Ended)?;
            let view = self.selected.as_ref().ok_or(Failure::NotSelected)?.view.clone_handle();
            let (test, message) = (Arc::clone(condition), candidate.message.clone());
            let (place, is_recent) = (candidate.place, candidate.is_recent);
            let octets = message.size;
            let by_all = move || {
                let whole = match content::whole(&view, message.uid) {
                    Err(StoreError::NoMessage(_)) => return Ok(false),
                    whole => whole?,
                };
                let root = Part::of(&whole);
                let candidate = Candidate { message, place, is_recent, is_found: None };
                let header = &whole[..root.header.end];
                Ok(test.holds(&candidate.known(Some(header), Some((&root, &whole)))) == Some(true))
            };
            candidate.is_found = Some(self.parts.work_on_whole(octets, by_all).await?);
        }
        Ok(candidates)
    }
}

impl Candidate {
    fn known<'a>(&'a self, header: Option<&'a [u8]>, whole: Option<(&'a Part, &'a [u8])>) -> Known<'a> {
        let Self { message, place, is_recent, .. } = self;
        Known { message, place: *place, is_recent: *is_recent, header, whole }
    }
}

fn candidates(
    selected: &Selected,
    places: &mut Places,
    page: Vec<MessageInfo>,
    condition: &Condition,
) -> Vec<Candidate> {
    let candidate = |message: MessageInfo| {
        let place = places.of(&selected.view.uids, message.uid)?;
        let is_recent = selected.view.recent.contains(message.uid);
        let mut candidate = Candidate { message, place, is_recent, is_found: None };
        candidate.is_found = condition.holds(&candidate.known(None, None));
        Some(candidate)
    };
    page.into_iter().filter_map(candidate).collect()
}

/// Of those messages that are told of (RFC 4731, section 3.2).
fn told_modseq(returns: Returns, found: &[Found]) -> Option<u64> {
    let modseq = |found: &Found| found.modseq.get();
    if returns.all || returns.count {
        return found.iter().map(modseq).max();
    }
    let min = found.first().filter(|_| returns.min).map(modseq);
    let max = found.last().filter(|_| returns.max).map(modseq);
    min.max(max)
}

/// As deep as the parser lets keys be in each other.
fn speaks_of_modseq(key: &Key) -> bool {
    match key {
        Key::ModSeq(_) => true,
        Key::Not(one) => speaks_of_modseq(one),
        Key::Or(one, other) => speaks_of_modseq(one) || speaks_of_modseq(other),
        Key::And(all) => all.iter().any(speaks_of_modseq),
        _ => false,
    }
}
