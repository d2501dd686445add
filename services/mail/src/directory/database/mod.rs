//! Two databases that take the same SQL: SQLite for a single machine, MariaDB for many.
//!
//! Texts and integers go in and come out; a change is a list of statements that happen all or not at all, each with the number of rows that it
//! must touch. Every wait has an end. Which rows mean what is not known here. SQLite is reached by rusqlite: sqlx 0.9 wants a libsqlite3-sys
//! before 0.38, the workspace's rusqlite has 0.40, and only one of them can be linked.

mod error;
mod mariadb;
pub mod migrations;
mod sqlite;

pub use error::{ChangeError, DatabaseError, Refusal};
pub use mariadb::{MariaDb, MariaDbOptions, Transport};
pub use migrations::SchemaError;
pub use sqlite::{Presence, Sqlite};

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Text(String),
    Integer(i64),
}

pub type Row = Vec<Value>;

/// How many rows a statement must touch. If it does not, nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    One,
    Any,
}

/// One statement of a change.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: &'static str,
    pub values: Vec<Value>,
    pub touches: Touches,
}

impl Statement {
    pub fn one(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values, touches: Touches::One }
    }

    pub fn any(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values, touches: Touches::Any }
    }
}

/// One of the two. Clones are the same.
#[derive(Clone, Debug)]
pub enum Database {
    Sqlite(Sqlite),
    MariaDb(MariaDb),
}

impl Database {
    pub async fn select(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Sqlite(database) => database.select(sql, values).await,
            Self::MariaDb(database) => database.select(sql, values).await,
        }
    }

    /// All of it or nothing.
    pub async fn change(&self, statements: Vec<Statement>) -> Result<(), ChangeError> {
        match self {
            Self::Sqlite(database) => database.change(statements).await,
            Self::MariaDb(database) => database.change(statements).await,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
