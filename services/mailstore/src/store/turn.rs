//! What a change may use while it has its turn: the index as all changes before it left it, and the journal.

use super::opening::know_segment;
use crate::error::StoreError;
use crate::event::{Event, Transfer};
use crate::index::apply::{self, Location};
use crate::journal::{Journal, SegmentName};
use crate::mailbox::MailboxId;
use crate::number::{ModSeq, Uid};
use rusqlite::Connection;

#[derive(Debug)]
pub struct Turn<'a> {
    index: &'a Connection,
    journal: &'a mut Journal,
    records: u64,
    octets: u64,
    index_changes: u64,
    notes: Vec<Note>,
}

/// What happened in a mailbox, for those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    Changed {
        mailbox: MailboxId,
        modseq: ModSeq,
        /// The first of those that came.
        new: Option<Uid>,
    },
    Gone {
        mailbox: MailboxId,
    },
}

impl<'a> Turn<'a> {
    pub fn new(index: &'a Connection, journal: &'a mut Journal) -> Self {
        Self { index, journal, records: 0, octets: 0, index_changes: 0, notes: Vec::new() }
    }

    pub fn index(&self) -> &'a Connection {
        self.index
    }

    /// For what the journal says already, in other words: where things are.
    pub fn change_index(&mut self) -> &'a Connection {
        self.index_changes += 1;
        self.index
    }

    pub fn is_index_changed(&self) -> bool {
        self.index_changes > 0
    }

    /// Grows with everything that would have to be undone.
    pub fn touched(&self) -> u64 {
        self.records + self.index_changes
    }

    /// How many events were recorded.
    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn octets(&self) -> u64 {
        self.octets
    }

    pub fn into_notes(self) -> Vec<Note> {
        self.notes
    }

    /// Appends an event, with the octets of the message that it adds, and applies it. After a failure nothing of the batch counts.
    pub fn record(&mut self, event: &Event, content: &[u8]) -> Result<(), StoreError> {
        self.records += 1;
        let fields = event.encode();
        let place = self.journal.append(event.kind(), &fields, content)?;
        let offset = place.body_offset + fields.len() as u64;
        let has_content = matches!(event, Event::Added(added) if added.has_content);
        let location = Location { segment: place.segment, offset: has_content.then_some(offset) };
        know_segment(self.index, SegmentName { number: place.segment, generation: 0 })?;
        let applied = apply::apply(self.index, place.sequence, event, location);
        applied.map_err(|error| error.at(&self.journal.tail_path(), place.body_offset))?;
        self.octets += (fields.len() + content.len()) as u64;
        self.note(event);
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        let mut changed = |mailbox, modseq, new| self.notes.push(Note::Changed { mailbox, modseq, new });
        let first = |transfer: &Transfer| transfer.to_uids.runs().next().map(|(first, _)| first);
        match event {
            Event::Added(added) => changed(added.mailbox, added.modseq, Some(added.uid)),
            Event::Copied(transfer) => changed(transfer.to, transfer.modseq, first(transfer)),
            Event::Moved { transfer, from_modseq } => {
                changed(transfer.to, transfer.modseq, first(transfer));
                changed(transfer.from, *from_modseq, None);
            }
            Event::FlagsChanged { mailbox, modseq, .. } | Event::Expunged { mailbox, modseq, .. } => {
                changed(*mailbox, *modseq, None);
            }
            Event::MailboxDeleted { mailbox } => self.notes.push(Note::Gone { mailbox: *mailbox }),
            Event::AccountCreated { .. }
            | Event::MailboxCreated { .. }
            | Event::MailboxesRenamed { .. }
            | Event::Subscribed { .. }
            | Event::QuotaSet { .. } => {}
        }
    }
}
