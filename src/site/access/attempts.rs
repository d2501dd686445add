//! How often an address may show a wrong token. Pure: the caller brings the time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Wrong tokens of one address in one window; a person who pastes the wrong one needs a few.
const FAILURES_MAX: u32 = 10;
/// How long a window is.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered one by one; those that come when the table is full share one window.
const ADDRESSES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    failures: u32,
}

/// Who was wrong lately.
#[derive(Debug, Default)]
pub struct Attempts {
    by_address: HashMap<IpAddr, Window>,
    crowd: Option<Window>,
}

impl Attempts {
    /// How long an address still has to wait before its token is looked at.
    pub fn shut_for(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let window = self.by_address.get(&network(address)).or(match self.by_address.len() {
            ADDRESSES_MAX.. => self.crowd.as_ref(),
            _ => None,
        });
        let window = window.filter(|window| window.failures >= FAILURES_MAX)?;
        WINDOW.checked_sub(now.duration_since(window.began)).filter(|left| !left.is_zero())
    }

    /// A wrong token came from there.
    pub fn failed(&mut self, address: IpAddr, now: Instant) {
        let is_over = |window: &Window| now.duration_since(window.began) >= WINDOW;
        let address = network(address);
        if !self.by_address.contains_key(&address) && self.by_address.len() >= ADDRESSES_MAX {
            self.by_address.retain(|_, window| !is_over(window));
        }
        let fresh = Window { began: now, failures: 0 };
        let window = match self.by_address.len() {
            ADDRESSES_MAX.. if !self.by_address.contains_key(&address) => self.crowd.get_or_insert(fresh),
            _ => self.by_address.entry(address).or_insert(fresh),
        };
        if is_over(window) {
            *window = fresh;
        }
        window.failures = window.failures.saturating_add(1);
    }
}

/// Who has one address of IPv6 has the other 2^64 of its network as well.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    /// Catches: a limit that is never reached, never ends, or is everybody's.
    #[test]
    fn an_address_that_is_wrong_too_often_waits_and_no_other_does() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            assert_eq!(attempts.shut_for(v4(1), now), None);
            attempts.failed(v4(1), now);
        }
        assert_eq!(attempts.shut_for(v4(1), now), Some(WINDOW));
        assert_eq!(attempts.shut_for(v4(2), now), None);
        assert_eq!(attempts.shut_for(v4(1), now + WINDOW), None);
        attempts.failed(v4(1), now + WINDOW);
        assert_eq!(attempts.shut_for(v4(1), now + WINDOW), None);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..FAILURES_MAX {
            attempts.failed(format!("2001:db8::{number}").parse().unwrap(), now);
        }
        assert!(attempts.shut_for("2001:db8::ffff".parse().unwrap(), now).is_some());
        assert!(attempts.shut_for("2001:db8:0:1::1".parse().unwrap(), now).is_none());
    }

    #[test]
    fn many_addresses_take_no_more_room_and_are_stopped_together() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..(ADDRESSES_MAX as u32 + FAILURES_MAX) {
            attempts.failed(v4(number), now);
        }
        assert_eq!(attempts.by_address.len(), ADDRESSES_MAX);
        assert!(attempts.shut_for(v4(1 << 20), now).is_some());
        assert!(attempts.shut_for(v4(0), now).is_none(), "who was known before is judged alone");
        attempts.failed(v4(1 << 20), now + WINDOW);
        assert_eq!(attempts.by_address.len(), 1, "the table is emptied when it is full");
    }
}
