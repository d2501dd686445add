//! The directory, opened, and who is known by it.

use super::{DaemonError, Settings};
use crate::login::Accounts;
use crate::store::Store;
use mail::directory::{Cached, Records};
use mail::login::directory::Logins;
use mail::observe::Registry;
use tokio::task::spawn_blocking;
use tracing::warn;

/// The directory behind its cache.
pub type People = Cached<Records>;

/// Opens the directory, if there is one. It need not answer yet: mail that comes for accounts of the store is taken all the same.
pub async fn open(settings: &Settings) -> Result<Option<People>, DaemonError> {
    let Some(directory) = settings.directory.clone() else { return Ok(None) };
    let (time, entries_max) = (directory.cache.0, directory.cache_entries_max);
    let opened = spawn_blocking(move || Records::open(&directory)).await.map_err(DaemonError::Broken)?;
    let records = opened.map_err(|source| DaemonError::Directory { hint: source.hint(), source })?;
    if let Err(error) = records.check().await {
        let hint = error.hint();
        warn!(error = &error as &dyn std::error::Error, hint, "the directory is of no use yet");
    }
    Ok(Some(Cached::new(records, time, entries_max)))
}

pub fn accounts(
    settings: &Settings,
    store: Store,
    people: Option<People>,
    registry: &Registry,
) -> Result<Accounts<People>, DaemonError> {
    let (Some(people), Some(pair)) = (people, settings.pair.clone()) else {
        return Ok(Accounts::of_store(store));
    };
    let proxy = settings.proxy.as_ref().map(|proxy| proxy.proxy()).transpose()?;
    let logins = Logins::new(people, settings.logins.limits(), proxy)?;
    registry.add(logins.numbers());
    Ok(Accounts::of_pair(store, pair, logins))
}
