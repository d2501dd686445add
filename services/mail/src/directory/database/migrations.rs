//! The schema, by numbered steps. A step that was released is never edited; a new one goes to the end.
//!
//! Only `mailctl schema upgrade` makes steps. A daemon refuses a schema that lacks a step it needs, or that says that a program as old as
//! the daemon cannot read it any more; so nodes are upgraded one by one while others serve.

use super::{Database, DatabaseError, Row, Value};

/// One step.
#[derive(Debug)]
pub struct Migration {
    version: i64,
    /// The oldest version of the schema whose programs understand this one too.
    readable_by: i64,
    pub(super) sql: &'static str,
}

const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, readable_by: 1, sql: include_str!("migrations/0001_directory.sql") }];

/// The version that this program needs.
pub const VERSION: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

pub(super) const VERSIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    version BIGINT NOT NULL, readable_by BIGINT NOT NULL, PRIMARY KEY (version)) /*! ENGINE=InnoDB */";

/// The directory's tables are not those that this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("there is no directory in this database")]
    Missing,
    #[error("the directory has version {found} of its tables, this program needs {VERSION}")]
    TooOld { found: i64 },
    #[error(
        "the directory's tables need a program of version {readable_by} or later, this one has {VERSION}"
    )]
    TooNew { readable_by: i64 },
}

impl SchemaError {
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Missing | Self::TooOld { .. } => "run: mailctl schema upgrade",
            Self::TooNew { .. } => "install the version of this program that belongs to the newest mailctl",
        }
    }
}

impl Migration {
    pub(super) const IS_DONE: &'static str = "SELECT COUNT(*) FROM schema_versions WHERE version = ?";
    pub(super) const DONE: &'static str = "INSERT INTO schema_versions (version, readable_by) VALUES (?, ?)";

    pub(super) fn key(&self) -> Vec<Value> {
        vec![self.version.into()]
    }

    pub(super) fn row(&self) -> Vec<Value> {
        vec![self.version.into(), self.readable_by.into()]
    }

    pub(super) fn is_done(&self, rows: &[Row]) -> bool {
        rows.first().is_some_and(|row| row.first() != Some(&Value::Integer(0)))
    }
}

impl Database {
    /// Makes the steps that are missing.
    pub async fn upgrade(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(database) => database.migrate(MIGRATIONS).await,
            Self::MariaDb(database) => database.migrate(MIGRATIONS).await,
        }
    }

    /// Whether this program understands what is stored.
    pub async fn check_schema(&self) -> Result<Result<(), SchemaError>, DatabaseError> {
        if !self.has_versions().await? {
            return Ok(Err(SchemaError::Missing));
        }
        let sql = "SELECT MAX(version), MAX(readable_by) FROM schema_versions";
        let rows = self.select(sql, Vec::new()).await?;
        Ok(match rows.first().map(Vec::as_slice) {
            Some([Value::Integer(found), Value::Integer(readable_by)]) => understands(*found, *readable_by),
            _ => Err(SchemaError::Missing),
        })
    }

    async fn has_versions(&self) -> Result<bool, DatabaseError> {
        let sql = match self {
            Self::Sqlite(_) => "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_versions'",
            Self::MariaDb(_) => {
                "SELECT COUNT(*) FROM information_schema.tables
                 WHERE table_schema = DATABASE() AND table_name = 'schema_versions'"
            }
        };
        let rows = self.select(sql, Vec::new()).await?;
        Ok(rows.first().is_some_and(|row| row.first() != Some(&Value::Integer(0))))
    }
}

fn understands(found: i64, readable_by: i64) -> Result<(), SchemaError> {
    if readable_by > VERSION {
        Err(SchemaError::TooNew { readable_by })
    } else if found < VERSION {
        Err(SchemaError::TooOld { found })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_gaps() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let expected: Vec<_> = (1..).take(MIGRATIONS.len()).collect();
        assert_eq!(versions, expected);
        assert!(MIGRATIONS.iter().all(|migration| migration.readable_by <= migration.version));
    }

    #[test]
    fn a_newer_schema_is_understood_while_it_says_so() {
        assert_eq!(understands(VERSION, 1), Ok(()));
        assert_eq!(understands(VERSION + 5, VERSION), Ok(()));
        let too_new = SchemaError::TooNew { readable_by: VERSION + 1 };
        assert_eq!(understands(VERSION + 1, VERSION + 1), Err(too_new));
        assert_eq!(understands(VERSION - 1, 1), Err(SchemaError::TooOld { found: VERSION - 1 }));
    }
}
