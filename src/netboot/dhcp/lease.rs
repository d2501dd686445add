//! What was promised to clients, in the form that outlives a restart.

use super::client::Client;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Leases that are saved at once, at most.
pub const SAVE_LEASES_MAX: usize = 128;

/// One address and whom it was given to last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub address: Ipv4Addr,
    pub client: Client,
    /// Until then nobody else gets the address; afterwards only when no other is free.
    pub end: SystemTime,
    pub state: LeaseState,
}

/// What a lease says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// The client may use the address.
    Bound,
    /// The client found somebody else at the address (RFC 2131, section 4.3.3): nobody gets it.
    Declined,
}

/// The store failed; the cause says how.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} DHCP leases")]
pub struct LeaseStoreError {
    /// `load` or `save`.
    pub action: &'static str,
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where leases outlive this process. Called from threads that may block.
pub trait LeaseStore: Send + Sync {
    /// Every lease; at start.
    fn load(&self) -> Result<Vec<Lease>, LeaseStoreError>;

    /// Replaces what is known of these addresses, all or none, durably: clients hear of it afterwards. An
    /// address that occurs twice keeps the last. Never more than [`SAVE_LEASES_MAX`].
    fn save(&self, leases: &[Lease]) -> Result<(), LeaseStoreError>;
}

/// Leases that end with the process: for tests, and networks where nobody minds.
#[derive(Debug, Default)]
pub struct MemoryLeases(Mutex<BTreeMap<Ipv4Addr, Lease>>);

impl LeaseStore for MemoryLeases {
    fn load(&self) -> Result<Vec<Lease>, LeaseStoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect())
    }

    fn save(&self, leases: &[Lease]) -> Result<(), LeaseStoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(leases.iter().map(|lease| (lease.address, lease.clone())));
        Ok(())
    }
}
