//! From an account to an open connection with its mailbox.
//!
//! The directory says which pair holds the mailbox, and its answer may be some seconds old. Where a pair does not let the account in
//! the directory is asked again, without its cache, and once; if the mailbox has moved meanwhile, the client is handed to its new pair and notices
//! nothing. A pair that does not answer is told of as such, and never as a wrong password.
//!
//! Entry point: [`Pairs::open`].

use crate::Protocol;
use crate::backend::{Backend, BackendError, Opened};
use crate::front::Refusal;
use crate::numbers::PairNumbers;
use mail::directory::{Account, Cached, Directory, DirectoryError, Endpoint, PairName};
use std::error::Error;
use std::sync::Arc;
use tracing::{info, warn};

/// All pairs of a directory.
pub struct Pairs<D> {
    directory: Cached<D>,
    backend: Backend,
    numbers: Arc<PairNumbers>,
}

/// Where a mailbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    pair: PairName,
    endpoint: Endpoint,
}

/// With whom the client speaks now.
#[derive(Debug)]
pub struct Reached {
    pub pair: PairName,
    pub opened: Opened,
}

impl<D: Directory> Pairs<D> {
    pub fn new(directory: Cached<D>, backend: Backend) -> Self {
        Self { directory, backend, numbers: Arc::default() }
    }

    /// For [`mail::observe::Registry::add`].
    pub fn numbers(&self) -> Arc<PairNumbers> {
        Arc::clone(&self.numbers)
    }

    /// Logs in to the account's pair as the account.
    pub async fn open(&self, protocol: Protocol, account: &Account) -> Result<Reached, Refusal> {
        let target = target(&self.directory, protocol, account).await?;
        match self.try_target(protocol, &target, account).await {
            Ok(reached) => Ok(reached),
            // A pair of ours calls a mailbox that is elsewhere unavailable: its own answer of the directory may be old.
            Err(BackendError::NotHere(_) | BackendError::Later(_)) => {
                self.follow(protocol, &target, account).await
            }
            Err(error) => Err(refusal(&error)),
        }
    }

    /// The pair does not have the account: where is it now?
    async fn follow(&self, protocol: Protocol, old: &Target, account: &Account) -> Result<Reached, Refusal> {
        let fresh = self.directory.directory();
        let found = fresh.account(account.name.as_str()).await.map_err(|error| no_directory(&error))?;
        let now = target(fresh, protocol, &found.ok_or(Refusal::NoMailbox)?).await?;
        if now == *old {
            return Err(Refusal::NoBackend);
        }
        info!(%protocol, account = %account.name, from = %old.pair, to = %now.pair, "the mailbox has moved");
        self.numbers.moved.one_more();
        self.try_target(protocol, &now, account).await.map_err(|error| refusal(&error))
    }

    async fn try_target(
        &self,
        protocol: Protocol,
        target: &Target,
        account: &Account,
    ) -> Result<Reached, BackendError> {
        let Target { pair, endpoint } = target;
        match self.backend.open(protocol, endpoint, &account.name).await {
            Ok(opened) => Ok(Reached { pair: pair.clone(), opened }),
            Err(error) => {
                self.numbers.failed(pair, protocol, error.word());
                let (account, cause) = (&account.name, &error as &dyn Error);
                warn!(%protocol, %pair, %endpoint, %account, error = cause, "a pair did not open a mailbox");
                Err(error)
            }
        }
    }
}

async fn target(
    directory: &impl Directory,
    protocol: Protocol,
    account: &Account,
) -> Result<Target, Refusal> {
    let place = account.mailbox.as_ref().ok_or(Refusal::NoMailbox)?;
    let found = directory.pair(&place.pair).await.map_err(|error| no_directory(&error))?;
    let Some(address) = found else {
        warn!(pair = %place.pair, account = %account.name, "a mailbox is on a pair that is not in the directory");
        return Err(Refusal::NoBackend);
    };
    let endpoint = match protocol {
        Protocol::Imap => address.imap,
        Protocol::Pop3 => address.pop3,
    };
    Ok(Target { pair: place.pair.clone(), endpoint })
}

fn no_directory(error: &DirectoryError) -> Refusal {
    warn!(error = error as &dyn Error, "the directory does not say where a mailbox is");
    Refusal::NoDirectory
}

fn refusal(error: &BackendError) -> Refusal {
    match error {
        BackendError::InUse(_) => Refusal::InUse,
        _ => Refusal::NoBackend,
    }
}
