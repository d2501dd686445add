//! How much one client may bring in a minute: messages, and recipients.
//!
//! A client is an IPv4 address, or the /64 of an IPv6 address ([`mail::listen::client`]). It is remembered until its rate is back at its full
//! burst; at most [`CLIENTS_MAX`] are, and whoever comes when that many are has no limit: to refuse everybody would do the attacker's work.
//! What is too much is refused for now, so nothing is lost by it. How many connections there may be is the listener's. Pure but for its
//! lock; the caller brings the time. Entry point: [`Rates::take`].

use mail::listen::{Rate, client};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Remembered at once.
const CLIENTS_MAX: usize = 100_000;
const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks through a memory that is full.
const TIDY_PAUSE: Duration = Duration::from_secs(1);

/// Of one thing that is counted.
#[derive(Debug)]
pub struct Rates {
    rate: Rate,
    clients_max: usize,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    left: HashMap<IpAddr, Left>,
    /// When those who are at rest were last looked for.
    tidied: Option<Instant>,
}

/// What a client may still bring, as of then.
#[derive(Clone, Copy, Debug)]
struct Left {
    number: f64,
    then: Instant,
}

impl Rates {
    pub fn new(rate: Rate) -> Self {
        Self { rate, clients_max: CLIENTS_MAX, clients: Mutex::default() }
    }

    /// Counts one more, unless it is too much.
    pub fn take(&self, address: IpAddr, now: Instant) -> bool {
        let client = client(address);
        // A change is one insertion: it stays whole whatever panics.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if !clients.left.contains_key(&client) && !self.has_room(&mut clients, now) {
            return true;
        }
        let full = Left { number: f64::from(self.rate.burst), then: now };
        let number = self.left(clients.left.get(&client).copied().unwrap_or(full), now);
        let is_fine = number >= 1.0;
        let number = if is_fine { number - 1.0 } else { number };
        clients.left.insert(client, Left { number, then: now });
        is_fine
    }

    /// For one more client; those who are at rest go first.
    fn has_room(&self, clients: &mut Clients, now: Instant) -> bool {
        let is_full = |clients: &Clients| clients.left.len() >= self.clients_max;
        let is_time = |tidied| now.saturating_duration_since(tidied) >= TIDY_PAUSE;
        if is_full(clients) && clients.tidied.is_none_or(is_time) {
            clients.left.retain(|_, left| self.left(*left, now) < f64::from(self.rate.burst));
            clients.tidied = Some(now);
        }
        !is_full(clients)
    }

    fn left(&self, left: Left, now: Instant) -> f64 {
        let minutes = now.saturating_duration_since(left.then).as_secs_f64() / MINUTE.as_secs_f64();
        (left.number + minutes * f64::from(self.rate.per_minute)).min(f64::from(self.rate.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[test]
    fn a_burst_is_taken_and_then_a_rate() {
        let now = Instant::now();
        let rates = Rates::new(Rate { burst: 3, per_minute: 60 });
        let taken: Vec<_> = (0..5).map(|_| rates.take(at(1), now)).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(rates.take(at(2), now), "another client is another one");
        assert!(!rates.take(at(1), now + Duration::from_millis(900)));
        assert!(rates.take(at(1), now + Duration::from_millis(1100)));
        let later = now + Duration::from_secs(3600);
        let taken: Vec<_> = (0..4).map(|_| rates.take(at(1), later)).collect();
        assert_eq!(taken, [true, true, true, false], "a burst does not grow");
    }

    /// Catches rates that remember everybody, and a stranger who is refused because there are many.
    #[test]
    fn clients_are_forgotten_and_too_many_are_not_refused() {
        let now = Instant::now();
        let mut rates = Rates::new(Rate { burst: 1, per_minute: 60 });
        rates.clients_max = 2;
        assert!(rates.take(at(1), now) && rates.take(at(2), now));
        assert!(rates.take(at(3), now) && rates.take(at(3), now));
        assert!(!rates.take(at(1), now));
        assert!(rates.take(at(3), now + Duration::from_secs(2)));
        assert_eq!(rates.clients.lock().unwrap().left.len(), 1);
    }
}
