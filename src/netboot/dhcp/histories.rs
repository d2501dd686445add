//! Random histories: after every step, what was promised still holds. And packets that nobody would send.

use super::tests::{Listed, OWN, PROXY, SERVER, config, engine, message};
use super::*;
use crate::dhcp::client::Client;
use crate::dhcp::message::{BROADCAST_FLAG, Message};
use crate::dhcp::options::code;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

const ANYBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
/// One client has a reservation.
const RESERVED: u8 = 0x77;

#[derive(Clone, Copy, Debug)]
enum Step {
    Discover { client: u8, wanted: Option<u8> },
    Select { client: u8, address: Option<u8> },
    Reboot { client: u8, address: u8 },
    Renew { client: u8, address: u8 },
    Decline { client: u8, address: Option<u8> },
    Release { client: u8, address: Option<u8> },
    ChooseAnother { client: u8 },
    Wait { seconds: u64 },
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    let client = || prop_oneof![8 => 2_u8..16, 1 => Just(RESERVED)];
    // The pool, its neighbours, and what nobody may have.
    let address = || prop_oneof![8 => 98_u8..112, 1 => Just(77), 1 => prop_oneof![Just(0), Just(1), Just(254), Just(255)]];
    let maybe = move || proptest::option::weighted(0.3, address());
    prop_oneof![
        6 => (client(), maybe()).prop_map(|(client, wanted)| Step::Discover { client, wanted }),
        6 => (client(), maybe()).prop_map(|(client, address)| Step::Select { client, address }),
        2 => (client(), address()).prop_map(|(client, address)| Step::Reboot { client, address }),
        2 => (client(), address()).prop_map(|(client, address)| Step::Renew { client, address }),
        1 => (client(), maybe()).prop_map(|(client, address)| Step::Decline { client, address }),
        2 => (client(), maybe()).prop_map(|(client, address)| Step::Release { client, address }),
        1 => client().prop_map(|client| Step::ChooseAnother { client }),
        4 => prop_oneof![0_u64..120, Just(3599), Just(3600), Just(3601)].prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    Offer,
    Lease,
    /// To nobody.
    Quarantine,
}

/// What clients believe, as far as they were told.
struct World {
    engine: Engine,
    now: SystemTime,
    promised: BTreeMap<Ipv4Addr, (u8, SystemTime, Promise)>,
    latest: BTreeMap<u8, Ipv4Addr>,
    saved: BTreeMap<Ipv4Addr, Lease>,
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, last)
}

impl World {
    fn new() -> Self {
        let (promised, latest, saved) = Default::default();
        Self { engine: engine(), now: SystemTime::UNIX_EPOCH, promised, latest, saved }
    }

    fn take(&mut self, step: Step) {
        use MessageType::{Decline, Discover, Release, Request};
        let last = |world: &Self, client, address: Option<u8>| {
            address.map(ip).or_else(|| world.latest.get(&client).copied()).unwrap_or(ip(100))
        };
        match step {
            Step::Wait { seconds } => self.now += Duration::from_secs(seconds),
            Step::Restart => {
                let leases = self.saved.values().cloned().collect();
                let (engine, forgotten) = Engine::new(&config().validate().unwrap(), leases);
                assert_eq!(forgotten, 0);
                self.engine = engine;
                // Offers are not saved, nor that one held a lease for a little longer.
                self.promised.retain(|_, (_, _, promise)| *promise != Promise::Offer);
                self.promised.iter_mut().for_each(|(address, (_, end, _))| *end = self.saved[address].end);
            }
            Step::Discover { client, wanted } => self.send(client, Discover, None, wanted.map(ip), None),
            Step::Select { client, address } => {
                let address = last(self, client, address);
                self.send(client, Request, Some(SERVER), Some(address), None);
            }
            Step::Reboot { client, address } => self.send(client, Request, None, Some(ip(address)), None),
            Step::Renew { client, address } => self.send(client, Request, None, None, Some(ip(address))),
            Step::Decline { client, address } => {
                let address = last(self, client, address);
                self.send(client, Decline, Some(SERVER), Some(address), None);
            }
            Step::Release { client, address } => {
                let address = last(self, client, address);
                self.send(client, Release, Some(SERVER), None, Some(address));
            }
            Step::ChooseAnother { client } => self.send(client, Request, Some(ip(9)), Some(ip(100)), None),
        }
    }

