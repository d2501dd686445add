//! Mailboxes: which pair holds an account's, and how big it may be.

use super::account::{ADD_MAILBOX, mailbox_row};
use super::{Page, changed};
use crate::config::Octets;
use crate::directory::database::{Refusal, Statement, Value};
use crate::directory::model::{Address, PairName, Place};
use crate::directory::records::{cell, damaged, parsed, place};
use crate::directory::{DirectoryError, Kind, Records};

const LIST: &str = "SELECT account, pair, quota_octets FROM mailboxes
    WHERE account > ? AND (? = '' OR pair = ?) ORDER BY account LIMIT ?";
const REMOVE: &str = "DELETE FROM mailboxes WHERE account = ?";

impl Records {
    pub async fn add_mailbox(&self, account: &Address, place: &Place) -> Result<(), DirectoryError> {
        // With the pair's name known to be good, a reference that is refused is the account's.
        self.pair_exists(&place.pair).await?;
        let insert = Statement::one(ADD_MAILBOX, mailbox_row(account, place));
        self.change(vec![insert], &|_, refusal| match refusal {
            Refusal::Exists => Some(DirectoryError::already_there(Kind::Mailbox, account)),
            Refusal::Reference => Some(DirectoryError::no_such(Kind::Account, account)),
            Refusal::Rows => None,
        })
        .await
    }

    /// Where the mailbox is from now on. Nothing is moved by this: whoever moves messages calls it when they are there.
    pub async fn set_mailbox(
        &self,
        account: &Address,
        pair: Option<&PairName>,
        quota: Option<Option<Octets>>,
    ) -> Result<(), DirectoryError> {
        let columns = vec![
            ("UPDATE mailboxes SET pair = ? WHERE account = ?", pair.map(|pair| pair.as_str().into())),
            ("UPDATE mailboxes SET quota_octets = ? WHERE account = ?", quota.map(quota_value)),
        ];
        self.change(changed(account.as_str(), columns), &|_, refusal| match refusal {
            Refusal::Rows => Some(DirectoryError::no_such(Kind::Mailbox, account)),
            Refusal::Reference => Some(DirectoryError::no_such(Kind::Pair, pair?)),
            Refusal::Exists => None,
        })
        .await
    }

    /// From now on mail to the account is only forwarded; what the pair holds stays there.
    pub async fn remove_mailbox(&self, account: &Address) -> Result<(), DirectoryError> {
        let delete = Statement::one(REMOVE, vec![account.as_str().into()]);
        self.change(vec![delete], &|_, refusal| {
            (refusal == Refusal::Rows).then(|| DirectoryError::no_such(Kind::Mailbox, account))
        })
        .await
    }

    /// On one pair, or on all of them where it is empty.
    pub async fn mailboxes(&self, pair: &str, page: &Page) -> Result<Vec<(Address, Place)>, DirectoryError> {
        let rows = self.page(LIST, pair, page).await?;
        let mailbox = |row: &Vec<Value>| -> Result<_, DirectoryError> {
            let place = place(row, 1)?.ok_or_else(|| damaged("mailbox", "without a pair"))?;
            Ok((parsed("account", cell(row, 0)?)?, place))
        };
        rows.iter().map(mailbox).collect()
    }

    async fn pair_exists(&self, name: &PairName) -> Result<(), DirectoryError> {
        let found = crate::directory::Directory::pair(self, name).await?;
        found.map(|_| ()).ok_or_else(|| DirectoryError::no_such(Kind::Pair, name))
    }
}

/// Beyond what a database counts there is no limit worth the name.
pub(super) fn quota_value(quota: Option<Octets>) -> Value {
    quota.map_or(Value::Null, |Octets(octets)| Value::Integer(i64::try_from(octets).unwrap_or(i64::MAX)))
}
