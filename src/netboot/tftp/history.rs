//! Transfers over networks that lose, double, delay and reorder, against a client as RFC 7440 describes it.

use super::packet::TransferOption;
use super::terms::Terms;
use super::transfer::{Effect, End, Event, RESENDS_MAX, Transfer};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Far more than any transfer below needs, and still soon over.
const STEPS_MAX: usize = 200_000;
const CLIENT_RESEND_AFTER: Duration = Duration::from_millis(1500);
const CLIENT_RESENDS_MAX: u32 = 8;
const ONE_WAY: Duration = Duration::from_millis(1);

/// What the network does with one packet.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Deliver,
    Lose,
    Double,
    /// Past packets that were sent later.
    Delay(u8),
}

#[derive(Clone, Debug)]
enum Arrival {
    Options,
    Data { block: u16, body: Vec<u8> },
    Acknowledgement(u16),
}

/// A client of its own making: it shares no code with the server.
struct Client {
    content: Vec<u8>,
    blocks: u16,
    in_window: u16,
    block_bytes: usize,
    window: u16,
    resends: u32,
    done: bool,
}

impl Client {
    fn hear(&mut self, arrival: Arrival) -> Option<u16> {
        match arrival {
            Arrival::Options => (self.blocks == 0).then_some(0),
            Arrival::Data { block, body } if block == self.blocks.wrapping_add(1) && !self.done => {
                self.blocks = block;
                self.resends = 0;
                self.done = body.len() < self.block_bytes;
                self.content.extend_from_slice(&body);
                self.in_window += 1;
                let is_due = self.in_window == self.window || self.done;
                is_due.then(|| self.acknowledge())
            }
            Arrival::Data { block, .. } => {
                let is_old = self.blocks.wrapping_sub(block) < u16::MAX / 2;
                // A packet that came twice inside a window; the acknowledgement of the window is still to come.
                let is_twice = is_old && self.in_window > 0;
                let is_before = is_old && block != self.blocks;
                // Otherwise a gap, or the last word to the server was lost: say what is here.
                (!is_twice && !is_before).then(|| self.acknowledge())
            }
            Arrival::Acknowledgement(_) => None,
        }
    }

    fn acknowledge(&mut self) -> u16 {
        self.in_window = 0;
        self.blocks
    }
}

struct World {
    start: Instant,
    now: Instant,
    transfer: Transfer,
    client: Client,
    file: Vec<u8>,
    /// On the way, by arrival.
    wire: BTreeMap<(Instant, usize), Arrival>,
    fates: Vec<Fate>,
    packets: usize,
    data_packets: u64,
    client_deadline: Instant,
    end: Option<End>,
}

