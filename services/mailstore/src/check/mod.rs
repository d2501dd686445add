//! Is a volume whole? Every record of the journal is read, and an index made from it is compared with the one that is there.
//!
//! [`check`] changes nothing. [`repair`] cuts a torn tail and makes the index anew; it never drops a record that was durable. The volume
//! must not be in use. Entry points: [`check`], [`repair`].

use crate::disk::Disk;
use crate::error::StoreError;
use crate::index::compare::{Difference, compare};
use crate::index::{self, Use};
use crate::journal::walk::{self, Listed};
use crate::journal::{Position, VolumeId};
use crate::store::Config;
use crate::store::opening::{self, Learned};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// What was read, and what is not right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub segments: u64,
    pub records: u64,
    pub accounts: u64,
    pub mailboxes: u64,
    pub messages: u64,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// What was durable cannot be read. Nothing repairs it: the other half of the pair, or a backup, has it.
    Damage { path: PathBuf, offset: u64, what: String },
    /// A power cut did that. Opening the store cuts it; nothing in it was ever acknowledged.
    TornTail { octets: u64 },
    /// Opening the store, or a repair, makes it.
    NoIndex,
    /// A power cut did that. Opening the store lets the index learn them.
    IndexIsBehind { records: u64 },
    /// Somebody changed the index, or this program has a bug. A repair makes it anew.
    IndexDiffers { table: &'static str, only_index: u64, only_journal: u64 },
}

impl Finding {
    /// Whether the store would not open, or would say what is not so.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Damage { .. } | Self::IndexDiffers { .. })
    }
}

/// Reads everything and changes nothing, but for a file beside the index that it removes again.
pub fn check(config: &Config) -> Result<Report, StoreError> {
    let _lock = opening::lock(&config.folder)?;
    let path = opening::index_path(config);
    let second = path.with_extension("check");
    opening::remove(&second).map_err(|source| StoreError::io("write", &second, source))?;
    let report = check_with(config, &path, &second);
    opening::remove(&second).map_err(|source| StoreError::io("remove", &second, source))?;
    report
}

/// Makes the index anew. Fails on damage, and changes nothing then.
pub fn repair(config: &Config) -> Result<Report, StoreError> {
    let _lock = opening::lock(&config.folder)?;
    let path = opening::index_path(config);
    let opened = opening::build(config, &path)?;
    let index = index::open(&path, Use::Read)?;
    let records = opened.journal.next_sequence() - 1;
    let mut report = Report { segments: opened.segments.len() as u64, records, ..Report::default() };
    count(&index, &mut report)?;
    Ok(report)
}

fn check_with(config: &Config, path: &Path, second: &Path) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let derived = index::create(second, VolumeId([0; 16]))?;
    let Some(end) = derive(config, &derived, &mut report)? else { return Ok(report) };
    count(&derived, &mut report)?;
    report.findings.extend(compare_index(path, second, end)?);
    Ok(report)
}

/// Makes an index without touching the journal. None where it is damaged.
fn derive(config: &Config, index: &Connection, report: &mut Report) -> Result<Option<Position>, StoreError> {
    let folder = opening::journal_folder(config);
    let mut learned = Learned::new(index, &folder);
    index.execute_batch("BEGIN")?;
    let disk: &dyn Disk = &*config.disk;
    let walked = walk::list(disk, &folder).and_then(|Listed { segments, .. }| {
        report.segments = segments.len() as u64;
        let walked = walk::read(disk, &folder, &segments, None, &mut |record, header| {
            report.records += 1;
            learned.one(record, header)
        })?;
        learned.finish(walked.volume, walked.end)?;
        index.execute_batch("COMMIT")?;
        Ok(walked)
    });
    let walked = match walked {
        Err(StoreError::Damaged { path, offset, what }) => {
            report.findings.push(Finding::Damage { path, offset, what });
            return Ok(None);
        }
        walked => walked?,
    };
    if walked.cut_octets > 0 {
        report.findings.push(Finding::TornTail { octets: walked.cut_octets });
    }
    Ok(Some(walked.end))
}

fn compare_index(path: &Path, second: &Path, end: Position) -> Result<Vec<Finding>, StoreError> {
    let Some((index, (_, known))) = opening::existing(path) else { return Ok(vec![Finding::NoIndex]) };
    if known.next_sequence < end.next_sequence {
        return Ok(vec![Finding::IndexIsBehind { records: end.next_sequence - known.next_sequence }]);
    }
    if known.next_sequence > end.next_sequence {
        let (path, offset) = (path.to_owned(), 0);
        let what = format!(
            "it knows of {} records that are not in the journal",
            known.next_sequence - end.next_sequence
        );
        return Ok(vec![Finding::Damage { path, offset, what }]);
    }
    let findings =
        compare(&index, second)?.into_iter().map(|Difference { table, only_first, only_second }| {
            Finding::IndexDiffers { table, only_index: only_first, only_journal: only_second }
        });
    Ok(findings.collect())
}

fn count(index: &Connection, report: &mut Report) -> Result<(), StoreError> {
    let count = |table: &str| index.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    report.accounts = count("accounts")?;
    report.mailboxes = count("mailboxes")?;
    report.messages = count("messages")?;
    Ok(())
}
