//! What is stored, read. Every method is one or two questions to the database.

use super::database::{Database, Presence, Value};
use super::model::{Access, Account, Address, Domain, Endpoint, PairAddress, PairName, Place, Recipient};
use super::resolve::{self, Entry, Source};
use super::settings::{DirectorySettings, OpenError};
use super::{Directory, DirectoryError};
use crate::address::Mailbox;
use crate::config::Octets;
use std::str::FromStr;

/// The directory without a cache. Clones are the same.
#[derive(Clone, Debug)]
pub struct Records {
    pub(super) database: Database,
}

const ACCOUNT: &str = "SELECT accounts.name, access, password_hash, scram, keeps_copy, pair, quota_octets
    FROM accounts LEFT JOIN mailboxes ON mailboxes.account = accounts.name WHERE accounts.name = ?";
const PAIR: &str = "SELECT lmtp, imap, pop3 FROM pairs WHERE name = ?";
const DOMAIN: &str = "SELECT name, tag_separator, catch_all FROM domains WHERE name = ?";
const ENTRY: &str = "SELECT addresses.address, keeps_copy, pair, quota_octets
    FROM addresses LEFT JOIN accounts ON accounts.name = addresses.address
    LEFT JOIN mailboxes ON mailboxes.account = addresses.address WHERE addresses.address IN (?, ?)";
const TARGETS: &str = "SELECT target FROM targets WHERE address = ? ORDER BY target LIMIT 1001";

impl Records {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// For a daemon: the database is there, and this program understands it. MariaDB is first asked when something is asked.
    pub fn open(settings: &DirectorySettings) -> Result<Self, OpenError> {
        Ok(Self::new(settings.open(Presence::MustExist)?))
    }

    /// For the program that makes the schema: a file that is not there is made.
    pub fn open_or_make(settings: &DirectorySettings) -> Result<Self, OpenError> {
        Ok(Self::new(settings.open(Presence::MayBeMade)?))
    }

    /// Makes or upgrades the tables.
    pub async fn upgrade(&self) -> Result<(), DirectoryError> {
        // One that is too new is left as it is.
        if let Err(error @ super::database::SchemaError::TooNew { .. }) = self.database.check_schema().await?
        {
            return Err(error.into());
        }
        Ok(self.database.upgrade().await?)
    }

    /// Whether the directory answers, and this program understands it.
    pub async fn check(&self) -> Result<(), DirectoryError> {
        Ok(self.database.check_schema().await??)
    }

    pub async fn domain(&self, name: &str) -> Result<Option<Domain>, DirectoryError> {
        let rows = self.database.select(DOMAIN, vec![name.into()]).await?;
        rows.first().map(|row| domain(row)).transpose()
    }

    /// Where mail to an account or alias goes as well, as it was written.
    pub async fn targets(&self, address: &Address) -> Result<Vec<Mailbox>, DirectoryError> {
        let rows = self.database.select(TARGETS, vec![address.as_str().into()]).await?;
        rows.iter().map(|row| parsed("target", cell(row, 0)?)).collect()
    }

    pub async fn account_by_name(&self, name: &Address) -> Result<Option<Account>, DirectoryError> {
        let rows = self.database.select(ACCOUNT, vec![name.as_str().into()]).await?;
        rows.first().map(|row| account(row)).transpose()
    }
}

impl Directory for Records {
    async fn recipient(&self, mailbox: &Mailbox) -> Result<Recipient, DirectoryError> {
        resolve::resolve(self, mailbox).await
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, DirectoryError> {
        match login.parse::<Address>() {
            Ok(name) => self.account_by_name(&name).await,
            // What is no address is nobody's name.
            Err(_) => Ok(None),
        }
    }

    async fn pair(&self, name: &PairName) -> Result<Option<PairAddress>, DirectoryError> {
        let rows = self.database.select(PAIR, vec![name.as_str().into()]).await?;
        rows.first().map(|row| pair(row)).transpose()
    }
}

impl Source for Records {
    async fn domain(&self, name: &str) -> Result<Option<Domain>, DirectoryError> {
        Self::domain(self, name).await
    }

