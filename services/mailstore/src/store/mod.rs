//! The mail of one volume: what daemons ask and tell.
//!
//! Changes go to one thread, which takes all that wait as a batch: it decides on the index as it stands, appends events to the journal,
//! applies them, syncs once, commits, and only then answers. So what was answered is durable, and what can be read is durable too.
//! Reads go to SQLite's snapshot beside it, and never wait for a sync. Dropping a future of a change does not take the change back.
//!
//! Entry points: [`Store::open`], [`Store::deliver`], [`Store::open_mailbox`].

mod accounts;
mod add;
mod contents;
mod flags;
mod mailboxes;
mod notices;
pub(crate) mod opening;
pub(crate) mod readers;
mod transfer;
pub(crate) mod turn;
mod view;
mod writer;

pub use accounts::Quota;
pub use view::{Access, MailboxView};

use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::mailbox::SpecialUse;
use crate::name::MailboxName;
use crate::number::ModSeq;
use contents::Contents;
use notices::Notices;
use readers::Readers;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};
use turn::Turn;
use writer::{Job, Task};

/// Changes that wait for the writer; more of them wait in their futures.
const WAITING_MAX: usize = 1024;

/// Where a store is, and what it allows.
#[derive(Clone, Debug)]
pub struct Config {
    /// Has `journal/`, `index/` and `lock`; is made if it is not there.
    pub folder: PathBuf,
    /// A segment that has more gets no more records.
    pub segment_octets_max: u64,
    pub message_octets_max: u64,
    pub mailboxes_per_account_max: u64,
    /// What a new account has beside INBOX.
    pub usual_mailboxes: Vec<(MailboxName, SpecialUse)>,
    pub disk: Arc<dyn Disk>,
}

/// Cheap to clone. The volume is closed when the last clone is dropped, behind changes that wait.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) readers: Readers,
    contents: Contents,
    notices: Arc<Notices>,
    counters: Arc<writer::Counters>,
    /// One at a time.
    pub(crate) compaction: tokio::sync::Mutex<()>,
    /// None only while this is dropped.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    _lock: std::fs::File,
}

/// What a store has done since it was opened, and what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub records: u64,
    pub record_octets: u64,
    /// Of the journal: records per sync is how many changes shared one.
    pub syncs: u64,
    /// Octets of a torn tail that were cut when the store opened.
    pub cut_octets: u64,
}

impl Config {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let usual =
            [SpecialUse::Archive, SpecialUse::Drafts, SpecialUse::Junk, SpecialUse::Sent, SpecialUse::Trash];
        let named = |use_: SpecialUse| Some((MailboxName::new(use_.as_str()).ok()?, use_));
        Self {
            folder: folder.into(),
            segment_octets_max: 64 * 1024 * 1024,
            message_octets_max: 64 * 1024 * 1024,
            mailboxes_per_account_max: 10_000,
            usual_mailboxes: usual.into_iter().filter_map(named).collect(),
            disk: Arc::new(RealDisk),
        }
    }
}

impl Store {
    /// Opens a volume, or makes it. What the index does not know of the journal, it learns now; without an index that is everything.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        let opened = opening::open(config)?;
        let notices = Arc::new(Notices::default());
        let counters = Arc::new(writer::Counters::default());
        counters.cut(opened.cut_octets);
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let writer = writer::Writer::new(opened.journal, opened.index, notices.clone(), counters.clone());
        let thread = std::thread::Builder::new().name("mailstore-writer".to_owned());
        let thread = thread.spawn(move || writer.run(waiting));
        let thread =
            thread.map_err(|source| StoreError::io("start the writer of", &config.folder, source))?;
        let inner = Inner {
            readers: Readers::new(opening::index_path(config)),
            contents: Contents::new(config.disk.clone(), opening::journal_folder(config)),
            config: config.clone(),
            notices,
            counters,
            compaction: tokio::sync::Mutex::default(),
            jobs: Some(jobs),
            thread: Some(thread),
            _lock: opened.lock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn message_octets_max(&self) -> u64 {
        self.inner.config.message_octets_max
    }

    pub fn counts(&self) -> Counts {
        self.inner.counters.get()
    }

    /// Whether changes are taken: asks the writer in its turn, and changes nothing.
    pub async fn check_writer(&self) -> Result<(), StoreError> {
        self.change(|_| Ok(())).await
    }

    /// Wakes with every change of a mailbox, with its MODSEQ; ends when the mailbox is deleted.
    pub fn changes(&self, mailbox: crate::mailbox::MailboxId) -> watch::Receiver<ModSeq> {
        self.inner.notices.subscribe(mailbox)
    }

    /// Does something in a turn of the writer: durable when this returns, or undone. It may be called again when others in its batch fail.
    pub(crate) async fn change<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Turn<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let jobs = self.inner.jobs.as_ref().ok_or(StoreError::Stopped)?;
        jobs.send(Box::new(Task::new(work, answer))).await.map_err(|_| StoreError::Stopped)?;
        result.await.map_err(|_| StoreError::Stopped)?
    }
}

impl Inner {
    /// Of the journal.
    pub(crate) fn folder(&self) -> PathBuf {
        opening::journal_folder(&self.config)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so; the volume is closed either way.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
