//! The addresses of one network: who has which, until when. Pure.
//!
//! An address is offered, then bound; a client gets the address that it had before, as long as nobody else took
//! it. Fresh addresses go first, then those that ended longest ago. Never given: the network's own addresses,
//! this server's, the gateway's, and what is reserved for another client.

use super::client::Client;
use super::config::OwnNetwork;
use super::lease::{Lease, LeaseState};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

/// How long an offer is kept. OVMF asks 4 s later; it gives up after 65 s.
const OFFER_HOLD: Duration = Duration::from_secs(90);
/// How long nobody gets an address at which a client found somebody else.
const QUARANTINE: Duration = Duration::from_secs(3600);

/// What a client asks for an address with (RFC 2131, section 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It chose our offer.
    Selecting,
    /// It remembers the address from before.
    Rebooting,
    /// It uses the address (RENEWING, REBINDING).
    Renewing,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    Granted(Lease),
    /// The address is certainly not the client's.
    Refused(Refusal),
    /// Somebody else may know more: silence.
    Unknown,
}

/// Why a client must not use an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is not in this network")]
    OtherNetwork,
    #[error("another client has it")]
    Taken,
    #[error("it is reserved, or nobody's")]
    NotForClient,
    #[error("the client has a reservation for another")]
    ReservedElsewhere,
    #[error("it is not in the pool")]
    OutsidePool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Offered,
    Bound,
    Declined,
}

#[derive(Clone, Debug)]
struct Binding {
    client: Client,
    end: SystemTime,
    state: State,
}

/// A network's addresses. Its size is bounded by pool and reservations, not by what clients send.
#[derive(Clone, Debug)]
pub struct Pool {
    network: OwnNetwork,
    bindings: BTreeMap<Ipv4Addr, Binding>,
    /// The address that a client got last.
    latest: HashMap<Client, Ipv4Addr>,
    /// Bindings in the pool, the one that ends first first.
    by_end: BTreeSet<(SystemTime, Ipv4Addr)>,
    /// Everything in the pool before it was given at least once.
    next_fresh: u32,
}

impl Pool {
    /// A pool that nobody has asked yet.
    pub fn new(network: OwnNetwork) -> Self {
        let next_fresh = network.pool.first.into();
        Self {
            network,
            bindings: BTreeMap::new(),
            latest: HashMap::new(),
            by_end: BTreeSet::new(),
            next_fresh,
        }
    }

    /// What the pool was made of.
    pub fn network(&self) -> &OwnNetwork {
        &self.network
    }

    /// Takes in a lease from before; says whether the address is still ours to give.
    pub fn restore(&mut self, lease: Lease) -> bool {
        let Lease { address, client, end, state } = lease;
        let is_ours = self.is_dynamic(address) || self.network.holders.contains_key(&address);
        if is_ours {
            let state = match state {
                LeaseState::Bound => State::Bound,
                LeaseState::Declined => State::Declined,
            };
            let is_newest = self.latest.get(&client).is_none_or(|known| self.bindings[known].end <= end);
            let known = self.latest.get(&client).copied();
            self.bind(address, &client, end, state);
            if let Some(known) = known.filter(|_| !is_newest) {
                self.latest.insert(client, known);
            }
        }
        is_ours
    }

    /// Chooses and holds an address for a client; `None` when all are taken.
    pub fn offer(&mut self, now: SystemTime, client: &Client, wanted: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let address = self.choose(now, client, wanted)?;
        let held_until = now + OFFER_HOLD;
        let is_bound = |binding: &&Binding| {
            binding.client == *client && binding.state == State::Bound && binding.end > now
        };
        match self.bindings.get(&address).filter(is_bound).map(|binding| binding.end) {
            // A lease that is in use is not shortened by an offer of the same.
            Some(end) => self.bind(address, client, end.max(held_until), State::Bound),
            None => self.bind(address, client, held_until, State::Offered),
        }
        Some(address)
    }

    /// Forgets an offer: the client chose another server.
    pub fn withdraw(&mut self, now: SystemTime, client: &Client) {
        let Some(&address) = self.latest.get(client) else { return };
        let is_offered = |binding: &Binding| binding.client == *client && binding.state == State::Offered;
        if self.bindings.get(&address).is_some_and(is_offered) {
            self.bind(address, client, now, State::Offered);
        }
    }

    /// Binds an address if the client may have it.
    pub fn claim(&mut self, now: SystemTime, client: &Client, address: Ipv4Addr, stage: Stage) -> Claim {
        match self.judge(now, client, address, stage) {
            Ok(true) => {
                let end = now + self.network.lease;
                self.bind(address, client, end, State::Bound);
                Claim::Granted(Lease { address, client: client.clone(), end, state: LeaseState::Bound })
            }
            Ok(false) => Claim::Unknown,
            Err(refusal) => Claim::Refused(refusal),
        }
    }

