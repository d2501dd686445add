//! How many wrong passwords may be tried. Pure but for its lock; the caller brings the time.
//!
//! Wrong ones are counted for each client, for each account that a client tries, and for each account that many clients try. A count is forgotten
//! evenly over [`Limits::window`]: whoever has used up a limit gets one attempt for each part of the window that passes. An attempt counts from
//! its beginning, so that many at once are not one; when it turns out right, it has never been.
//!
//! The third limit is for attacks from everywhere. It does not hold for clients from which somebody has logged in to that account lately: their
//! owner still comes in.

use crate::listen::client;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Counts that are remembered. When there are more, those go that have the least to forget.
const COUNTS_MAX: usize = 200_000;
/// Clients that have logged in to an account. When there are more, those go that have not come for the longest time.
const TRUSTED_MAX: usize = 100_000;
const TRUST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Wrong passwords in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From one client, for whatever accounts. A client is an IPv4 address, or the /64 of an IPv6 address: an office may be one.
    pub per_client_max: u32,
    pub per_client_and_account_max: u32,
    /// From everywhere, but for clients that are known.
    pub per_account_max: u32,
    pub window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_client_max: 100,
            per_client_and_account_max: 20,
            per_account_max: 300,
            window: Duration::from_secs(15 * 60),
        }
    }
}

/// What is remembered of all clients.
#[derive(Debug)]
pub struct Attempts {
    limits: Limits,
    /// Names are remembered by their hash, which nobody outside can foresee: they are as long as a client likes.
    names: RandomState,
    memory: Mutex<Memory>,
}

/// A password that is being compared. Dropped without a word it was wrong.
#[derive(Debug)]
#[must_use = "an attempt of which nothing more is said was a wrong one"]
pub struct Attempt<A: Deref<Target = Attempts>> {
    attempts: A,
    counted: Counted,
}

/// Whose attempt it is.
#[derive(Clone, Copy, Debug)]
struct Counted {
    client: IpAddr,
    name: Name,
    is_trusted: bool,
}

type Name = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Client(IpAddr),
    Account(Name),
    Both(IpAddr, Name),
}

#[derive(Debug, Default)]
struct Memory {
    /// When all that was counted will be forgotten: each attempt takes its part of the window.
    counts: HashMap<Key, Instant>,
    /// Until when a client is trusted with an account.
    trusted: HashMap<(IpAddr, Name), Instant>,
}

impl Attempts {
    pub fn new(limits: Limits) -> Self {
        Self { limits, names: RandomState::new(), memory: Mutex::default() }
    }

    /// None when there were too many wrong ones: nothing is compared, and nothing counted.
    pub fn begin(&self, address: IpAddr, account: &str, now: Instant) -> Option<Attempt<&Self>> {
        self.count(address, account, now).map(|counted| Attempt { attempts: self, counted })
    }

    /// The same for an attempt that takes more than one message of its client.
    pub fn begin_shared(
        self: &Arc<Self>,
        address: IpAddr,
        account: &str,
        now: Instant,
    ) -> Option<Attempt<Arc<Self>>> {
        self.count(address, account, now).map(|counted| Attempt { attempts: Arc::clone(self), counted })
    }

    fn count(&self, address: IpAddr, account: &str, now: Instant) -> Option<Counted> {
        let (client, name) = (client(address), self.names.hash_one(account));
        let mut memory = self.memory();
        let is_trusted = memory.trusted.get(&(client, name)).is_some_and(|until| *until > now);
        let counted = Counted { client, name, is_trusted };
        if counted.keys().any(|key| self.is_used_up(&memory, key, now)) {
            return None;
        }
        for key in counted.keys() {
            make_room(&mut memory.counts, &key, COUNTS_MAX, now);
            let until = memory.counts.entry(key).or_insert(now);
            *until = (*until).max(now) + self.part(key);
        }
        Some(counted)
    }

    fn is_used_up(&self, memory: &Memory, key: Key, now: Instant) -> bool {
        let left =
            memory.counts.get(&key).map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        left + self.part(key) > self.limits.window
    }

    /// How long one attempt is remembered.
    fn part(&self, key: Key) -> Duration {
        let max = match key {
            Key::Client(_) => self.limits.per_client_max,
            Key::Account(_) => self.limits.per_account_max,
            Key::Both(..) => self.limits.per_client_and_account_max,
        };
        self.limits.window / max.max(1)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Whatever panics, a count is at most one attempt off.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Deref<Target = Attempts>> Attempt<A> {
    /// The client is trusted with the account from now on, and its wrong attempts at it were its owner's.
    pub fn right(self, now: Instant) {
        let Counted { client, name, .. } = self.counted;
        let mut memory = self.attempts.memory();
        self.take_back(&mut memory);
        memory.counts.remove(&Key::Both(client, name));
        make_room(&mut memory.trusted, &(client, name), TRUSTED_MAX, now);
        memory.trusted.insert((client, name), now + TRUST);
    }

    /// It stays counted.
    pub fn wrong(self) {}

    /// Nothing was compared.
    pub fn undecided(self) {
        self.take_back(&mut self.attempts.memory());
    }

    fn take_back(&self, memory: &mut Memory) {
        for key in self.counted.keys() {
            let Some(until) = memory.counts.get_mut(&key) else { continue };
            *until = until.checked_sub(self.attempts.part(key)).unwrap_or(*until);
        }
    }
}

impl Counted {
    fn keys(self) -> impl Iterator<Item = Key> {
        let all = (!self.is_trusted).then_some(Key::Account(self.name));
        [Key::Client(self.client), Key::Both(self.client, self.name)].into_iter().chain(all)
    }
}

/// For one more. What is over goes, and if that is not enough, the half that would have been over first.
fn make_room<K: Eq + Hash>(entries: &mut HashMap<K, Instant>, new: &K, max: usize, now: Instant) {
    if entries.len() < max || entries.contains_key(new) {
        return;
    }
    entries.retain(|_, until| *until > now);
    if entries.len() <= max / 2 {
        return;
    }
    let mut times: Vec<_> = entries.values().copied().collect();
    let middle = times.len() / 2;
    let (_, &mut median, _) = times.select_nth_unstable(middle);
    entries.retain(|_, until| *until > median);
}

#[cfg(test)]
#[path = "attempts_tests.rs"]
mod tests;
