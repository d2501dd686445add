//! Greylisting: who has never been here is asked to come again in some minutes, which most senders of spam do not.
//!
//! What is remembered is client network, sender and recipient, as a hash with a random key, in the memory of this process and bounded: when
//! there is no room for one more, mail is taken. So with several inbound hosts each of them has a memory of its own: a sender who
//! comes again to another host waits there once more, at most once for each host, and after a restart everybody waits again. All of it is
//! delay, never loss; where that is too much, greylisting stays off, as it is by default.
//!
//! A repeat counts only after [`Times::wait`], as programs that hammer are those that this is for. Pure but for its lock; the caller brings the
//! time. Entry point: [`Greylist::ask`].

use crate::network::Network;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Senders with many hosts come again from another one of the same network.
const IPV4_BITS: u8 = 24;
const IPV6_BITS: u8 = 64;
/// Between two looks through a memory that is full.
const TIDY_PAUSE: Duration = Duration::from_secs(1);

/// How long each lasts.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Before it a repeat does not count.
    pub wait: Duration,
    /// After it the first time is forgotten.
    pub window: Duration,
    /// After the last mail, who has waited need not wait again.
    pub keep: Duration,
}

/// Who has been here.
#[derive(Debug)]
pub struct Greylist {
    times: Times,
    entries_max: usize,
    keys: [RandomState; 2],
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Key, Entry>,
    /// When old ones were last looked for.
    tidied: Option<Instant>,
}

/// Two hashes: that nobody can make another's key is not needed, that chance does not, is.
type Key = (u64, u64);

#[derive(Clone, Copy, Debug)]
enum Entry {
    Waits(Instant),
    /// Since the last mail.
    Known(Instant),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Take,
    /// Refuse for now.
    Wait,
}

impl Greylist {
    pub fn new(times: Times, entries_max: usize) -> Self {
        let keys = [RandomState::new(), RandomState::new()];
        Self { times, entries_max, keys, entries: Mutex::default() }
    }

    /// Sender and recipient in the form in which they are looked up.
    pub fn ask(&self, client: IpAddr, sender: &str, recipient: &str, now: Instant) -> Answer {
        let whom = (Network::around(client, IPV4_BITS, IPV6_BITS), sender, recipient);
        let key = (self.keys[0].hash_one(whom), self.keys[1].hash_one(whom));
        let mut entries = self.entries();
        let entry = entries.by_key.get(&key).copied().filter(|entry| self.lives(*entry, now));
        let next = match entry {
            Some(Entry::Known(_)) => Entry::Known(now),
            Some(Entry::Waits(since)) if now.saturating_duration_since(since) >= self.times.wait => {
                Entry::Known(now)
            }
            Some(Entry::Waits(since)) => Entry::Waits(since),
            None if !self.has_room(&mut entries, now) => return Answer::Take,
            None => Entry::Waits(now),
        };
        entries.by_key.insert(key, next);
        if matches!(next, Entry::Known(_)) { Answer::Take } else { Answer::Wait }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.entries().by_key.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For one more; old ones go first.
    fn has_room(&self, entries: &mut Entries, now: Instant) -> bool {
        let is_full = |entries: &Entries| entries.by_key.len() >= self.entries_max;
        let is_time = |tidied| now.saturating_duration_since(tidied) >= TIDY_PAUSE;
        if is_full(entries) && entries.tidied.is_none_or(is_time) {
            entries.by_key.retain(|_, entry| self.lives(*entry, now));
            entries.tidied = Some(now);
        }
        !is_full(entries)
    }

    fn lives(&self, entry: Entry, now: Instant) -> bool {
        match entry {
            Entry::Waits(since) => now.saturating_duration_since(since) < self.times.window,
            Entry::Known(since) => now.saturating_duration_since(since) < self.times.keep,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // A change is one insertion: it stays whole whatever panics.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        wait: Duration::from_secs(60),
        window: Duration::from_secs(600),
        keep: Duration::from_secs(6000),
    };

    /// Answers to (second, address, sender, recipient).
    fn ask(entries_max: usize, asked: &[(u64, &str, &str, &str)]) -> Vec<bool> {
        let (greylist, now) = (Greylist::new(TIMES, entries_max), Instant::now());
        let mut answer = |(second, client, from, to): &(u64, &str, &str, &str)| {
            let now = now + Duration::from_secs(*second);
            greylist.ask(client.parse().unwrap(), from, to, now) == Answer::Take
        };
        asked.iter().map(&mut answer).collect()
    }

    #[test]
    fn who_comes_again_after_the_wait_is_known() {
        let from = |second| (second, "192.0.2.1", "a@b", "c@d");
        let taken = ask(10, &[from(0), from(59), from(60), from(61), from(6060), from(12_060)]);
        assert_eq!(taken, [false, false, true, true, true, false]);
        let taken = ask(10, &[from(0), from(600), from(659), from(660)]);
        assert_eq!(taken, [false, false, false, true], "the window is over: it begins anew");
    }

    #[test]
    fn another_network_sender_or_recipient_is_another_one() {
        let taken = ask(
            10,
            &[
                (0, "192.0.2.1", "a@b", "c@d"),
                (60, "192.0.3.1", "a@b", "c@d"),
                (60, "192.0.2.1", "x@b", "c@d"),
                (60, "192.0.2.1", "a@b", "x@d"),
                (60, "192.0.2.1", "a@bc", "@d"),
                (60, "192.0.2.99", "a@b", "c@d"),
            ],
        );
        assert_eq!(taken, [false, false, false, false, false, true]);
    }

    /// Catches a memory without a bound, and mail that waits for ever because there is none.
    #[test]
    fn without_room_mail_is_taken_and_old_entries_make_room() {
        let from = |second, client| (second, client, "a@b", "c@d");
        let clients = ["192.0.1.1", "192.0.2.1", "192.0.3.1"];
        let taken =
            ask(2, &[from(0, clients[0]), from(0, clients[1]), from(0, clients[2]), from(600, clients[2])]);
        assert_eq!(taken, [false, false, true, false]);
    }
}
