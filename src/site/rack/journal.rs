//! The site's events as the rack agent writes them.

use crate::events::{About, EventKind};
use crate::registry::{self, Committed, Registry};
use std::future::Future;
use std::pin::Pin;
use tracing::error;
use understudy_ledger::Txn;
use understudy_plan::effect::{Note, NoteKind};
use understudy_rack::{Journal, JournalError, Told};

/// Appends to the chain of events, which the registry's task owns.
pub struct SiteJournal {
    registry: Registry,
}

/// Nobody knows whether the events are stored, or they are not.
#[derive(Debug, thiserror::Error)]
#[error("the registry did not store the events")]
struct NotStored;

impl SiteJournal {
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

impl Journal for SiteJournal {
    fn record(&self, told: Told) -> Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send + '_>> {
        let txn = told.stored.map_or_else(Txn::new, |key| Txn::new().delete(key));
        let notes = told.notes.into_iter().map(event).collect();
        Box::pin(async move {
            match self.registry.commit(txn, notes).await {
                Committed::Stored(_) => Ok(()),
                Committed::Lost | Committed::Unknown => Err(JournalError(Box::new(NotStored))),
            }
        })
    }

    fn page(&self, note: &Note) {
        error!(node = ?note.node, identity = ?note.identity, text = note.text, "a person is needed");
    }
}

fn event(note: Note) -> registry::Note {
    let Note { kind, node, identity, epoch, text } = note;
    registry::Note { kind: event_kind(kind), about: About { node, identity, epoch, by: None }, text }
}

fn event_kind(kind: NoteKind) -> EventKind {
    match kind {
        NoteKind::Assigned => EventKind::Assigned,
        NoteKind::Serving => EventKind::Serving,
        NoteKind::Suspect => EventKind::Suspect,
        NoteKind::TakeoverBegun => EventKind::TakeoverBegun,
        NoteKind::Fenced => EventKind::Fenced,
        NoteKind::FenceUnconfirmed => EventKind::FenceUnconfirmed,
        NoteKind::AddressMoved => EventKind::AddressMoved,
        NoteKind::GivenUp => EventKind::GivenUp,
        NoteKind::Waiting => EventKind::Waiting,
        NoteKind::Storm => EventKind::Storm,
        NoteKind::StormOver => EventKind::StormOver,
        NoteKind::CutOff => EventKind::CutOff,
        NoteKind::Reconnected => EventKind::Reconnected,
        NoteKind::BmcDistrusted => EventKind::BmcDistrusted,
        NoteKind::Quarantined => EventKind::Quarantined,
        NoteKind::Returned => EventKind::Returned,
        NoteKind::Commanded => EventKind::Commanded,
        NoteKind::LedgerWentBack => EventKind::LedgerWentBack,
        NoteKind::Stalled => EventKind::Stalled,
    }
}