    /// The client found somebody else at its address.
    pub fn decline(&mut self, now: SystemTime, client: &Client, address: Ipv4Addr) -> Option<Lease> {
        let binding = self.bindings.get(&address)?;
        if binding.client != *client || binding.state == State::Declined {
            return None;
        }
        let end = now + QUARANTINE;
        self.bind(address, client, end, State::Declined);
        Some(Lease { address, client: client.clone(), end, state: LeaseState::Declined })
    }

    /// The client gives its address back.
    pub fn release(&mut self, now: SystemTime, client: &Client, address: Ipv4Addr) -> Option<Lease> {
        let binding = self.bindings.get(&address)?;
        if binding.client != *client || binding.state != State::Bound || binding.end <= now {
            return None;
        }
        self.bind(address, client, now, State::Bound);
        Some(Lease { address, client: client.clone(), end: now, state: LeaseState::Bound })
    }

    fn judge(
        &self,
        now: SystemTime,
        client: &Client,
        address: Ipv4Addr,
        stage: Stage,
    ) -> Result<bool, Refusal> {
        if !self.network.network.contains(address) {
            return if stage == Stage::Renewing { Ok(false) } else { Err(Refusal::OtherNetwork) };
        }
        if !self.is_usable(now, client, address) {
            return Err(Refusal::Taken);
        }
        if self.network.never.contains(&address) || self.is_reserved_for_other(client, address) {
            return Err(Refusal::NotForClient);
        }
        let reserved = self.reserved(client);
        if reserved == Some(address) || self.is_offered(now, client, address) {
            return Ok(true);
        }
        // A node that is at work keeps its address; one that starts takes its place.
        if stage != Stage::Renewing && reserved.is_some_and(|place| self.is_usable(now, client, place)) {
            return Err(Refusal::ReservedElsewhere);
        }
        match (self.is_dynamic(address), stage) {
            (true, _) => Ok(true),
            (false, Stage::Selecting) => Err(Refusal::OutsidePool),
            (false, Stage::Rebooting | Stage::Renewing) => Ok(false),
        }
    }

    fn choose(&mut self, now: SystemTime, client: &Client, wanted: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        if let Some(reserved) = self.reserved(client).filter(|place| self.is_usable(now, client, *place)) {
            return Some(reserved);
        }
        let had = self.latest.get(client).copied();
        let had = had.filter(|address| self.is_dynamic(*address) && self.is_usable(now, client, *address));
        let wanted =
            wanted.filter(|address| self.is_dynamic(*address) && !self.bindings.contains_key(address));
        had.or(wanted).or_else(|| self.fresh()).or_else(|| self.ended(now))
    }

    fn fresh(&mut self) -> Option<Ipv4Addr> {
        let last = u32::from(self.network.pool.last);
        while self.next_fresh <= last {
            let address = Ipv4Addr::from(self.next_fresh);
            // No pool reaches the end of all addresses: those are not unicast.
            self.next_fresh += 1;
            if self.is_dynamic(address) && !self.bindings.contains_key(&address) {
                return Some(address);
            }
        }
        None
    }

    /// The address that ended longest ago.
    fn ended(&self, now: SystemTime) -> Option<Ipv4Addr> {
        self.by_end.first().filter(|(end, _)| *end <= now).map(|(_, address)| *address)
    }

    fn bind(&mut self, address: Ipv4Addr, client: &Client, end: SystemTime, state: State) {
        let binding = Binding { client: client.clone(), end, state };
        if let Some(before) = self.bindings.insert(address, binding) {
            self.by_end.remove(&(before.end, address));
            if self.latest.get(&before.client) == Some(&address) {
                self.latest.remove(&before.client);
            }
        }
        if self.is_dynamic(address) {
            self.by_end.insert((end, address));
        }
        if state != State::Declined {
            self.latest.insert(client.clone(), address);
        }
    }

    fn is_usable(&self, now: SystemTime, client: &Client, address: Ipv4Addr) -> bool {
        self.bindings.get(&address).is_none_or(|binding| {
            binding.end <= now || (binding.client == *client && binding.state != State::Declined)
        })
    }

    fn is_offered(&self, now: SystemTime, client: &Client, address: Ipv4Addr) -> bool {
        self.bindings.get(&address).is_some_and(|binding| {
            binding.client == *client && binding.state == State::Offered && binding.end > now
        })
    }

    fn reserved(&self, client: &Client) -> Option<Ipv4Addr> {
        client.mac().and_then(|mac| self.network.reserved.get(&mac)).copied()
    }

    fn is_reserved_for_other(&self, client: &Client, address: Ipv4Addr) -> bool {
        self.network.holders.get(&address).is_some_and(|holder| client.mac() != Some(*holder))
    }

    /// Whether an address may go to any client.
    fn is_dynamic(&self, address: Ipv4Addr) -> bool {
        self.network.pool.contains(address)
            && !self.network.never.contains(&address)
            && !self.network.holders.contains_key(&address)
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