    fn send(
        &mut self,
        client: u8,
        kind: MessageType,
        server: Option<Ipv4Addr>,
        requested: Option<Ipv4Addr>,
        used: Option<Ipv4Addr>,
    ) {
        let mut message = message(kind, client);
        for (code, address) in [(code::SERVER_IDENTIFIER, server), (code::REQUESTED_ADDRESS, requested)] {
            address.into_iter().for_each(|address| message.options.push(code, &address.octets()));
        }
        message.client_address = used.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let bytes = message.encode();
        let received = Received { interface: OWN, port: Port::Dhcp, source: ANYBODY, bytes: &bytes };
        let effects = self.engine.step(self.now, &received);
        if kind == MessageType::Request && server.is_some_and(|server| server != SERVER) {
            assert_eq!(effects.reply, None);
            self.promised.retain(|_, (holder, _, promise)| *holder != client || *promise != Promise::Offer);
        }
        if let Some(lease) = &effects.lease {
            self.saved.insert(lease.address, lease.clone());
        }
        for event in &effects.events {
            match event.kind {
                EventKind::Offered { address, .. } => self.promise(client, address, Promise::Offer),
                EventKind::Acknowledged { address, .. } => {
                    let end = self.now + Duration::from_secs(3600);
                    let holder = Client::of(&message).unwrap();
                    let saved = effects.lease.as_ref().unwrap();
                    assert_eq!((saved.address, &saved.client, saved.end), (address, &holder, end));
                    self.promise(client, address, Promise::Lease);
                }
                EventKind::Refused { address, .. } => self.refused(client, address),
                EventKind::Released { address } => drop(self.promised.remove(&address)),
                EventKind::Declined { address } => {
                    let end = self.now + Duration::from_secs(3600);
                    self.promised.insert(address, (client, end, Promise::Quarantine));
                }
                _ => assert_eq!(effects.reply, None),
            }
        }
    }

    fn promise(&mut self, client: u8, address: Ipv4Addr, promise: Promise) {
        let is_in_pool = (ip(100)..=ip(109)).contains(&address);
        assert!(is_in_pool || (client == RESERVED && address == ip(77)), "{address} to {client}");
        let hold = if promise == Promise::Offer { 90 } else { 3600 };
        let (mut end, mut promise) = (self.now + Duration::from_secs(hold), promise);
        if let Some((holder, until, before)) =
            self.promised.get(&address).filter(|(_, until, _)| *until > self.now)
        {
            assert_eq!(*holder, client, "{address} is promised twice");
            assert_ne!(*before, Promise::Quarantine, "{address} is in quarantine");
            if *before == Promise::Lease {
                (end, promise) = (end.max(*until), Promise::Lease);
            }
        }
        self.promised.insert(address, (client, end, promise));
        self.latest.insert(client, address);
    }

    /// A refusal ends the boot of some firmware: never of what was promised.
    fn refused(&self, client: u8, address: Ipv4Addr) {
        let Some((holder, until, promise)) = self.promised.get(&address) else { return };
        let is_its_own = *holder == client && *until > self.now && *promise != Promise::Quarantine;
        assert!(!is_its_own || client == RESERVED, "{address} was promised to {client}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_address_is_promised_to_two_clients_or_from_outside_the_pool(
        steps in proptest::collection::vec(any_step(), 1..200),
    ) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.take(step));
    }
}

