//! What `mailctl` does with the directory, one file for each of its words. A change happens whole or not at all, whoever else changes something
//! at the same time.

mod account;
mod alias;
mod domain;
mod mailbox;
mod pair;

pub use account::{AccountChange, NewAccount};
pub use domain::DomainChange;
pub use pair::PairChange;

use super::database::{ChangeError, Refusal, Row, Statement, Value};
use super::{DirectoryError, Records};

/// Where a list goes on: behind this name, at most so many.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub after: String,
    pub entries_max: u32,
}

/// What a refusal of a statement means.
type Meaning<'a> = &'a (dyn Fn(usize, Refusal) -> Option<DirectoryError> + Sync);

impl Records {
    /// All of the statements or none; `meaning` says what it means that one was refused.
    async fn change(&self, statements: Vec<Statement>, meaning: Meaning<'_>) -> Result<(), DirectoryError> {
        match self.database.change(statements).await {
            Ok(()) => Ok(()),
            Err(ChangeError::Database(error)) => Err(error.into()),
            Err(ChangeError::Refused { statement, refusal }) => {
                Err(meaning(statement, refusal).unwrap_or(DirectoryError::Damaged {
                    what: "change",
                    value: format!("statement {statement}: {refusal:?}"),
                }))
            }
        }
    }

    async fn page(&self, sql: &'static str, filter: &str, page: &Page) -> Result<Vec<Row>, DirectoryError> {
        let values: [Value; 4] =
            [page.after.as_str().into(), filter.into(), filter.into(), i64::from(page.entries_max).into()];
        Ok(self.database.select(sql, values.to_vec()).await?)
    }
}

/// Statement and value for each column that changes.
fn changed(name: &str, columns: Vec<(&'static str, Option<Value>)>) -> Vec<Statement> {
    let given = columns.into_iter().filter_map(|(sql, value)| Some((sql, value?)));
    given.map(|(sql, value)| Statement::one(sql, vec![value, name.into()])).collect()
}
