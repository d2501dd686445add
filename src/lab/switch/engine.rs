//! The switch itself, without sockets or a clock: a frame came in at a port, which frames leave where and when.

use super::line::{Line, Quality, Random};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;
use understudy_core::model::mac::MacAddress;

/// An address that was silent for this long is forgotten (IEEE 802.1Q-2018, table 8-6).
const AGE_MAX: Duration = Duration::from_secs(300);
/// Addresses known at once; past that, new ones are flooded.
const ADDRESSES_MAX: usize = 4096;
/// Frames on slow cables at once; past that, new ones are lost.
const FRAMES_ON_THE_WAY_MAX: usize = 16_384;
/// Two addresses and a type (IEEE 802.3-2018, section 3.1.1).
const HEADER_BYTES: usize = 14;
/// The bit of an address's first byte that marks a group (IEEE 802-2014, section 8.2.2).
const GROUP: u8 = 1;

/// A place where a cable is plugged in.
pub type Port = usize;

/// A frame that leaves the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub port: Port,
    pub frame: Bytes,
}

/// What the switch did with frames of one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Taken from the port.
    pub received: u64,
    /// Handed to the port.
    pub sent: u64,
    /// Lost on the port's cable, or because too much was on the way.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Socket {
    unplugged: bool,
    line: Line,
    counters: Counters,
}

/// A frame on a slow cable: when it arrives, its number (so that frames do not overtake by accident), where.
type OnTheWay = Reverse<(Duration, u64, Port, Bytes)>;

/// A learning switch (IEEE 802.1Q-2018, section 8.7 and 8.8) without VLANs or spanning tree.
#[derive(Debug)]
pub struct Engine {
    sockets: Vec<Socket>,
    addresses: HashMap<MacAddress, (Port, Duration)>,
    on_the_way: BinaryHeap<OnTheWay>,
    frames: u64,
    random: Random,
}

impl Engine {
    /// All cables are plugged in and perfect.
    pub fn new(ports: usize, seed: u64) -> Self {
        Self {
            sockets: (0..ports).map(|_| Socket::default()).collect(),
            addresses: HashMap::new(),
            on_the_way: BinaryHeap::new(),
            frames: 0,
            random: Random(seed),
        }
    }

    /// A frame came in; returns those that leave right now. `now` counts from any moment and never goes back.
    pub fn step(&mut self, now: Duration, from: Port, frame: Bytes) -> Vec<Delivery> {
        if frame.len() < HEADER_BYTES || self.sockets[from].unplugged {
            return Vec::new();
        }
        self.sockets[from].counters.received += 1;
        let quality = self.sockets[from].line.from_node;
        let Some(inbound) = self.pass(from, quality) else { return Vec::new() };
        let frame = self.sockets[from].line.from_node.carried(frame);
        self.learn(now, from, address(&frame, 6));
        let mut leaving = Vec::new();
        for port in self.destinations(now, from, address(&frame, 0)) {
            let quality = self.sockets[port].line.to_node;
            let Some(outbound) = self.pass(port, quality) else { continue };
            let frame = self.sockets[port].line.to_node.carried(frame.clone());
            if inbound + outbound == Duration::ZERO {
                self.sockets[port].counters.sent += 1;
                leaving.push(Delivery { port, frame });
            } else {
                self.send_later(now + inbound + outbound, port, frame);
            }
        }
        leaving
    }

    /// The frames on slow cables that have arrived by now.
    pub fn due(&mut self, now: Duration) -> Vec<Delivery> {
        let mut leaving = Vec::new();
        while self.next_due().is_some_and(|due| due <= now) {
            let Some(Reverse((_, _, port, frame))) = self.on_the_way.pop() else { break };
            // A cable that was pulled meanwhile carries nothing any more.
            if self.sockets[port].unplugged || self.sockets[port].line.to_node.cut {
                self.sockets[port].counters.lost += 1;
                continue;
            }
            self.sockets[port].counters.sent += 1;
            leaving.push(Delivery { port, frame });
        }
        leaving
    }

    /// When to call [`Self::due`] again.
    pub fn next_due(&self) -> Option<Duration> {
        self.on_the_way.peek().map(|Reverse((due, ..))| *due)
    }

    /// Pulls or plugs a cable; what the switch had learned there is forgotten.
    pub fn set_plugged(&mut self, port: Port, plugged: bool) {
        self.sockets[port].unplugged = !plugged;
        self.addresses.retain(|_, (learned, _)| *learned != port);
    }

    /// Makes a cable worse or better.
    pub fn set_line(&mut self, port: Port, line: Line) {
        self.sockets[port].line = line;
    }

    /// How well a cable carries.
    pub fn line(&self, port: Port) -> Line {
        self.sockets[port].line
    }

    /// What passed at a port so far.
    pub fn counters(&self, port: Port) -> Counters {
        self.sockets[port].counters
    }

    fn pass(&mut self, port: Port, quality: Quality) -> Option<Duration> {
        let passage = quality.passage(&mut self.random);
        if passage.is_none() {
            self.sockets[port].counters.lost += 1;
        }
        passage
    }

    fn learn(&mut self, now: Duration, from: Port, source: MacAddress) {
        if is_group(source) {
            return;
        }
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&source) {
            self.addresses.retain(|_, (_, seen)| now.saturating_sub(*seen) < AGE_MAX);
        }
        if self.addresses.len() < ADDRESSES_MAX || self.addresses.contains_key(&source) {
            self.addresses.insert(source, (from, now));
        }
    }

    fn destinations(&self, now: Duration, from: Port, target: MacAddress) -> Vec<Port> {
        let known = self.addresses.get(&target).filter(|(_, seen)| now.saturating_sub(*seen) < AGE_MAX);
        let ports = match known {
            Some((port, _)) if !is_group(target) => *port..*port + 1,
            _ => 0..self.sockets.len(),
        };
        ports.filter(|port| *port != from && !self.sockets[*port].unplugged).collect()
    }

    fn send_later(&mut self, due: Duration, port: Port, frame: Bytes) {
        if self.on_the_way.len() >= FRAMES_ON_THE_WAY_MAX {
            self.sockets[port].counters.lost += 1;
            return;
        }
        self.frames += 1;
        self.on_the_way.push(Reverse((due, self.frames, port, frame)));
    }
}

fn address(frame: &[u8], at: usize) -> MacAddress {
    let bytes = frame[at..at + 6].try_into().expect("the caller has checked that the header is there");
    MacAddress::new(bytes)
}

fn is_group(address: MacAddress) -> bool {
    address.bytes()[0] & GROUP != 0
}

#[cfg(test)]
mod tests;
