//! Pairs of machines that hold mailboxes.

use super::{Page, changed};
use crate::directory::database::{Refusal, Statement, Value};
use crate::directory::model::{Endpoint, PairAddress, PairName};
use crate::directory::records::{cell, parsed};
use crate::directory::{DirectoryError, Kind, Records};

/// What changes; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct PairChange {
    pub lmtp: Option<Endpoint>,
    pub imap: Option<Endpoint>,
    pub pop3: Option<Endpoint>,
}

const LIST: &str =
    "SELECT name, lmtp, imap, pop3 FROM pairs WHERE name > ? AND (? = '' OR name = ?) ORDER BY name LIMIT ?";

impl Records {
    pub async fn add_pair(&self, name: &PairName, address: &PairAddress) -> Result<(), DirectoryError> {
        let values: [Value; 4] = [
            name.as_str().into(),
            address.lmtp.as_str().into(),
            address.imap.as_str().into(),
            address.pop3.as_str().into(),
        ];
        let insert =
            Statement::one("INSERT INTO pairs (name, lmtp, imap, pop3) VALUES (?, ?, ?, ?)", values.to_vec());
        self.change(vec![insert], &|_, refusal| {
            (refusal == Refusal::Exists).then(|| DirectoryError::already_there(Kind::Pair, name))
        })
        .await
    }

    pub async fn set_pair(&self, name: &PairName, change: &PairChange) -> Result<(), DirectoryError> {
        let value = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(|endpoint| endpoint.as_str().into());
        let columns = vec![
            ("UPDATE pairs SET lmtp = ? WHERE name = ?", value(&change.lmtp)),
            ("UPDATE pairs SET imap = ? WHERE name = ?", value(&change.imap)),
            ("UPDATE pairs SET pop3 = ? WHERE name = ?", value(&change.pop3)),
        ];
        self.change(changed(name.as_str(), columns), &|_, refusal| {
            (refusal == Refusal::Rows).then(|| DirectoryError::no_such(Kind::Pair, name))
        })
        .await
    }

    /// Not while it holds a mailbox.
    pub async fn remove_pair(&self, name: &PairName) -> Result<(), DirectoryError> {
        let delete = Statement::one("DELETE FROM pairs WHERE name = ?", vec![name.as_str().into()]);
        self.change(vec![delete], &|_, refusal| match refusal {
            Refusal::Rows => Some(DirectoryError::no_such(Kind::Pair, name)),
            Refusal::Reference => Some(DirectoryError::in_use(Kind::Pair, name)),
            Refusal::Exists => None,
        })
        .await
    }

    pub async fn pairs(&self, page: &Page) -> Result<Vec<(PairName, PairAddress)>, DirectoryError> {
        let rows = self.page(LIST, "", page).await?;
        let pair = |row: &Vec<Value>| -> Result<_, DirectoryError> {
            let endpoint = |column| -> Result<Endpoint, DirectoryError> {
                parsed("place of a pair", cell(row, column)?)
            };
            let address = PairAddress { lmtp: endpoint(1)?, imap: endpoint(2)?, pop3: endpoint(3)? };
            Ok((parsed("name of a pair", cell(row, 0)?)?, address))
        };
        rows.iter().map(pair).collect()
    }
}