/// A cheap generator (Marsaglia's xorshift), so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// What real clients send: the forms of SeaBIOS with iPXE, OVMF, and Linux clients.
fn real_packets() -> Vec<Vec<u8>> {
    let list: [(MessageType, Listed); 6] = [
        (
            MessageType::Discover,
            &[
                (57, &[5, 192]),
                (93, &[0, 0]),
                (94, &[1, 2, 1]),
                (60, b"PXEClient:Arch:00000:UNDI:002001"),
                (77, b"iPXE"),
                (55, &[1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 175, 203]),
                (175, b"\xb1\x05\x01\x80\x86\x10\x0e"),
                (61, b"\x01\x52\x54\0\0\0\x02"),
                (97, &[0; 17]),
            ],
        ),
        (
            MessageType::Discover,
            &[
                (57, &[5, 192]),
                (
                    55,
                    &[
                        1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59,
                        60, 66, 67, 97, 128,
                    ],
                ),
                (97, &[0; 17]),
                (94, &[1, 3, 16]),
                (93, &[0, 7]),
                (60, b"PXEClient:Arch:00007:UNDI:003016"),
            ],
        ),
        (
            MessageType::Request,
            &[
                (54, &[10, 77, 0, 1]),
                (50, &[10, 77, 0, 100]),
                (57, &[255, 0]),
                (93, &[0, 16]),
                (60, b"HTTPClient:Arch:00016:UNDI:003001"),
            ],
        ),
        (
            MessageType::Request,
            &[(50, &[10, 77, 0, 101]), (12, b"host"), (82, &[1, 4, 0, 0, 0, 1, 5, 4, 10, 88, 0, 1])],
        ),
        (MessageType::Decline, &[(54, &[10, 77, 0, 1]), (50, &[10, 77, 0, 100])]),
        (MessageType::Inform, &[(60, b"understudy-node"), (52, &[3])]),
    ];
    let build = |(kind, options): (MessageType, Listed)| {
        let mut message = Message { flags: BROADCAST_FLAG, ..message(kind, 2) };
        options.iter().for_each(|(code, value)| message.options.push(*code, value));
        message.encode()
    };
    list.into_iter().map(build).collect()
}

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if bytes.len() < 2 {
            return;
        }
        let at = if dice.below(2) == 0 { dice.below(bytes.len()) } else { 236 + dice.below(64) }
            .min(bytes.len() - 1);
        let byte = u8::try_from(dice.below(256)).unwrap();
        match dice.below(6) {
            0 => bytes[at] = byte,
            1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes.insert(at, byte),
            3 => drop(bytes.remove(at)),
            4 => bytes.truncate(at.max(1)),
            _ => {
                let part = bytes[at..(at + dice.below(64)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

#[test]
fn two_hundred_thousand_broken_packets_do_no_harm() {
    let (packets, mut dice, mut engine) = (real_packets(), Dice(0x9e37_79b9_7f4a_7c15), engine());
    let (mut answers, mut now) = (0, SystemTime::UNIX_EPOCH);
    for round in 0..200_000 {
        let mut bytes = packets[round % packets.len()].clone();
        mutate(&mut bytes, &mut dice);
        bytes.truncate(2048);
        let port = if dice.below(8) == 0 { Port::Proxy } else { Port::Dhcp };
        let interface = [OWN, PROXY][dice.below(2)];
        now += Duration::from_millis(200);
        let effects = engine.step(now, &Received { interface, port, source: ANYBODY, bytes: &bytes });
        assert!((1..=3).contains(&effects.events.len()), "{:?}", effects.events);
        if let Some(reply) = effects.reply {
            assert!((300..=1472).contains(&reply.bytes.len()), "{}", reply.bytes.len());
            assert!(Message::decode(&reply.bytes).is_ok());
            answers += 1;
        }
    }
    // Most mutations hit what is not looked at, so the depth was reached.
    assert!(answers > 20_000, "{answers}");
}
