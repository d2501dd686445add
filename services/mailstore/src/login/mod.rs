//! Whose mailbox is here: accounts of the directory whose place is this daemon's pair, or without a directory those of the store.
//!
//! An account is made in the store, with its quota, when mail comes for it or its owner logs in, and the directory says that its mailbox is on
//! this pair. A quota that has changed there is taken over at the same moments. Mail for an account that is on another pair now, or only
//! forwarded, is refused for now, never for good: whoever sent it here has an old answer of the directory.
//!
//! A directory that does not answer makes nobody unknown. Mail for accounts that the store has is taken all the same; nobody logs in. Without a
//! directory `mailstore account` makes accounts, and nobody can log in. Entry points: [`Accounts::receive`], and
//! [`LogIn`](mail::login::LogIn).

use crate::error::StoreError;
use crate::name::AccountName;
use crate::store::{Quota, Store};
use mail::directory::PairName;
use mail::directory::{Account, Directory, DirectoryError};
use mail::login::directory::Logins;
use mail::login::{LogIn, LoginError, PlainLogin};
use std::net::IpAddr;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

/// Who receives mail here, and who may read it.
#[derive(Debug)]
pub struct Accounts<D> {
    store: Store,
    known: Option<Known<D>>,
}

#[derive(Debug)]
struct Known<D> {
    pair: PairName,
    logins: Logins<D>,
}

/// Why an account is not served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHere {
    #[error("there is no such account")]
    NoSuchAccount,
    #[error("the account's mailbox is not on this pair")]
    Elsewhere,
    #[error("it cannot be told now whether there is such an account")]
    Unavailable,
}

impl<D: Directory> Accounts<D> {
    /// Those that the store has. Nobody logs in.
    pub fn of_store(store: Store) -> Self {
        Self { store, known: None }
    }

    /// Those of a directory that are on this pair.
    pub fn of_pair(store: Store, pair: PairName, logins: Logins<D>) -> Self {
        Self { store, known: Some(Known { pair, logins }) }
    }

    /// What an account keeps and may keep, if mail for it belongs here. From then on it is in the store.
    pub async fn receive(&self, name: &AccountName) -> Result<Quota, NotHere> {
        let Some(known) = &self.known else {
            return self.stored(name).await?.ok_or(NotHere::NoSuchAccount);
        };
        match known.logins.directory().account(name.as_str()).await {
            Ok(Some(account)) => self.settle(&known.pair, &account).await.map(|(_, quota)| quota),
            Ok(None) => Err(NotHere::NoSuchAccount),
            Err(error) => {
                note_unreachable(name, &error);
                self.stored(name).await?.ok_or(NotHere::Unavailable)
            }
        }
    }

    /// Makes the account in the store, or its quota what the directory says.
    async fn settle(&self, pair: &PairName, account: &Account) -> Result<(AccountName, Quota), NotHere> {
        let place = account.mailbox.as_ref().filter(|place| place.pair == *pair);
        let Some(place) = place else {
            let pair = account.mailbox.as_ref().map(|place| tracing::field::display(&place.pair));
            info!(account = %account.name, pair, "somebody came for a mailbox that is not here");
            return Err(NotHere::Elsewhere);
        };
        // An address is shorter, and has no control characters.
        let name = AccountName::new(account.name.as_str()).map_err(|_| NotHere::NoSuchAccount)?;
        // As the store counts.
        let limit = place.quota.map(|quota| quota.0.min(i64::MAX as u64));
        if let Some(quota) = self.stored(&name).await?
            && quota.limit == limit
        {
            return Ok((name, quota));
        }
        self.store.set_quota(&name, limit).await.map_err(|error| unreachable_store(&error))?;
        info!(account = %name, limit, "account made, or its quota changed, as the directory says");
        let quota = self.stored(&name).await?.ok_or(NotHere::Unavailable)?;
        Ok((name, quota))
    }

    async fn stored(&self, name: &AccountName) -> Result<Option<Quota>, NotHere> {
        let (store, name) = (self.store.clone(), name.clone());
        match spawn_blocking(move || store.account(&name)).await {
            Ok(read) => read.map_err(|error| unreachable_store(&error)),
            Err(error) => {
                error!(%error, "looking up an account broke");
                Err(NotHere::Unavailable)
            }
        }
    }
}

fn note_unreachable(account: &AccountName, error: &DirectoryError) {
    let error = error as &dyn std::error::Error;
    warn!(%account, error, "the directory cannot say whose mail this is");
}

fn unreachable_store(error: &StoreError) -> NotHere {
    warn!(error = error as &dyn std::error::Error, "the store cannot say whose mail this is");
    NotHere::Unavailable
}

impl<D: Directory> LogIn for Accounts<D> {
    type Known = AccountName;

    async fn log_in(&self, client: IpAddr, login: PlainLogin) -> Result<AccountName, LoginError> {
        let known = self.known.as_ref().ok_or(LoginError::Wrong)?;
        let account = known.logins.log_in(client, login).await?;
        // Its password was right: whatever is wrong now is not the client's.
        let settled = self.settle(&known.pair, &account).await;
        settled.map(|(name, _)| name).map_err(|_| LoginError::Unavailable)
    }
}

#[cfg(test)]
mod tests;
