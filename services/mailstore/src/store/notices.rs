//! Who waits for a mailbox to change, and which messages no session was told of.
//!
//! Both live in memory: after a restart nothing is recent, and sessions are gone anyway.

use super::turn::Note;
use crate::mailbox::MailboxId;
use crate::number::{ModSeq, Uid};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Entries that nobody needs are looked for when there are so many, and then when there are twice as many as were left.
const SWEEP_AT_MIN: usize = 1024;

/// Has an entry for a mailbox while somebody waits for it, or it has recent messages, and soon none after that.
#[derive(Debug, Default)]
pub struct Notices {
    mailboxes: Mutex<Mailboxes>,
}

#[derive(Debug, Default)]
struct Mailboxes {
    entries: HashMap<MailboxId, Entry>,
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Entry {
    waiting: Option<watch::Sender<ModSeq>>,
    recent_from: Option<Uid>,
}

impl Notices {
    pub fn subscribe(&self, mailbox: MailboxId) -> watch::Receiver<ModSeq> {
        let mut mailboxes = self.lock();
        mailboxes.sweep_sometimes();
        let entry = mailboxes.entries.entry(mailbox).or_default();
        entry.waiting.get_or_insert_with(|| watch::channel(ModSeq::FIRST).0).subscribe()
    }

    /// The first message that no session was told of.
    pub fn recent_from(&self, mailbox: MailboxId) -> Option<Uid> {
        self.lock().entries.get(&mailbox)?.recent_from
    }

    /// The same, for the session that is told now.
    pub fn claim_recent(&self, mailbox: MailboxId) -> Option<Uid> {
        self.lock().entries.get_mut(&mailbox)?.recent_from.take()
    }

    pub fn publish(&self, notes: &[Note]) {
        let mut mailboxes = self.lock();
        for note in notes {
            match *note {
                Note::Changed { mailbox, modseq, new } => {
                    let entry = mailboxes.entries.entry(mailbox).or_default();
                    entry.recent_from = entry.recent_from.or(new);
                    if let Some(waiting) = &entry.waiting {
                        waiting.send_replace(modseq);
                    }
                    if !entry.is_needed() {
                        mailboxes.entries.remove(&mailbox);
                    }
                }
                Note::Gone { mailbox } => {
                    mailboxes.entries.remove(&mailbox);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Mailboxes> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailboxes {
    fn sweep_sometimes(&mut self) {
        if self.entries.len() >= self.sweep_at.max(SWEEP_AT_MIN) {
            self.entries.retain(|_, entry| entry.is_needed());
            self.sweep_at = 2 * self.entries.len();
        }
    }
}

impl Entry {
    fn is_needed(&self) -> bool {
        self.recent_from.is_some() || self.waiting.as_ref().is_some_and(|waiting| !waiting.is_closed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_that_nobody_waits_for_are_forgotten() {
        let notices = Notices::default();
        let kept = notices.subscribe(MailboxId(0));
        for mailbox in 1..100_000 {
            drop(notices.subscribe(MailboxId(mailbox)));
        }
        assert!(notices.lock().entries.len() <= SWEEP_AT_MIN);
        let modseq = ModSeq::MAX;
        notices.publish(&[Note::Changed { mailbox: MailboxId(0), modseq, new: None }]);
        assert_eq!(*kept.borrow(), modseq);
        notices.publish(&[Note::Changed { mailbox: MailboxId(7), modseq, new: None }]);
        assert!(!notices.lock().entries.contains_key(&MailboxId(7)));
    }
}
