//! The mailbox that is selected, as its client knows it.

use super::failure::Failure;
use crate::flags::{Flags, Keyword};
use crate::name::MailboxName;
use crate::number::{ModSeq, UidSet};
use crate::store::{Access, MailboxView};
use mail::imap::command::{By, Flag};
use mail::imap::set::Set;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// Keywords that a client is told of; those above are still shown where they are set.
pub(super) const KEYWORDS_MAX: usize = 200;

pub(super) struct Selected {
    pub(super) name: MailboxName,
    pub(super) access: Access,
    /// Its `uids` are the messages that the client counts, its `recent` those that are new to it.
    pub(super) view: MailboxView,
    /// Messages that the client counts, and that are gone.
    pub(super) gone: UidSet,
    /// As of then the client was told of everything.
    pub(super) known: ModSeq,
    /// Changes by this session, of which the client has been told.
    pub(super) own: Vec<ModSeq>,
    keywords: BTreeSet<Keyword>,
    pub(super) changes: watch::Receiver<ModSeq>,
}

impl Selected {
    pub(super) fn new(
        name: MailboxName,
        access: Access,
        view: MailboxView,
        keywords: BTreeSet<Keyword>,
        changes: watch::Receiver<ModSeq>,
    ) -> Self {
        let known = view.info.state.highest_modseq;
        let keywords = keywords.into_iter().take(KEYWORDS_MAX).collect();
        Self { name, access, view, gone: UidSet::new(), known, own: Vec::new(), keywords, changes }
    }

    pub(super) fn exists(&self) -> u32 {
        u32::try_from(self.view.uids.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn recent(&self) -> u32 {
        u32::try_from(self.view.recent.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn must_be_writable(&self) -> Result<(), Failure> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Failure::ReadOnly),
        }
    }

    /// Messages that a client means. A UID that nobody has means nothing (RFC 3501, section 6.4.8); a number that nobody has is an error.
    pub(super) fn resolve(&self, by: By, set: &Set) -> Result<UidSet, Failure> {
        let uids = &self.view.uids;
        match by {
            By::Uid => {
                let ranges = set.resolve(uids.last().map(|uid| uid.get()));
                Ok(uids.intersection(&UidSet::of_ranges(ranges.as_slice())))
            }
            By::Number => {
                let exists = self.exists();
                let ranges = set.resolve((exists > 0).then_some(exists));
                if ranges.last().is_some_and(|last| last > exists) {
                    return Err(Failure::NoSuchNumber);
                }
                Ok(uids.at_places(ranges.as_slice()))
            }
        }
    }

    /// All flags that the client knows.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let keywords = self.keywords.iter().map(|keyword| Flag::Keyword(keyword.as_str().to_owned()));
        super::flag_words::SYSTEM.into_iter().chain(keywords).collect()
    }

    /// Whether the client has to be told of the keywords of a message before it is shown them.
    pub(super) fn learn(&mut self, flags: &Flags) -> bool {
        let before = self.keywords.len();
        for keyword in &flags.keywords {
            if self.keywords.len() >= KEYWORDS_MAX {
                break;
            }
            if !self.keywords.contains(keyword) {
                self.keywords.insert(keyword.clone());
            }
        }
        self.keywords.len() > before
    }
}
