//! What may be said while leases cannot be saved: what was promised before, and for no longer. Pure.
//!
//! A client whose lease is in the store keeps its address until the end that stands there, however often it asks;
//! nobody gets an address that the store knows nothing of.

use super::config::LEASE_MIN;
use super::exchange::Effects;
use super::lease::{Lease, LeaseState};
use super::message::OPTIONS_AT;
use super::options::code;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

/// The leases that the store has.
#[derive(Debug, Default)]
pub struct Promised(BTreeMap<Ipv4Addr, Lease>);

impl Promised {
    /// It is in the store.
    pub fn keep(&mut self, lease: Lease) {
        self.0.insert(lease.address, lease);
    }

    /// What of an answer still holds although its lease was not saved; `None` if nothing does.
    pub fn shorten(&self, now: SystemTime, lease: &Lease, effects: &Effects) -> Option<Effects> {
        let reply = effects.reply.as_ref()?;
        let stored = self.0.get(&lease.address)?;
        let is_same = stored.client == lease.client
            && stored.state == LeaseState::Bound
            && lease.state == LeaseState::Bound;
        let left = stored
            .end
            .min(lease.end)
            .duration_since(now)
            .ok()
            .filter(|left| is_same && *left >= LEASE_MIN)?;
        let mut reply = reply.clone();
        limit(&mut reply.bytes, left)?;
        Some(Effects { lease: None, reply: Some(reply), events: effects.events.clone() })
    }
}

/// Writes other times into an answer of ours; `None` where it has none.
fn limit(bytes: &mut [u8], left: Duration) -> Option<()> {
    let left = u32::try_from(left.as_secs()).ok()?;
    // RFC 2131, section 4.4.5: T1 is half of the lease, T2 seven eighths.
    let value = |option: u8| match option {
        code::LEASE_TIME => Some(left),
        code::RENEWAL_TIME => Some(left / 2),
        code::REBINDING_TIME => Some(left - left / 8),
        _ => None,
    };
    let (mut at, mut is_limited) = (OPTIONS_AT, false);
    while let Some(&option) = bytes.get(at).filter(|option| **option != code::END) {
        if option == code::PAD {
            at += 1;
            continue;
        }
        let length = usize::from(*bytes.get(at + 1)?);
        if let Some(seconds) = value(option) {
            bytes.get_mut(at + 2..at + 2 + length)?.get_mut(..4)?.copy_from_slice(&seconds.to_be_bytes());
            is_limited |= option == code::LEASE_TIME;
        }
        at += 2 + length;
    }
    is_limited.then_some(())
}

#[cfg(test)]
mod tests {
    use super::super::exchange::{Destination, Port, Reply};
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 5);

    fn lease(client: &str, seconds: u64) -> Lease {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Lease { address: ADDRESS, client: client.parse().unwrap(), end, state: LeaseState::Bound }
    }

    fn acknowledged() -> Effects {
        let mut bytes = vec![0; OPTIONS_AT];
        bytes.extend([53, 1, 5, 0, 51, 4, 0, 0, 14, 16, 58, 4, 0, 0, 7, 8, 59, 4, 0, 0, 12, 78, 255]);
        let reply = Reply { interface: 0, port: Port::Dhcp, destination: Destination::Broadcast, bytes };
        Effects { lease: None, reply: Some(reply), events: Vec::new() }
    }

    /// Catches: a grant to somebody else, of something new, or for longer than the store says.
    #[test]
    fn without_a_store_only_what_is_in_it_is_granted_and_not_beyond_its_end() {
        let (mut promised, card, other) = (Promised::default(), "52:54:00:00:00:01", "52:54:00:00:00:02");
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let asks = |promised: &Promised, client, now: u64| {
            let shortened = promised.shorten(at(now), &lease(client, now + 3600), &acknowledged())?;
            assert!(shortened.lease.is_none(), "nothing is left to save");
            let bytes = shortened.reply.unwrap().bytes;
            assert_eq!(bytes.len(), OPTIONS_AT + 23);
            let number = |at: usize| u32::from_be_bytes(bytes[OPTIONS_AT + at..][..4].try_into().unwrap());
            Some((number(6), number(12), number(18)))
        };
        assert_eq!(asks(&promised, card, 0), None, "never saved");
        promised.keep(lease(card, 800));
        assert_eq!(asks(&promised, card, 0), Some((800, 400, 700)));
        assert_eq!(asks(&promised, card, 700), Some((100, 50, 88)));
        assert_eq!(asks(&promised, card, 795), None, "nearly over");
        assert_eq!(asks(&promised, card, 900), None, "over");
        assert_eq!(asks(&promised, other, 0), None, "somebody else's");
        promised.keep(Lease { state: LeaseState::Declined, ..lease(card, 800) });
        assert_eq!(asks(&promised, card, 0), None, "declined");
    }
}
