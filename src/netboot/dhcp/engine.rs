//! The decisions: a message and a moment in, an answer, a lease and what happened out. No socket, no clock.
//!
//! Entry points: [`Engine::new`], [`Engine::step`]. Refuses to answer what is not for it; says no (DHCPNAK, which
//! ends the boot of some firmware) only when it is sure.

use super::boot::{Boot, Place};
use super::config::{Checked, Served};
use super::event::{DropReason, Event, EventKind};
use super::exchange::{Destination, Effects, Port, Received, Reply};
use super::firmware::Firmware;
use super::lease::Lease;
use super::message::MessageType;
use super::pool::{Claim, Pool, Stage};
use super::reply::{Draft, Grant};
use super::request::Request;
use std::net::Ipv4Addr;
use std::time::SystemTime;

/// The state of all networks. Its size is bounded by the pools.
#[derive(Clone, Debug)]
pub struct Engine {
    interfaces: Vec<Served>,
    pools: Vec<Pool>,
    http_port: u16,
    node_api_port: u16,
}

/// What was decided about a request.
struct Decision {
    event: EventKind,
    lease: Option<Lease>,
    answer: Option<Answer>,
}

/// What an answer is made of, besides the request.
struct Answer {
    kind: MessageType,
    /// In which of our networks; `None` for a refusal, and where another server gives addresses.
    network: Option<usize>,
    address: Option<Ipv4Addr>,
    boots: bool,
}

type Outcome = Result<Decision, DropReason>;

impl Engine {
    /// A server that remembers these leases; says how many of them are in no pool any more.
    pub fn new(config: &Checked, leases: Vec<Lease>) -> (Self, usize) {
        let mut pools: Vec<Pool> = config.networks.iter().cloned().map(Pool::new).collect();
        let mut forgotten = 0;
        for lease in leases {
            let is_ours = pools.iter_mut().any(|pool| pool.restore(lease.clone()));
            forgotten += usize::from(!is_ours);
        }
        let (http_port, node_api_port) = (config.http_port, config.node_api_port);
        (Self { interfaces: config.interfaces.clone(), pools, http_port, node_api_port }, forgotten)
    }

    /// One message.
    pub fn step(&mut self, now: SystemTime, received: &Received) -> Effects {
        let served = self.interfaces[received.interface].clone();
        let mut effects = Effects::default();
        let event = |client, kind| Event { interface: served.name.clone(), client, machine: None, kind };
        let request = match Request::read(received.bytes) {
            Ok(request) => request,
            Err(reason) => {
                effects.events.push(event(None, EventKind::Dropped { reason }));
                return effects;
            }
        };
        let machine = request.machine_uuid().and_then(|uuid| uuid.get(1..)?.try_into().ok());
        let event = |client, kind| Event { machine, ..event(client, kind) };
        let done = self.decide(now, &served, received.port, &request).and_then(|decision| {
            let reply =
                decision.answer.map(|answer| self.reply(received, &served, &request, &answer)).transpose()?;
            let (reply, kinds) = reply.unzip();
            Ok(Effects {
                lease: decision.lease,
                reply,
                events: std::iter::once(decision.event)
                    .chain(kinds.unwrap_or_default())
                    .map(|kind| event(Some(request.client.clone()), kind))
                    .collect(),
            })
        });
        done.unwrap_or_else(|reason| {
            effects.events.push(event(Some(request.client.clone()), EventKind::Dropped { reason }));
            effects
        })
    }

    fn decide(&mut self, now: SystemTime, served: &Served, port: Port, request: &Request) -> Outcome {
        if port == Port::Proxy {
            return by_name(served, request);
        }
        let Some(network) = self.network_of(served, request)? else {
            return beside(request);
        };
        let pool = &mut self.pools[network];
        let is_discover = request.kind == MessageType::Discover;
        if !is_discover && request.server().is_some_and(|server| server != served.address) {
            if request.kind == MessageType::Request {
                pool.withdraw(now, &request.client);
            }
            return Err(DropReason::OtherServer);
        }
        match request.kind {
            MessageType::Discover => Ok(discover(pool, now, network, request)),
            MessageType::Request => claim(pool, now, network, request),
            MessageType::Decline => decline(pool, now, request),
            MessageType::Release => release(pool, now, request),
            MessageType::Inform => inform(pool, network, request),
            MessageType::Offer | MessageType::Ack | MessageType::Nak => Err(DropReason::NotARequest),
        }
    }

    /// Which network the client is in; `None` where another server gives addresses.
    fn network_of(&self, served: &Served, request: &Request) -> Result<Option<usize>, DropReason> {
        let relayed = |address: Ipv4Addr| {
            self.pools.iter().position(|pool| {
                let network = pool.network();
                network.is_relayed && network.network.contains(address)
            })
        };
        let Some(link) = request.relayed_link() else {
            // A client behind a relay renews without it.
            return Ok(request.client_address().and_then(relayed).or(served.own));
        };
        let is_here = |own: &usize| self.pools[*own].network().network.contains(link);
        match (served.own.filter(is_here).or_else(|| relayed(link)), served.own) {
            (None, Some(_)) => Err(DropReason::UnknownRelay),
            (found, _) => Ok(found),
        }
    }

