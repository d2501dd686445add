//! What a database answers instead.

use std::sync::Arc;

/// No answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("it took more than {} s", super::super::settings::QUERY_WAIT_MAX.as_secs())]
    TimedOut,
    #[error("too many wait for it")]
    Busy,
    #[error("SQLite failed")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    #[error("MariaDB failed")]
    MariaDb(#[source] Arc<sqlx::Error>),
    #[error("a row has something else than text and whole numbers")]
    Row,
    #[error("the program ends")]
    Ending,
}

impl DatabaseError {
    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TimedOut | Self::Busy => {
                "see whether the database is up and what it is busy with, then try again"
            }
            Self::Sqlite(_) => "see whether the file of [directory] can be written and its disk has room",
            Self::MariaDb(_) => {
                "see whether MariaDB is up, and host, user and password_file of [directory.mariadb]"
            }
            Self::Row => "only mailctl writes to this database; undo what did otherwise",
            Self::Ending => "try again",
        }
    }
}

/// Why a statement of a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A row with this key is there.
    Exists,
    /// It names a row that is not there, or another row names this one.
    Reference,
    /// It touched another number of rows than it must.
    Rows,
}

/// Nothing changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("statement {statement} was refused: {refusal:?}")]
    Refused { statement: usize, refusal: Refusal },
    #[error(transparent)]
    Database(#[from] DatabaseError),
}
