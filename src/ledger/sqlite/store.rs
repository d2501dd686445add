//! The tables: reading, comparing, writing. Runs on one thread; knows nothing of who waits.

use crate::LedgerError;
use crate::key::{Key, Prefix};
use crate::txn::{Compare, Entry, Expected, Operation, Outcome, Page, Revision, Txn};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use understudy_core::base::sha256::Sha256;

/// An open database that was checked.
pub struct Store {
    connection: Connection,
}

/// A row as it is stored. The digest covers the rest: what a disk flipped inside a value is noticed here,
/// where SQLite's own checks see only the structure.
struct Stored {
    key: String,
    value: String,
    created: Revision,
    modified: Revision,
    digest: Vec<u8>,
}

const COLUMNS: &str = "SELECT key, value, created, modified, digest FROM entries";

impl Store {
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Reads every entry.
    pub fn check(&self) -> Result<(), LedgerError> {
        let mut statement = self.connection.prepare(COLUMNS)?;
        let mut newest = 0;
        for stored in statement.query_map([], Stored::read)? {
            newest = newest.max(stored?.entry()?.modified);
        }
        // A revision that went back would come again, and a compare with it would hold wrongly.
        if revision(&self.connection)? < newest {
            return Err(LedgerError::RevisionBack);
        }
        Ok(())
    }

    pub fn get(&self, key: &Key) -> Result<Option<Entry>, LedgerError> {
        let mut statement = self.connection.prepare_cached(&format!("{COLUMNS} WHERE key = ?1"))?;
        let stored = statement.query_row([key.as_str()], Stored::read).optional()?;
        stored.map(Stored::entry).transpose()
    }

    pub fn range(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Result<Page, LedgerError> {
        let sql = format!("{COLUMNS} WHERE key >= ?1 AND key < ?2 AND key > ?3 ORDER BY key LIMIT ?4");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let behind = after.map_or("", Key::as_str);
        // One more than asked for tells whether there are more.
        let rows = statement
            .query_map(params![prefix.as_str(), prefix.end(), behind, limit as u64 + 1], Stored::read)?;
        let mut entries = rows.map(|stored| stored?.entry()).collect::<Result<Vec<_>, LedgerError>>()?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Page { entries, more })
    }

    /// Does all with one `fsync`; if that fails, each by itself, so that each has its own answer.
    pub fn write(&mut self, txns: &[Txn]) -> Vec<Result<Outcome, LedgerError>> {
        if txns.len() > 1
            && let Ok(outcomes) = self.attempt(txns)
        {
            return outcomes.into_iter().map(Ok).collect();
        }
        txns.iter()
            .map(|txn| {
                let mut outcomes = self.attempt(std::slice::from_ref(txn))?;
                Ok(outcomes.remove(0))
            })
            .collect()
    }

    fn attempt(&mut self, txns: &[Txn]) -> Result<Vec<Outcome>, LedgerError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = revision(&transaction)?;
        let mut now = before;
        let outcomes =
            txns.iter().map(|txn| apply(&transaction, txn, &mut now)).collect::<Result<Vec<_>, _>>()?;
        if now != before {
            transaction.prepare_cached("UPDATE revision SET at = ?1")?.execute([now])?;
            transaction.commit()?;
        }
        Ok(outcomes)
    }

    #[cfg(test)]
    pub fn limit_pages(&self, pages: u32) {
        self.connection.pragma_update(None, "max_page_count", pages).unwrap();
    }
}

fn revision(connection: &Connection) -> Result<Revision, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT at FROM revision WHERE one = 1")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn apply(transaction: &Transaction<'_>, txn: &Txn, now: &mut Revision) -> Result<Outcome, LedgerError> {
    for compare in &txn.compares {
        if !holds(transaction, compare)? {
            return Ok(Outcome::Refused(compare.key.clone()));
        }
    }
    let next = *now + 1;
    let mut changed = 0;
    for operation in &txn.operations {
        changed += match operation {
            Operation::Put { key, value } => put(transaction, key, &value.to_string(), next)?,
            Operation::Delete { key } => {
                transaction.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([key.as_str()])?
            }
        };
    }
    if changed > 0 {
        *now = next;
    }
    Ok(Outcome::Committed(*now))
}

fn holds(transaction: &Transaction<'_>, compare: &Compare) -> Result<bool, LedgerError> {
    let mut statement = transaction.prepare_cached("SELECT created, modified FROM entries WHERE key = ?1")?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let found: Option<(Revision, Revision)> = statement.query_row([compare.key.as_str()], read).optional()?;
    Ok(match (compare.expected, found) {
        (Expected::Absent, found) => found.is_none(),
        (Expected::Created(revision), Some((created, _))) => revision == created,
        (Expected::Modified(revision), Some((_, modified))) => revision == modified,
        (Expected::Created(_) | Expected::Modified(_), None) => false,
    })
}

fn put(
    transaction: &Transaction<'_>,
    key: &Key,
    value: &str,
    revision: Revision,
) -> Result<usize, LedgerError> {
    let mut statement = transaction.prepare_cached("SELECT created FROM entries WHERE key = ?1")?;
    let created = statement.query_row([key.as_str()], |row| row.get(0)).optional()?.unwrap_or(revision);
    let digest = digest(key.as_str(), value, created, revision);
    let sql = "INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = transaction.prepare_cached(sql)?;
    Ok(statement.execute(params![key.as_str(), value, created, revision, digest.as_bytes()])?)
}

fn digest(key: &str, value: &str, created: Revision, modified: Revision) -> Sha256 {
    let (created, modified) = (created.to_be_bytes(), modified.to_be_bytes());
    // Keys hold no zero byte, so the border is unambiguous.
    Sha256::of_parts(&[key.as_bytes(), &[0], &created, &modified, value.as_bytes()])
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(0)?,
            value: row.get(1)?,
            created: row.get(2)?,
            modified: row.get(3)?,
            digest: row.get(4)?,
        })
    }

    fn entry(self) -> Result<Entry, LedgerError> {
        let Self { key, value, created, modified, digest: stored } = self;
        if digest(&key, &value, created, modified).as_bytes().as_slice() != stored {
            return Err(LedgerError::Damaged(key));
        }
        let parsed = (key.parse(), serde_json::from_str(&value));
        match parsed {
            (Ok(key), Ok(value)) => Ok(Entry { key, value, created, modified }),
            _ => Err(LedgerError::Damaged(key)),
        }
    }
}