    fn reply(
        &self,
        received: &Received,
        served: &Served,
        request: &Request,
        answer: &Answer,
    ) -> Result<(Reply, Vec<EventKind>), DropReason> {
        let Self { http_port, node_api_port, .. } = *self;
        let place = Place { server: served.address, http_port, node_api_port };
        let boot = answer.boots.then(|| Boot::answer(&request.firmware, request.client.mac(), place));
        let grant = match (answer.network.map(|network| self.pools[network].network()), answer.address) {
            (Some(network), Some(address)) => Grant::Lease(network, address),
            (Some(network), None) => Grant::Parameters(network),
            (None, _) => Grant::Nothing,
        };
        let draft = Draft { request, kind: answer.kind, server: served.address, grant, boot: boot.as_ref() };
        let written = draft.write().ok_or(DropReason::RelayInformationLarge)?;

        let mut events = Vec::new();
        if let (true, Firmware::Unserved(architectures)) = (answer.boots, &request.firmware) {
            events.push(EventKind::NothingToBoot { architectures: architectures.clone() });
        }
        if !written.omitted.is_empty() {
            events.push(EventKind::OptionsOmitted { codes: written.omitted });
        }
        let destination = Destination::of(received, request, answer.kind, answer.address);
        let Received { interface, port, .. } = *received;
        Ok((Reply { interface, port, destination, bytes: written.bytes }, events))
    }
}

fn discover(pool: &mut Pool, now: SystemTime, network: usize, request: &Request) -> Decision {
    let Some(address) = pool.offer(now, &request.client, request.requested_address()) else {
        let event = EventKind::PoolExhausted { network: pool.network().name.clone() };
        return Decision { event, lease: None, answer: None };
    };
    let event = EventKind::Offered { address, firmware: request.firmware.clone() };
    let (kind, network, address) = (MessageType::Offer, Some(network), Some(address));
    Decision { event, lease: None, answer: Some(Answer { kind, network, address, boots: true }) }
}

/// RFC 2131, section 4.3.2.
fn claim(pool: &mut Pool, now: SystemTime, network: usize, request: &Request) -> Outcome {
    let (stage, address) = match (request.server(), request.requested_address(), request.client_address()) {
        // Some ROMs put the address of the offer into the header.
        (Some(_), Some(address), _) | (Some(_), None, Some(address)) => (Stage::Selecting, address),
        (None, _, Some(address)) => (Stage::Renewing, address),
        (None, Some(address), None) => (Stage::Rebooting, address),
        (_, None, None) => return Err(DropReason::NoAddress),
    };
    match pool.claim(now, &request.client, address, stage) {
        Claim::Granted(lease) => {
            let event = EventKind::Acknowledged { address, firmware: request.firmware.clone() };
            let (kind, network, address) = (MessageType::Ack, Some(network), Some(address));
            let answer = Some(Answer { kind, network, address, boots: true });
            Ok(Decision { event, lease: Some(lease), answer })
        }
        Claim::Refused(refusal) => {
            let event = EventKind::Refused { address, refusal };
            let answer = Some(Answer { kind: MessageType::Nak, network: None, address: None, boots: false });
            Ok(Decision { event, lease: None, answer })
        }
        Claim::Unknown => Err(DropReason::UnknownAddress),
    }
}

fn decline(pool: &mut Pool, now: SystemTime, request: &Request) -> Outcome {
    let address = request.requested_address().ok_or(DropReason::NoAddress)?;
    let lease = pool.decline(now, &request.client, address).ok_or(DropReason::UnknownAddress)?;
    Ok(Decision { event: EventKind::Declined { address }, lease: Some(lease), answer: None })
}

fn release(pool: &mut Pool, now: SystemTime, request: &Request) -> Outcome {
    let address = request.client_address().ok_or(DropReason::NoAddress)?;
    let lease = pool.release(now, &request.client, address).ok_or(DropReason::UnknownAddress)?;
    Ok(Decision { event: EventKind::Released { address }, lease: Some(lease), answer: None })
}

fn inform(pool: &Pool, network: usize, request: &Request) -> Outcome {
    let address = request.client_address().ok_or(DropReason::NoAddress)?;
    if !pool.network().network.has_host(address) {
        return Err(DropReason::UnknownAddress);
    }
    let (kind, network) = (MessageType::Ack, Some(network));
    let answer = Some(Answer { kind, network, address: None, boots: true });
    Ok(Decision { event: EventKind::Informed { address }, lease: None, answer })
}

/// ProxyDHCP: what to boot, beside another server's addresses.
fn beside(request: &Request) -> Outcome {
    if request.kind != MessageType::Discover {
        return Err(DropReason::OtherServer);
    }
    let event = EventKind::ProxyOffered { firmware: request.firmware.clone() };
    boot_only(request, MessageType::Offer, event)
}

/// Port 4011: a client that has an address asks us what to boot.
fn by_name(served: &Served, request: &Request) -> Outcome {
    if !matches!(request.kind, MessageType::Request | MessageType::Inform) {
        return Err(DropReason::WrongPort);
    }
    if request.server().is_some_and(|server| server != served.address) {
        return Err(DropReason::OtherServer);
    }
    let event = EventKind::ProxyAcknowledged { firmware: request.firmware.clone() };
    boot_only(request, MessageType::Ack, event)
}

fn boot_only(request: &Request, kind: MessageType, event: EventKind) -> Outcome {
    let answer = Some(Answer { kind, network: None, address: None, boots: true });
    match &request.firmware {
        Firmware::None => Err(DropReason::NotBooting),
        Firmware::Unserved(architectures) => {
            let event = EventKind::NothingToBoot { architectures: architectures.clone() };
            Ok(Decision { event, lease: None, answer: None })
        }
        _ => Ok(Decision { event, lease: None, answer }),
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod delivery_tests;

#[cfg(test)]
#[path = "histories.rs"]
mod histories;