impl World {
    fn new(file_bytes: usize, options: &[(&str, &str)], fates: Vec<Fate>) -> Self {
        let now = Instant::now();
        let option = |(name, value): &(&str, &str)| TransferOption {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let asked: Vec<_> = options.iter().map(option).collect();
        let file: Vec<u8> = (0..file_bytes).map(|at| (at * 7 + at / 251) as u8).collect();
        let terms = Terms::agree(&asked, file.len() as u64, 1468);
        let client = Client {
            content: Vec::new(),
            blocks: 0,
            in_window: 0,
            block_bytes: usize::from(terms.block_bytes),
            window: terms.window_blocks,
            resends: 0,
            done: false,
        };
        let transfer = Transfer::new(terms, file.len() as u64, now);
        let client_deadline = now + CLIENT_RESEND_AFTER;
        let (wire, packets, data_packets) = (BTreeMap::new(), 0, 0);
        Self {
            start: now,
            now,
            transfer,
            client,
            file,
            wire,
            fates,
            packets,
            data_packets,
            client_deadline,
            end: None,
        }
    }

    fn run(&mut self) {
        let first = self.transfer.step(self.now, Event::Start);
        self.carry_out(first);
        for _ in 0..STEPS_MAX {
            if self.end.is_some() {
                return;
            }
            self.next();
        }
        panic!("the transfer does not end");
    }

    fn next(&mut self) {
        let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
        let client_timer =
            (!self.client.done && self.client.resends < CLIENT_RESENDS_MAX).then_some(self.client_deadline);
        let server_timer = self.transfer.deadline();
        let first = [arrival, client_timer, Some(server_timer)].into_iter().flatten().min().unwrap();
        self.now = self.now.max(first);
        if arrival == Some(first) {
            let (_, arrival) = self.wire.pop_first().unwrap();
            self.arrive(arrival);
        } else if client_timer == Some(first) {
            self.client.resends += 1;
            self.client_deadline = self.now + CLIENT_RESEND_AFTER;
            let block = self.client.acknowledge();
            self.send(Arrival::Acknowledgement(block));
        } else {
            let effect = self.transfer.step(self.now, Event::Tick);
            self.carry_out(effect);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        if let Arrival::Acknowledgement(block) = arrival {
            let effect = self.transfer.step(self.now, Event::Acknowledged(block));
            return self.carry_out(effect);
        }
        self.client_deadline = self.now + CLIENT_RESEND_AFTER;
        if let Some(block) = self.client.hear(arrival) {
            self.send(Arrival::Acknowledgement(block));
        }
    }

    fn carry_out(&mut self, effect: Option<Effect>) {
        match effect {
            None => {}
            Some(Effect::SendOptions) => self.send(Arrival::Options),
            Some(Effect::SendBlocks(blocks)) => {
                for block in blocks {
                    let bytes = self.transfer.bytes_of(block);
                    let body = self.file[bytes.start as usize..bytes.end as usize].to_vec();
                    self.data_packets += 1;
                    self.send(Arrival::Data { block: block as u16, body });
                }
            }
            Some(Effect::End(end)) => self.end = Some(end),
        }
    }

    fn send(&mut self, packet: Arrival) {
        let fate = self.fates[self.packets % self.fates.len()];
        self.packets += 1;
        let at = self.now + ONE_WAY;
        let key = |at, number| (at, number * 2);
        match fate {
            Fate::Lose => {}
            Fate::Deliver => drop(self.wire.insert(key(at, self.packets), packet)),
            Fate::Double => {
                self.wire.insert(key(at, self.packets), packet.clone());
                self.wire.insert((at, self.packets * 2 + 1), packet);
            }
            Fate::Delay(milliseconds) => {
                let late = at + Duration::from_millis(u64::from(milliseconds));
                self.wire.insert(key(late, self.packets), packet);
            }
        }
    }
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        8 => Just(Fate::Deliver),
        2 => Just(Fate::Lose),
        1 => Just(Fate::Double),
        1 => any::<u8>().prop_map(Fate::Delay),
    ];
    proptest::collection::vec(fate, 1..64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn n19_any_history_ends_with_the_exact_bytes_or_a_bounded_error(
        file_bytes in 0usize..20_000, window in 1u16..20, block_bytes in 8u16..2000, fates in fates()
    ) {
        let (window, block_bytes) = (window.to_string(), block_bytes.to_string());
        let mut world = World::new(file_bytes, &[("windowsize", &window), ("blksize", &block_bytes)], fates);
        world.run();
        prop_assert!(world.file.starts_with(&world.client.content), "the client has other bytes");
        if world.end == Some(End::Complete) {
            prop_assert_eq!(world.client.content.len(), world.file.len());
        } else {
            prop_assert_eq!(world.end, Some(End::GaveUp));
        }
    }
}

/// Catches the mutant that answers each acknowledgement: every block would be sent twice.
#[test]
fn n19_a_network_that_doubles_every_packet_doubles_no_data() {
    for (window, blocks) in [("1", 41), ("4", 41), ("16", 41)] {
        let mut world = World::new(40 * 512, &[("windowsize", window)], vec![Fate::Double]);
        world.run();
        assert_eq!((world.end, world.data_packets), (Some(End::Complete), blocks), "window {window}");
        assert_eq!(world.client.content, world.file);
    }
}

#[test]
fn n19_a_lost_packet_sends_its_window_again_within_moments() {
    // The options, then the first block of the first window.
    let mut fates = vec![Fate::Deliver; 1000];
    fates[2] = Fate::Lose;
    let mut world = World::new(8 * 512, &[("windowsize", "4")], fates);
    world.run();
    assert_eq!(world.end, Some(End::Complete));
    assert_eq!(world.client.content, world.file);
    // Nine blocks and one window again; and nobody waited for a whole second.
    assert_eq!(world.data_packets, 9 + 4);
    assert!(world.now - world.start < Duration::from_millis(200), "{:?}", world.now - world.start);
}

#[test]
fn n19_block_numbers_roll_over() {
    let blocks = 70_000;
    let mut world =
        World::new(blocks * 8 + 3, &[("blksize", "8"), ("windowsize", "64")], vec![Fate::Deliver]);
    world.run();
    assert_eq!((world.end, world.data_packets), (Some(End::Complete), blocks as u64 + 1));
    assert!(world.client.content == world.file);
}

#[test]
fn n20_a_client_that_never_answers_is_given_up() {
    for options in [&[][..], &[("blksize", "1024")]] {
        let mut world = World::new(5000, options, vec![Fate::Lose]);
        world.run();
        assert_eq!(world.end, Some(End::GaveUp));
        assert_eq!(world.packets as u32 - world.client.resends, RESENDS_MAX + 1);
        assert!(world.now - world.start < Duration::from_secs(60));
    }
}

#[test]
fn n17_a_client_that_only_asked_for_the_size_ends_quietly() {
    let now = Instant::now();
    let asked = [TransferOption { name: "tsize".to_owned(), value: "0".to_owned() }];
    let mut transfer = Transfer::new(Terms::agree(&asked, 100, 1468), 100, now);
    assert_eq!(transfer.step(now, Event::Start), Some(Effect::SendOptions));
    assert_eq!(transfer.step(now, Event::ClientEnded), Some(Effect::End(End::ClientEnded)));
    assert_eq!(transfer.step(now + Duration::from_secs(9), Event::Tick), None);
}
