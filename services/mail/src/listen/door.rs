//! Who may come in: so many sessions in all, so many of one client, and so many connections of one client in a minute.
//!
//! A client is remembered while it has a session, and for as long as its rate is not back at its full burst: at most so many clients as
//! [`CLIENTS_MAX`]. Pure but for its lock; the caller brings the time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Remembered at once. When there are more, those without a session are forgotten.
const CLIENTS_MAX: usize = 100_000;
const MINUTE: Duration = Duration::from_secs(60);

/// How many sessions there may be. A client is an IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub sessions_max: usize,
    pub sessions_per_client_max: u32,
    pub connections_per_client: Rate,
}

/// So many at once, and so many in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub burst: u32,
    pub per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_max: 1000,
            sessions_per_client_max: 50,
            connections_per_client: Rate { burst: 200, per_minute: 600 },
        }
    }
}

/// Of all listeners of one kind.
#[derive(Debug)]
pub struct Door {
    limits: Limits,
    guests: Mutex<Guests>,
}

#[derive(Debug, Default)]
struct Guests {
    sessions: usize,
    clients: HashMap<IpAddr, Client>,
}

#[derive(Clone, Copy, Debug)]
struct Client {
    sessions: u32,
    /// Connections that it may still make, as of then.
    left: f64,
    then: Instant,
}

/// Why a client does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    Full,
    TooManySessions,
    TooFast,
}

/// A session that counts until this is dropped.
#[derive(Debug)]
pub struct Guest {
    door: Arc<Door>,
    client: IpAddr,
}

impl Door {
    pub fn new(limits: Limits) -> Self {
        Self { limits, guests: Mutex::default() }
    }

    pub fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Guest, Turned> {
        let client = client(address);
        let mut guests = self.guests();
        if guests.sessions >= self.limits.sessions_max {
            return Err(Turned::Full);
        }
        if guests.clients.len() >= CLIENTS_MAX {
            guests.clients.retain(|_, client| client.sessions > 0);
        }
        let burst = f64::from(self.limits.connections_per_client.burst);
        let known = guests.clients.entry(client).or_insert(Client { sessions: 0, left: burst, then: now });
        known.left = self.left(known, now);
        known.then = now;
        if known.left < 1.0 {
            return Err(Turned::TooFast);
        }
        known.left -= 1.0;
        if known.sessions >= self.limits.sessions_per_client_max {
            return Err(Turned::TooManySessions);
        }
        known.sessions += 1;
        guests.sessions += 1;
        drop(guests);
        Ok(Guest { door: Arc::clone(self), client })
    }

    fn left(&self, client: &Client, now: Instant) -> f64 {
        let rate = self.limits.connections_per_client;
        let minutes = now.duration_since(client.then).as_secs_f64() / MINUTE.as_secs_f64();
        (client.left + minutes * f64::from(rate.per_minute)).min(f64::from(rate.burst))
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        // Counts stay whole whatever panics: each change is one addition.
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut guests = self.door.guests();
        guests.sessions -= 1;
        let Some(client) = guests.clients.get_mut(&self.client) else { return };
        client.sessions -= 1;
        let is_at_rest =
            self.door.left(client, now) >= f64::from(self.door.limits.connections_per_client.burst);
        if client.sessions == 0 && is_at_rest {
            guests.clients.remove(&self.client);
        }
    }
}

/// Whoever has one address of a /64 has all of them (RFC 6177).
pub fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

impl Turned {
    /// In logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooManySessions => "sessions",
            Self::TooFast => "rate",
        }
    }

    /// To the client.
    pub fn text(self) -> &'static str {
        match self {
            Self::Full => "Too many sessions; come again",
            Self::TooManySessions => "Too many sessions from your address",
            Self::TooFast => "Too many connections from your address",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(sessions_max: usize, per_client: u32, burst: u32) -> Arc<Door> {
        let rate = Rate { burst, per_minute: 60 };
        let limits =
            Limits { sessions_max, sessions_per_client_max: per_client, connections_per_client: rate };
        Arc::new(Door::new(limits))
    }

    fn at(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[test]
    fn each_limit_turns_away_and_lets_in_again() {
        let now = Instant::now();
        let door = door(3, 2, 4);
        let first = door.admit(at(1), now).ok().unwrap();
        let _second = door.admit(at(1), now).ok().unwrap();
        assert_eq!(door.admit(at(1), now).err(), Some(Turned::TooManySessions));
        let _third = door.admit(at(2), now).ok().unwrap();
        assert_eq!(door.admit(at(3), now).err(), Some(Turned::Full));
        drop(first);
        let first = door.admit(at(1), now).ok().unwrap();
        drop(first);
        assert_eq!(door.admit(at(1), now).err(), Some(Turned::TooFast));
        assert_eq!(door.admit(at(1), now + Duration::from_millis(900)).err(), Some(Turned::TooFast));
        assert!(door.admit(at(1), now + Duration::from_millis(1900)).is_ok());
    }

    /// Catches a door that remembers everybody who ever came.
    #[test]
    fn clients_are_forgotten() {
        let now = Instant::now();
        let door = door(10, 10, 1);
        drop(door.admit(at(1), now - Duration::from_secs(2)).ok().unwrap());
        assert_eq!(door.guests().clients.len(), 0);
        for number in 0..=CLIENTS_MAX as u32 {
            drop(door.admit(std::net::Ipv4Addr::from(number).into(), now).ok().unwrap());
        }
        assert!(door.guests().clients.len() <= CLIENTS_MAX);
        assert_eq!(door.guests().sessions, 0);
    }

    #[test]
    fn a_client_is_the_network_that_one_customer_has() {
        let same = |one: &str, other: &str| client(one.parse().unwrap()) == client(other.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:0:0:2") && same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("2001:db8:0:1::1", "2001:db8::1") && !same("192.0.2.1", "192.0.2.2"));
    }
}
