//! DHCP leases in the ledger: `/v1/lease/ADDRESS`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use understudy_ledger::{
    Key, KeyError, Ledger, LedgerError, OPERATIONS_MAX, Operation, Outcome, PAGE_ENTRIES_MAX, Prefix, Txn,
};
use understudy_netboot::dhcp::{Client, Lease, LeaseState, LeaseStore, LeaseStoreError, SAVE_LEASES_MAX};

// One save is one transaction.
const _: () = assert!(SAVE_LEASES_MAX <= OPERATIONS_MAX);

/// A lease as the ledger has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    address: Ipv4Addr,
    client: Client,
    /// Milliseconds since 1970.
    end_ms: u64,
    declined: bool,
}

#[derive(Debug, thiserror::Error)]
enum LeasesError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("cannot name a lease")]
    Key(#[from] KeyError),
    #[error("the lease {0} is not understood")]
    Format(Key, #[source] serde_json::Error),
    #[error("{0} leases at once are too many")]
    TooMany(usize),
    #[error("the ledger refused {0}")]
    Refused(Key),
}

/// Leases in a ledger. Blocks: only for threads that may.
pub struct LedgerLeases {
    ledger: Arc<dyn Ledger>,
    runtime: Handle,
}

impl LedgerLeases {
    pub fn new(ledger: Arc<dyn Ledger>, runtime: Handle) -> Self {
        Self { ledger, runtime }
    }

    async fn read(&self) -> Result<Vec<Lease>, LeasesError> {
        let (mut leases, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.range(&prefix(), after.as_ref(), PAGE_ENTRIES_MAX).await?;
            after = page.entries.last().map(|entry| entry.key.clone());
            for entry in page.entries {
                let stored: Stored = serde_json::from_value(entry.value)
                    .map_err(|source| LeasesError::Format(entry.key, source))?;
                leases.push(stored.into());
            }
            if !page.more {
                return Ok(leases);
            }
        }
    }

    async fn write(&self, leases: &[Lease]) -> Result<(), LeasesError> {
        // The last of an address counts.
        let newest: BTreeMap<Ipv4Addr, &Lease> = leases.iter().map(|lease| (lease.address, lease)).collect();
        if newest.len() > OPERATIONS_MAX {
            return Err(LeasesError::TooMany(newest.len()));
        }
        let put = |lease: &Lease| {
            let value = serde_json::to_value(Stored::from(lease)).expect("our own struct has string keys");
            Ok(Operation::Put { key: prefix().key(&lease.address.to_string())?, value })
        };
        let operations = newest.into_values().map(put).collect::<Result<_, KeyError>>()?;
        match self.ledger.txn(Txn { compares: Vec::new(), operations }).await? {
            Outcome::Committed(_) => Ok(()),
            Outcome::Refused(key) => Err(LeasesError::Refused(key)),
        }
    }
}

impl LeaseStore for LedgerLeases {
    fn load(&self) -> Result<Vec<Lease>, LeaseStoreError> {
        self.runtime
            .block_on(self.read())
            .map_err(|error| LeaseStoreError { action: "load", source: Box::new(error) })
    }

    fn save(&self, leases: &[Lease]) -> Result<(), LeaseStoreError> {
        self.runtime
            .block_on(self.write(leases))
            .map_err(|error| LeaseStoreError { action: "save", source: Box::new(error) })
    }
}

fn prefix() -> Prefix {
    "/v1/lease/".parse().expect("a constant that follows the rules of prefixes")
}

impl From<&Lease> for Stored {
    fn from(lease: &Lease) -> Self {
        let since_1970 = lease.end.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            address: lease.address,
            client: lease.client.clone(),
            end_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            declined: lease.state == LeaseState::Declined,
        }
    }
}

impl From<Stored> for Lease {
    fn from(stored: Stored) -> Self {
        // An end beyond what the clock can say is as good as one long ago: the client asks again.
        let end =
            UNIX_EPOCH.checked_add(Duration::from_millis(stored.end_ms)).unwrap_or(SystemTime::UNIX_EPOCH);
        let state = if stored.declined { LeaseState::Declined } else { LeaseState::Bound };
        Self { address: stored.address, client: stored.client, end, state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_ledger::Sqlite;

    #[test]
    fn leases_outlive_the_ledgers_process_and_the_last_of_an_address_counts() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let store = || LedgerLeases::new(Arc::new(Sqlite::open(&path).unwrap()), runtime.handle().clone());
        let lease = |last: u8, client: &str, state| Lease {
            address: Ipv4Addr::new(10, 77, 0, last),
            client: client.parse().unwrap(),
            end: UNIX_EPOCH + Duration::from_millis(1_800_000_000_123),
            state,
        };
        let (old, new) = (
            lease(1, "52:54:00:00:00:01", LeaseState::Bound),
            lease(1, "52:54:00:00:00:02", LeaseState::Declined),
        );
        let other = lease(2, "id-00ff", LeaseState::Bound);
        store().save(&[old, other.clone(), new.clone()]).unwrap();
        assert_eq!(store().load().unwrap(), [new, other]);
    }
}
