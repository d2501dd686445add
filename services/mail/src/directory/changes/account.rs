//! Accounts: who logs in, and where else their mail goes.

use super::{Page, changed};
use crate::address::Mailbox;
use crate::directory::database::{Refusal, Statement, Value};
use crate::directory::model::{Access, Account, Address, Place};
use crate::directory::records::account;
use crate::directory::{DirectoryError, Kind, Records};
use crate::password::{PasswordHash, scram::StoredKeys};

/// An account to be.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub name: Address,
    /// None: nobody logs in until it has one.
    pub password: Option<(PasswordHash, StoredKeys)>,
    /// None: its mail is only forwarded.
    pub mailbox: Option<Place>,
}

/// What changes; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    pub password: Option<(PasswordHash, StoredKeys)>,
    pub access: Option<Access>,
    pub keeps_copy: Option<bool>,
    /// Where mail goes as well.
    pub add_targets: Vec<Mailbox>,
    pub remove_targets: Vec<Mailbox>,
}

pub(super) const ADD_ADDRESS: &str = "INSERT INTO addresses (address, domain, kind) VALUES (?, ?, ?)";
pub(super) const ADD_MAILBOX: &str = "INSERT INTO mailboxes (account, pair, quota_octets) VALUES (?, ?, ?)";
pub(super) const ADD_TARGET: &str = "INSERT INTO targets (address, target) VALUES (?, ?)";
pub(super) const REMOVE_TARGET: &str = "DELETE FROM targets WHERE address = ? AND target = ?";
const ADD: &str =
    "INSERT INTO accounts (name, access, password_hash, scram, keeps_copy) VALUES (?, 'open', ?, ?, 1)";
const REMOVE: &str = "DELETE FROM addresses WHERE address = ? AND kind = 'account'";
/// Also says whether the account is there, for the sake of its targets.
const TOUCH: &str = "UPDATE accounts SET keeps_copy = keeps_copy WHERE name = ?";
const LIST: &str = "SELECT accounts.name, access, password_hash, scram, keeps_copy, pair, quota_octets
    FROM addresses JOIN accounts ON accounts.name = addresses.address
    LEFT JOIN mailboxes ON mailboxes.account = addresses.address
    WHERE addresses.address > ? AND (? = '' OR addresses.domain = ?) ORDER BY addresses.address LIMIT ?";

impl Records {
    pub async fn add_account(&self, new: &NewAccount) -> Result<(), DirectoryError> {
        let NewAccount { name, password, mailbox } = new;
        let (hash, keys) = secrets(password.as_ref());
        let mut statements = vec![
            Statement::one(ADD_ADDRESS, address_row(name, "account")),
            Statement::one(ADD, vec![name.as_str().into(), hash, keys]),
        ];
        statements.extend(mailbox.iter().map(|place| Statement::one(ADD_MAILBOX, mailbox_row(name, place))));
        self.change(statements, &|statement, refusal| match (statement, refusal) {
            (0, Refusal::Exists) => Some(DirectoryError::already_there(Kind::Address, name)),
            (0, Refusal::Reference) => Some(DirectoryError::no_such(Kind::Domain, name.domain())),
            (2, Refusal::Reference) => {
                Some(DirectoryError::no_such(Kind::Pair, mailbox.as_ref()?.pair.as_str()))
            }
            _ => None,
        })
        .await
    }

    pub async fn set_account(&self, name: &Address, change: &AccountChange) -> Result<(), DirectoryError> {
        let (hash, keys) = match &change.password {
            None => (None, None),
            given => {
                let (hash, keys) = secrets(given.as_ref());
                (Some(hash), Some(keys))
            }
        };
        let access = change.access.map(|access| match access {
            Access::Open => "open".into(),
            Access::Locked => "locked".into(),
        });
        let columns = vec![
            ("UPDATE accounts SET password_hash = ? WHERE name = ?", hash),
            ("UPDATE accounts SET scram = ? WHERE name = ?", keys),
            ("UPDATE accounts SET access = ? WHERE name = ?", access),
            (
                "UPDATE accounts SET keeps_copy = ? WHERE name = ?",
                change.keeps_copy.map(|keeps| i64::from(keeps).into()),
            ),
        ];
        let mut statements = vec![Statement::one(TOUCH, vec![name.as_str().into()])];
        statements.extend(changed(name.as_str(), columns));
        let targets_begin = statements.len();
        statements.extend(target_statements(name, &change.add_targets, &change.remove_targets));
        self.check_targets(name, &change.add_targets).await?;
        let targets: Vec<_> = change.add_targets.iter().chain(&change.remove_targets).collect();
        self.change(statements, &|statement, refusal| match statement
            .checked_sub(targets_begin)
            .and_then(|number| targets.get(number))
        {
            Some(target) => target_refused(target, refusal),
            None => (refusal == Refusal::Rows).then(|| DirectoryError::no_such(Kind::Account, name)),
        })
        .await
    }

    /// With its mailbox's place and its forwards; what the pair holds stays there.
    pub async fn remove_account(&self, name: &Address) -> Result<(), DirectoryError> {
        let delete = Statement::one(REMOVE, vec![name.as_str().into()]);
        self.change(vec![delete], &|_, refusal| {
            (refusal == Refusal::Rows).then(|| DirectoryError::no_such(Kind::Account, name))
        })
        .await
    }

    /// Of one domain, or of all of them where it is empty.
    pub async fn accounts(&self, domain: &str, page: &Page) -> Result<Vec<Account>, DirectoryError> {
        let rows = self.page(LIST, domain, page).await?;
        rows.iter().map(|row| account(row)).collect()
    }
}

pub(super) fn address_row(address: &Address, kind: &str) -> Vec<Value> {
    vec![address.as_str().into(), address.domain().into(), kind.into()]
}

pub(super) fn mailbox_row(account: &Address, place: &Place) -> Vec<Value> {
    vec![account.as_str().into(), place.pair.as_str().into(), super::mailbox::quota_value(place.quota)]
}

pub(super) fn target_statements(address: &Address, add: &[Mailbox], remove: &[Mailbox]) -> Vec<Statement> {
    let row = |target: &Mailbox| vec![address.as_str().into(), target.to_string().as_str().into()];
    let added = add.iter().map(|target| Statement::one(ADD_TARGET, row(target)));
    let removed = remove.iter().map(|target| Statement::one(REMOVE_TARGET, row(target)));
    added.chain(removed).collect()
}

pub(super) fn target_refused(target: &Mailbox, refusal: Refusal) -> Option<DirectoryError> {
    match refusal {
        Refusal::Exists => Some(DirectoryError::already_there(Kind::Target, target)),
        Refusal::Rows => Some(DirectoryError::no_such(Kind::Target, target)),
        Refusal::Reference => None,
    }
}

fn secrets(password: Option<&(PasswordHash, StoredKeys)>) -> (Value, Value) {
    match password {
        None => (Value::Null, Value::Null),
        Some((hash, keys)) => (Value::Text(hash.to_string()), Value::Text(keys.to_string())),
    }
}
