//! The thread that owns the journal: takes what waits, does it, syncs once, answers.

use super::Counts;
use super::notices::Notices;
use super::turn::{Note, Turn};
use crate::error::StoreError;
use crate::index;
use crate::journal::Journal;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::{mpsc, oneshot};

/// Changes that share a sync.
const BATCH_JOBS_MAX: usize = 256;
/// Octets after which a batch takes no more changes.
const BATCH_OCTETS_MAX: u64 = 32 * 1024 * 1024;

/// A change that waits for its turn.
pub trait Job: Send {
    /// Decides and records. An error here takes back the whole batch; a refusal, which recorded nothing, is kept for the answer.
    fn run(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError>;
    /// Tells what came of it, or why the batch failed.
    fn answer(self: Box<Self>, failure: Option<&StoreError>);
}

#[derive(Debug)]
pub struct Task<T, F> {
    work: F,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

#[derive(Debug)]
pub struct Writer {
    journal: Journal,
    index: Connection,
    notices: Arc<Notices>,
    counters: Arc<Counters>,
    /// What is on the disk is not known: nothing is taken any more.
    is_stopped: bool,
}

#[derive(Debug, Default)]
pub struct Counters {
    records: AtomicU64,
    octets: AtomicU64,
    syncs: AtomicU64,
    cut_octets: AtomicU64,
}

impl<T, F> Task<T, F> {
    pub fn new(work: F, answer: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { work, result: None, answer }
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnMut(&mut Turn<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let before = turn.touched();
        match (self.work)(turn) {
            Err(error) if turn.touched() > before => Err(error),
            result => {
                self.result = Some(result);
                Ok(())
            }
        }
    }

    fn answer(self: Box<Self>, failure: Option<&StoreError>) {
        let result = match failure {
            Some(error) => Err(error.clone()),
            None => self.result.unwrap_or(Err(StoreError::Stopped)),
        };
        // Whoever asked may be gone.
        let _ = self.answer.send(result);
    }
}

impl Writer {
    pub fn new(journal: Journal, index: Connection, notices: Arc<Notices>, counters: Arc<Counters>) -> Self {
        Self { journal, index, notices, counters, is_stopped: false }
    }

    /// Until nobody can ask any more.
    pub fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < BATCH_JOBS_MAX {
                match waiting.try_recv() {
                    Ok(job) => jobs.push(job),
                    Err(_) => break,
                }
            }
            self.serve(jobs);
        }
    }

    /// A batch that fails is tried again one by one: a change that cannot be done spoils no other one.
    fn serve(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        while !jobs.is_empty() {
            match self.batch(&mut jobs) {
                Ok(done) => {
                    let rest = jobs.split_off(done);
                    jobs.into_iter().for_each(|job| job.answer(None));
                    jobs = rest;
                }
                Err(error) if jobs.len() == 1 => {
                    return jobs.into_iter().for_each(|job| job.answer(Some(&error)));
                }
                Err(_) => return jobs.into_iter().for_each(|job| self.serve(vec![job])),
            }
        }
    }

    /// Does some of the jobs, and says how many. They are durable, or there is no trace of any.
    fn batch(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<usize, StoreError> {
        if self.is_stopped {
            return Err(StoreError::Stopped);
        }
        self.index.execute_batch("BEGIN IMMEDIATE")?;
        match self.try_batch(jobs) {
            Ok((done, notes)) => {
                self.notices.publish(&notes);
                Ok(done)
            }
            Err(error) => {
                let is_undone = self.index.is_autocommit() || self.index.execute_batch("ROLLBACK").is_ok();
                let is_cut = self.journal.cut_back().is_ok();
                self.is_stopped = !(is_undone && is_cut);
                Err(error)
            }
        }
    }

    fn try_batch(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(usize, Vec<Note>), StoreError> {
        let mut turn = Turn::new(&self.index, &mut self.journal);
        let mut done = 0;
        for job in jobs {
            job.run(&mut turn)?;
            done += 1;
            if turn.octets() > BATCH_OCTETS_MAX {
                break;
            }
        }
        let (records, octets) = (turn.records(), turn.octets());
        let is_index_changed = turn.is_index_changed();
        let notes = turn.into_notes();
        if records == 0 {
            self.index.execute_batch(if is_index_changed { "COMMIT" } else { "ROLLBACK" })?;
            return Ok((done, notes));
        }
        index::set_known(&self.index, self.journal.end())?;
        self.journal.sync()?;
        self.counters.add(records, octets);
        if let Err(error) = self.index.execute_batch("COMMIT") {
            // It is durable, but nobody was told: better gone than there without anybody knowing.
            self.journal.take_back_sync()?;
            return Err(error.into());
        }
        Ok((done, notes))
    }
}

impl Counters {
    pub fn cut(&self, octets: u64) {
        self.cut_octets.store(octets, Relaxed);
    }

    fn add(&self, records: u64, octets: u64) {
        self.records.fetch_add(records, Relaxed);
        self.octets.fetch_add(octets, Relaxed);
        self.syncs.fetch_add(1, Relaxed);
    }

    pub fn get(&self) -> Counts {
        Counts {
            records: self.records.load(Relaxed),
            record_octets: self.octets.load(Relaxed),
            syncs: self.syncs.load(Relaxed),
            cut_octets: self.cut_octets.load(Relaxed),
        }
    }
}
