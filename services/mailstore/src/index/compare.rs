//! Whether two indexes say the same: every row of every table.

use crate::error::StoreError;
use rusqlite::Connection;
use std::path::Path;

/// Everything that a rebuild has to give again.
const TABLES: [(&str, &str); 9] = [
    // An empty segment at the end may be known or not.
    ("volume", "schema, volume, next_id, next_sequence"),
    ("segments", "*"),
    ("accounts", "*"),
    ("mailboxes", "*"),
    ("subscriptions", "*"),
    ("messages", "*"),
    ("contents", "*"),
    ("vanished", "*"),
    ("deliveries", "*"),
];

/// A table in which rows differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub table: &'static str,
    /// Rows that only the first one has.
    pub only_first: u64,
    pub only_second: u64,
}

/// `second` is the file of the other index.
pub fn compare(first: &Connection, second: &Path) -> Result<Vec<Difference>, StoreError> {
    first.execute("ATTACH DATABASE ?1 AS other", [second.to_string_lossy()])?;
    let differences = differences(first);
    first.execute_batch("DETACH DATABASE other")?;
    differences
}

fn differences(index: &Connection) -> Result<Vec<Difference>, StoreError> {
    let mut found = Vec::new();
    for (table, columns) in TABLES {
        let only_first = count_except(index, ["main", "other"], table, columns)?;
        let only_second = count_except(index, ["other", "main"], table, columns)?;
        if only_first > 0 || only_second > 0 {
            found.push(Difference { table, only_first, only_second });
        }
    }
    Ok(found)
}

fn count_except(
    index: &Connection,
    [of, without]: [&str; 2],
    table: &str,
    columns: &str,
) -> Result<u64, StoreError> {
    let rows = |database: &str| format!("SELECT {columns} FROM {database}.{table}");
    let sql = format!("SELECT count(*) FROM ({} EXCEPT {})", rows(of), rows(without));
    Ok(index.query_row(&sql, [], |row| row.get(0))?)
}
