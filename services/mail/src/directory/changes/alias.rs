//! Aliases: addresses that are nobody's mailbox, and lead to others.

use super::Page;
use super::account::{ADD_ADDRESS, address_row, target_refused, target_statements};
use crate::address::Mailbox;
use crate::directory::database::{Refusal, Statement};
use crate::directory::model::{Address, Domain, Recipient};
use crate::directory::records::{cell, parsed};
use crate::directory::resolve::{self, Entry, Source};
use crate::directory::{DirectoryError, Kind, Records};

const REMOVE: &str = "DELETE FROM addresses WHERE address = ? AND kind = 'alias'";
/// Says whether the alias is there.
const TOUCH: &str = "UPDATE addresses SET kind = kind WHERE address = ? AND kind = 'alias'";
const LIST: &str = "SELECT address FROM addresses
    WHERE address > ? AND kind = 'alias' AND (? = '' OR domain = ?) ORDER BY address LIMIT ?";

impl Records {
    pub async fn add_alias(&self, name: &Address, targets: &[Mailbox]) -> Result<(), DirectoryError> {
        self.check_targets(name, targets).await?;
        let mut statements = vec![Statement::one(ADD_ADDRESS, address_row(name, "alias"))];
        statements.extend(target_statements(name, targets, &[]));
        self.change(statements, &|statement, refusal| match (statement.checked_sub(1), refusal) {
            (None, Refusal::Exists) => Some(DirectoryError::already_there(Kind::Address, name)),
            (None, Refusal::Reference) => Some(DirectoryError::no_such(Kind::Domain, name.domain())),
            (None, Refusal::Rows) => None,
            (Some(number), refusal) => target_refused(targets.get(number)?, refusal),
        })
        .await
    }

    pub async fn set_alias(
        &self,
        name: &Address,
        add: &[Mailbox],
        remove: &[Mailbox],
    ) -> Result<(), DirectoryError> {
        self.check_targets(name, add).await?;
        let mut statements = vec![Statement::one(TOUCH, vec![name.as_str().into()])];
        statements.extend(target_statements(name, add, remove));
        let targets: Vec<_> = add.iter().chain(remove).collect();
        self.change(statements, &|statement, refusal| match (statement.checked_sub(1), refusal) {
            (None, Refusal::Rows) => Some(DirectoryError::no_such(Kind::Alias, name)),
            (None, _) => None,
            (Some(number), refusal) => target_refused(targets.get(number)?, refusal),
        })
        .await
    }

    pub async fn remove_alias(&self, name: &Address) -> Result<(), DirectoryError> {
        let delete = Statement::one(REMOVE, vec![name.as_str().into()]);
        self.change(vec![delete], &|_, refusal| {
            (refusal == Refusal::Rows).then(|| DirectoryError::no_such(Kind::Alias, name))
        })
        .await
    }

    /// None: there is no such alias.
    pub async fn alias(&self, name: &Address) -> Result<Option<Vec<Mailbox>>, DirectoryError> {
        let sql = "SELECT address FROM addresses WHERE address = ? AND kind = 'alias'";
        if self.database.select(sql, vec![name.as_str().into()]).await?.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.targets(name).await?))
    }

    /// Of one domain, or of all of them where it is empty.
    pub async fn aliases(&self, domain: &str, page: &Page) -> Result<Vec<Address>, DirectoryError> {
        let rows = self.page(LIST, domain, page).await?;
        rows.iter().map(|row| parsed("alias", cell(row, 0)?)).collect()
    }

    /// Refuses targets with which mail to the address would come back to it, go too far, or to nobody here.
    ///
    /// Two changes at once may still make a loop of each other. That is why a lookup has bounds as well.
    pub(super) async fn check_targets(
        &self,
        name: &Address,
        targets: &[Mailbox],
    ) -> Result<(), DirectoryError> {
        if targets.is_empty() {
            return Ok(());
        }
        for target in targets {
            if self.with_targets(name, vec![target.clone()]).await? == Recipient::NoSuchUser {
                return Err(DirectoryError::no_such(Kind::Target, target));
            }
        }
        let mut all = self.targets(name).await?;
        all.extend(targets.iter().cloned());
        self.with_targets(name, all).await.map(drop)
    }

    /// Where mail to the address would go, had it these targets and nothing else.
    async fn with_targets(&self, name: &Address, targets: Vec<Mailbox>) -> Result<Recipient, DirectoryError> {
        let mailbox: Mailbox = parsed("address", name.as_str())?;
        let entry = Entry { address: name.clone(), keeps_copy: false, place: None, targets };
        resolve::resolve(&WithEntry { records: self, entry }, &mailbox).await
    }
}

/// The directory as it would be.
struct WithEntry<'a> {
    records: &'a Records,
    entry: Entry,
}

impl Source for WithEntry<'_> {
    async fn domain(&self, name: &str) -> Result<Option<Domain>, DirectoryError> {
        self.records.domain(name).await
    }

    async fn entry(&self, exact: &Address, base: Option<&Address>) -> Result<Option<Entry>, DirectoryError> {
        if *exact == self.entry.address {
            return Ok(Some(self.entry.clone()));
        }
        let found = Source::entry(self.records, exact, base).await?;
        Ok(found.or_else(|| (base == Some(&self.entry.address)).then(|| self.entry.clone())))
    }
}
