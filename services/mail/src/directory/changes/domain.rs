//! Domains whose mail comes here.

use super::{Page, changed};
use crate::address::Mailbox;
use crate::directory::database::{Refusal, Statement, Value};
use crate::directory::model::{Address, Domain, Recipient};
use crate::directory::records::domain;
use crate::directory::resolve::{self, Entry, Source};
use crate::directory::{DirectoryError, Kind, Records};

/// What changes; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct DomainChange {
    pub separator: Option<Option<char>>,
    pub catch_all: Option<Option<Mailbox>>,
}

const LIST: &str = "SELECT name, tag_separator, catch_all FROM domains
    WHERE name > ? AND (? = '' OR name = ?) ORDER BY name LIMIT ?";

impl Records {
    pub async fn add_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        self.check_catch_all(&domain.name, domain.catch_all.as_ref()).await?;
        let values: [Value; 3] =
            [domain.name.as_str().into(), separator(domain.separator), catch_all(domain.catch_all.as_ref())];
        let sql = "INSERT INTO domains (name, tag_separator, catch_all) VALUES (?, ?, ?)";
        self.change(vec![Statement::one(sql, values.to_vec())], &|_, refusal| {
            (refusal == Refusal::Exists).then(|| DirectoryError::already_there(Kind::Domain, &domain.name))
        })
        .await
    }

    pub async fn set_domain(&self, name: &str, change: &DomainChange) -> Result<(), DirectoryError> {
        self.check_catch_all(name, change.catch_all.as_ref().and_then(Option::as_ref)).await?;
        let columns = vec![
            ("UPDATE domains SET tag_separator = ? WHERE name = ?", change.separator.map(separator)),
            (
                "UPDATE domains SET catch_all = ? WHERE name = ?",
                change.catch_all.as_ref().map(|target| catch_all(target.as_ref())),
            ),
        ];
        self.change(changed(name, columns), &|_, refusal| {
            (refusal == Refusal::Rows).then(|| DirectoryError::no_such(Kind::Domain, name))
        })
        .await
    }

    /// Not while it has an account or alias.
    pub async fn remove_domain(&self, name: &str) -> Result<(), DirectoryError> {
        let delete = Statement::one("DELETE FROM domains WHERE name = ?", vec![name.into()]);
        self.change(vec![delete], &|_, refusal| match refusal {
            Refusal::Rows => Some(DirectoryError::no_such(Kind::Domain, name)),
            Refusal::Reference => Some(DirectoryError::in_use(Kind::Domain, name)),
            Refusal::Exists => None,
        })
        .await
    }

    pub async fn domains(&self, page: &Page) -> Result<Vec<Domain>, DirectoryError> {
        let rows = self.page(LIST, "", page).await?;
        rows.iter().map(|row| domain(row)).collect()
    }

    /// Refuses a catch-all that is nobody's address here: mail to everybody else would come back to it.
    async fn check_catch_all(&self, name: &str, target: Option<&Mailbox>) -> Result<(), DirectoryError> {
        let Some(target) = target else { return Ok(()) };
        match resolve::resolve(&WithoutCatchAll { records: self, name }, target).await? {
            Recipient::NoSuchUser => Err(DirectoryError::no_such(Kind::Target, target)),
            Recipient::Found(_) | Recipient::NoSuchDomain => Ok(()),
        }
    }
}

/// The directory as if the domain were there, without a catch-all.
struct WithoutCatchAll<'a> {
    records: &'a Records,
    name: &'a str,
}

impl Source for WithoutCatchAll<'_> {
    async fn domain(&self, name: &str) -> Result<Option<Domain>, DirectoryError> {
        let found = self.records.domain(name).await?;
        if name != self.name {
            return Ok(found);
        }
        let separator = found.and_then(|domain| domain.separator);
        Ok(Some(Domain { name: name.to_owned(), separator, catch_all: None }))
    }

    async fn entry(&self, exact: &Address, base: Option<&Address>) -> Result<Option<Entry>, DirectoryError> {
        Source::entry(self.records, exact, base).await
    }
}

fn separator(separator: Option<char>) -> Value {
    separator.map_or(Value::Null, |letter| Value::Text(letter.to_string()))
}

fn catch_all(target: Option<&Mailbox>) -> Value {
    target.map_or(Value::Null, |target| Value::Text(target.to_string()))
}
