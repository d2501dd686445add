//! Answers of a directory, used again for a few seconds: a burst of mail to one address is one question.
//!
//! "No such user" is kept as well, failures are not. What is kept is bounded; the oldest goes first. A change is seen when the time of an
//! answer is over, never later.

use super::model::{Account, Address, PairAddress, PairName, Recipient};
use super::{Directory, DirectoryError};
use crate::address::Mailbox;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A directory behind its cache. Clones share both.
#[derive(Debug)]
pub struct Cached<D>(Arc<Shared<D>>);

#[derive(Debug)]
struct Shared<D> {
    directory: D,
    recipients: Kept<Mailbox, Recipient>,
    accounts: Kept<Address, Option<Account>>,
    pairs: Kept<PairName, Option<PairAddress>>,
}

impl<D> Clone for Cached<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Directory> Cached<D> {
    /// Keeps `entries_max` answers of each kind for this long; zero keeps nothing.
    pub fn new(directory: D, time: Duration, entries_max: usize) -> Self {
        Self(Arc::new(Shared {
            directory,
            recipients: Kept::new(time, entries_max),
            accounts: Kept::new(time, entries_max),
            pairs: Kept::new(time, entries_max),
        }))
    }

    /// What is behind the cache.
    pub fn directory(&self) -> &D {
        &self.0.directory
    }
}

impl<D: Directory> Directory for Cached<D> {
    async fn recipient(&self, mailbox: &Mailbox) -> Result<Recipient, DirectoryError> {
        // As it was written: a forward of it elsewhere keeps its case.
        self.0.recipients.get(mailbox.clone(), self.0.directory.recipient(mailbox)).await
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, DirectoryError> {
        match login.parse::<Address>() {
            Ok(name) => self.0.accounts.get(name, self.0.directory.account(login)).await,
            Err(_) => self.0.directory.account(login).await,
        }
    }

    async fn pair(&self, name: &PairName) -> Result<Option<PairAddress>, DirectoryError> {
        self.0.pairs.get(name.clone(), self.0.directory.pair(name)).await
    }
}

#[derive(Debug)]
struct Kept<K, V> {
    time: Duration,
    entries_max: usize,
    entries: Mutex<Entries<K, V>>,
}

#[derive(Debug)]
struct Entries<K, V> {
    by_key: HashMap<K, (Instant, V)>,
    /// Oldest first. One whose time is not its key's was followed by another.
    by_age: VecDeque<(Instant, K)>,
}

impl<K: Eq + Hash + Clone, V: Clone> Kept<K, V> {
    fn new(time: Duration, entries_max: usize) -> Self {
        let entries = Entries { by_key: HashMap::new(), by_age: VecDeque::new() };
        Self { time, entries_max, entries: Mutex::new(entries) }
    }

    async fn get(
        &self,
        key: K,
        ask: impl Future<Output = Result<V, DirectoryError>>,
    ) -> Result<V, DirectoryError> {
        // An answer is as old as its question.
        let now = Instant::now();
        if let Some(value) = self.with(|entries| entries.get(&key, now, self.time)) {
            return Ok(value);
        }
        let value = ask.await?;
        if self.entries_max > 0 && !self.time.is_zero() {
            self.with(|entries| entries.put(key, now, value.clone(), self.time, self.entries_max));
        }
        Ok(value)
    }

    fn with<T>(&self, run: impl FnOnce(&mut Entries<K, V>) -> T) -> T {
        run(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Entries<K, V> {
    fn get(&self, key: &K, now: Instant, time: Duration) -> Option<V> {
        let (since, value) = self.by_key.get(key)?;
        (now.duration_since(*since) < time).then(|| value.clone())
    }

    fn put(&mut self, key: K, now: Instant, value: V, time: Duration, entries_max: usize) {
        self.by_key.insert(key.clone(), (now, value));
        self.by_age.push_back((now, key));
        while let Some((since, _)) = self.by_age.front()
            && (self.by_age.len() > entries_max || now.duration_since(*since) >= time)
        {
            let Some((since, key)) = self.by_age.pop_front() else { return };
            if self.by_key.get(&key).is_some_and(|(newest, _)| *newest == since) {
                self.by_key.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Kind;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts what it is asked; fails while it is told to.
    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        fails: std::sync::atomic::AtomicBool,
    }

    impl Counting {
        fn answer<T>(&self, answer: T) -> Result<T, DirectoryError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if self.fails.load(Ordering::Relaxed) {
                return Err(DirectoryError::no_such(Kind::Domain, "x"));
            }
            Ok(answer)
        }
    }

    impl Directory for Counting {
        async fn recipient(&self, _: &Mailbox) -> Result<Recipient, DirectoryError> {
            self.answer(Recipient::NoSuchUser)
        }

        async fn account(&self, _: &str) -> Result<Option<Account>, DirectoryError> {
            self.answer(None)
        }

        async fn pair(&self, _: &PairName) -> Result<Option<PairAddress>, DirectoryError> {
            self.answer(None)
        }
    }

    fn cached(seconds: u64, entries_max: usize) -> Cached<Counting> {
        Cached::new(Counting::default(), Duration::from_secs(seconds), entries_max)
    }

    async fn ask(cached: &Cached<Counting>, login: &str) -> usize {
        assert_eq!(cached.account(login).await.unwrap(), None);
        cached.directory().asked.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_again_until_its_time_is_over() {
        let cached = cached(5, 10);
        assert_eq!(ask(&cached, "a@b.org").await, 1);
        tokio::time::advance(Duration::from_millis(4999)).await;
        assert_eq!(ask(&cached, "A@b.org").await, 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(ask(&cached, "a@b.org").await, 2, "using an answer does not make it younger");
        assert_eq!(ask(&cached, "a@b.org").await, 2);
        let mailbox: Mailbox = "a@b.org".parse().unwrap();
        for _ in 0..2 {
            cached.recipient(&mailbox).await.unwrap();
            cached.pair(&"p1".parse().unwrap()).await.unwrap();
        }
        assert_eq!(ask(&cached, "a@b.org").await, 4, "each kind by itself");
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_goes_when_there_are_too_many_and_all_when_they_are_old() {
        let cached = cached(5, 2);
        for (login, asked) in [("a@x.org", 1), ("b@x.org", 2), ("c@x.org", 3), ("b@x.org", 3), ("a@x.org", 4)]
        {
            assert_eq!(ask(&cached, login).await, asked, "{login}");
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        ask(&cached, "z@x.org").await;
        let kept = cached.0.accounts.with(|entries| (entries.by_key.len(), entries.by_age.len()));
        assert_eq!(kept, (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_not_kept() {
        let cached = cached(5, 10);
        cached.directory().fails.store(true, Ordering::Relaxed);
        assert!(cached.account("a@b.org").await.is_err());
        cached.directory().fails.store(false, Ordering::Relaxed);
        assert_eq!(ask(&cached, "a@b.org").await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn without_time_or_room_nothing_is_kept() {
        for cached in [cached(0, 10), cached(5, 0)] {
            ask(&cached, "a@b.org").await;
            assert_eq!(ask(&cached, "a@b.org").await, 2);
        }
    }
}