    async fn entry(&self, exact: &Address, base: Option<&Address>) -> Result<Option<Entry>, DirectoryError> {
        let base = base.unwrap_or(exact);
        let values = vec![exact.as_str().into(), base.as_str().into()];
        let rows = self.database.select(ENTRY, values).await?;
        let found = |address: &Address| rows.iter().find(|row| row.first() == Some(&address.as_str().into()));
        let (address, row) = match (found(exact), found(base)) {
            (Some(row), _) => (exact, row),
            (None, Some(row)) => (base, row),
            (None, None) => return Ok(None),
        };
        let targets = self.targets(address).await?;
        Ok(Some(Entry {
            address: address.clone(),
            keeps_copy: integer(row, 1)? != Some(0),
            place: place(row, 2)?,
            targets,
        }))
    }
}

pub(super) fn domain(row: &[Value]) -> Result<Domain, DirectoryError> {
    let separator = match optional(row, 1)? {
        None => None,
        Some(text) => Some(parsed("tag separator", text)?),
    };
    let catch_all = optional(row, 2)?.map(|text| parsed("catch-all", text)).transpose()?;
    Ok(Domain { name: cell(row, 0)?.to_owned(), separator, catch_all })
}

pub(super) fn account(row: &[Value]) -> Result<Account, DirectoryError> {
    let access = match cell(row, 1)? {
        "open" => Access::Open,
        "locked" => Access::Locked,
        other => return Err(damaged("access of an account", other)),
    };
    // What is wrong with a hash is told without it.
    let secret = |column, what| -> Result<Option<&str>, DirectoryError> {
        optional(row, column).map_err(|_| damaged(what, "(secret)"))
    };
    let password = secret(2, "password hash")?.map(str::parse).transpose();
    let scram = secret(3, "SCRAM key")?.map(str::parse).transpose();
    Ok(Account {
        name: parsed("account", cell(row, 0)?)?,
        access,
        password: password.map_err(|_| damaged("password hash", cell(row, 0).unwrap_or_default()))?,
        scram: scram.map_err(|_| damaged("SCRAM key", cell(row, 0).unwrap_or_default()))?,
        keeps_copy: integer(row, 4)? != Some(0),
        mailbox: place(row, 5)?,
    })
}

fn pair(row: &[Value]) -> Result<PairAddress, DirectoryError> {
    let endpoint =
        |column| -> Result<Endpoint, DirectoryError> { parsed("place of a pair", cell(row, column)?) };
    Ok(PairAddress { lmtp: endpoint(0)?, imap: endpoint(1)?, pop3: endpoint(2)? })
}

/// Pair and quota, in two columns.
pub(super) fn place(row: &[Value], column: usize) -> Result<Option<Place>, DirectoryError> {
    let Some(pair) = optional(row, column)? else { return Ok(None) };
    let pair: PairName = parsed("name of a pair", pair)?;
    let quota = match integer(row, column + 1)? {
        None => None,
        Some(octets) => Some(Octets(u64::try_from(octets).map_err(|_| damaged("quota", octets))?)),
    };
    Ok(Some(Place { pair, quota }))
}

pub(super) fn damaged(what: &'static str, value: impl ToString) -> DirectoryError {
    DirectoryError::Damaged { what, value: value.to_string() }
}

pub(super) fn parsed<T: FromStr>(what: &'static str, text: &str) -> Result<T, DirectoryError> {
    text.parse().map_err(|_| damaged(what, text))
}

pub(super) fn optional(row: &[Value], column: usize) -> Result<Option<&str>, DirectoryError> {
    match row.get(column) {
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(Value::Null) => Ok(None),
        other => Err(damaged("cell", format!("{other:?}"))),
    }
}

pub(super) fn cell(row: &[Value], column: usize) -> Result<&str, DirectoryError> {
    optional(row, column)?.ok_or_else(|| damaged("cell", "NULL"))
}

pub(super) fn integer(row: &[Value], column: usize) -> Result<Option<i64>, DirectoryError> {
    match row.get(column) {
        Some(Value::Integer(number)) => Ok(Some(*number)),
        Some(Value::Null) => Ok(None),
        other => Err(damaged("cell", format!("{other:?}"))),
    }
}
