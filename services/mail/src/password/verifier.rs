//! Comparing passwords while strangers send as many as they like.
//!
//! A comparison is slow on purpose. So only a few are made at once, on threads where they hold up nobody; a bounded number waits,
//! for a bounded time; and everybody else hears [`Busy`] at once. An account that does not exist costs what one that does would.

use super::hash::HashError;
use super::{Cost, Password, PasswordHash};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What comparing may take, in all.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Each takes a core, and the memory of its hash.
    pub at_once: usize,
    /// Beside those that are being compared.
    pub waiting_max: usize,
    pub wait_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { at_once: cores, waiting_max: 64 * cores, wait_max: Duration::from_secs(10) }
    }
}

/// Too many passwords at once. The client may try again; this was no wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many logins at once; try again later")]
pub struct Busy;

/// Compares passwords. Clones share its limits.
#[derive(Clone, Debug)]
pub struct Verifier {
    working: Arc<Semaphore>,
    present: Arc<Semaphore>,
    wait_max: Duration,
    nobodys: Arc<PasswordHash>,
}

impl Verifier {
    /// `cost` is that of most accounts' hashes: an account that does not exist costs as much.
    pub fn new(limits: Limits, cost: Cost) -> Result<Self, HashError> {
        let password = Password::new("nobody's").expect("is a password");
        Ok(Self {
            working: Arc::new(Semaphore::new(limits.at_once)),
            present: Arc::new(Semaphore::new(limits.at_once + limits.waiting_max)),
            wait_max: limits.wait_max,
            nobodys: Arc::new(PasswordHash::new(&password, cost)?),
        })
    }

    /// Whether the password is the account's. Without a hash, such as that of an account that does not exist, it is not,
    /// and that takes as long.
    pub async fn verify(&self, hash: Option<PasswordHash>, password: Password) -> Result<bool, Busy> {
        let permits = self.enter().await?;
        let nobodys = Arc::clone(&self.nobodys);
        let comparing = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even where nobody waits for its result any more.
            let _permits = permits;
            let matches = hash.as_ref().unwrap_or(&nobodys).matches(&password);
            matches && hash.is_some()
        });
        // It does not panic; a runtime that shuts down compares nothing.
        comparing.await.map_err(|_| Busy)
    }

    async fn enter(&self) -> Result<[OwnedSemaphorePermit; 2], Busy> {
        let present = Arc::clone(&self.present).try_acquire_owned().map_err(|_| Busy)?;
        let working = Arc::clone(&self.working).acquire_owned();
        let working = tokio::time::timeout(self.wait_max, working).await.map_err(|_| Busy)?;
        Ok([present, working.map_err(|_| Busy)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::new(text).unwrap()
    }

    fn verifier(at_once: usize, waiting_max: usize, wait_max: Duration) -> Verifier {
        Verifier::new(Limits { at_once, waiting_max, wait_max }, CHEAP).unwrap()
    }

    #[tokio::test]
    async fn only_the_accounts_own_password_is_right() {
        let verifier = verifier(1, 1, Duration::from_secs(10));
        let hash = PasswordHash::new(&password("secret"), CHEAP).unwrap();
        assert_eq!(verifier.verify(Some(hash.clone()), password("secret")).await, Ok(true));
        assert_eq!(verifier.verify(Some(hash), password("secret ")).await, Ok(false));
        // Not even with the password of the hash that stands for nobody's.
        assert_eq!(verifier.verify(None, password("nobody's")).await, Ok(false));
    }

    #[tokio::test]
    async fn who_waits_too_long_or_finds_too_many_waiting_hears_busy() {
        let verifier = verifier(1, 1, Duration::from_millis(20));
        let working = verifier.enter().await.unwrap();
        let waiting = tokio::spawn({
            let verifier = verifier.clone();
            async move { verifier.verify(None, password("x")).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(verifier.verify(None, password("x")).await, Err(Busy), "one too many");
        assert_eq!(waiting.await.unwrap(), Err(Busy), "waited too long");
        drop(working);
        assert_eq!(verifier.verify(None, password("x")).await, Ok(false), "everybody's place is free again");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_still_counts() {
        let verifier = verifier(1, 1, Duration::from_secs(60));
        // A good part of a second.
        let slow = PasswordHash::new(&password("x"), Cost { memory_kib: 64 * 1024, passes: 8, lanes: 1 });
        let mut given_up = Box::pin(verifier.verify(Some(slow.unwrap()), password("x")));
        tokio::select! {
            biased;
            _ = &mut given_up => panic!("it did not go on elsewhere"),
            () = std::future::ready(()) => {}
        }
        drop(given_up);
        assert_eq!(verifier.working.available_permits(), 0);
        assert_eq!(verifier.verify(None, password("x")).await, Ok(false));
        assert_eq!((verifier.working.available_permits(), verifier.present.available_permits()), (1, 2));
    }
}
