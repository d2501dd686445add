//! A whole TFTP transfer: the first packet asks, the others come from the client, each after a pause that its first
//! byte tells. Packets are read, written again and compared; the engine's work stays bounded whatever comes.

#![no_main]

#[path = "../parts.rs"]
mod parts;

use libfuzzer_sys::fuzz_target;
use std::time::{Duration, Instant};
use understudy_netboot::tftp::packet::{Packet, Request};
use understudy_netboot::tftp::terms::{Terms, WINDOW_BLOCKS_MAX};
use understudy_netboot::tftp::transfer::{Effect, End, Event, RESENDS_MAX, Transfer};

/// What an Ethernet carries in one piece.
const PATH_BYTES_MAX: u16 = 1468;
/// So that block numbers roll over with small blocks, and one block is the whole file with large ones.
const FILE_BYTES: u64 = 600_001;
/// One step of the first byte of a packet.
const PAUSE: Duration = Duration::from_millis(40);
/// RFC 2349: the longest time-out that a client may ask for.
const RESEND_AFTER_MAX: Duration = Duration::from_secs(255);

fuzz_target!(|input: &[u8]| {
    let mut packets = parts::of(input);
    let Some(first) = packets.next() else { return };
    let Some(Packet::Read(request)) = read(first) else { return };
    let mut driven = Driven::new(&request);
    driven.step(Event::Start);
    for packet in packets {
        let Some((&pause, bytes)) = packet.split_first() else { continue };
        read(bytes);
        driven.now += PAUSE * u32::from(pause);
        driven.step(Event::of(bytes));
    }
    driven.leave_alone();
});

/// The packet, which reads back from what is written of it.
fn read(bytes: &[u8]) -> Option<Packet<'_>> {
    let packet = Packet::parse(bytes).ok()?;
    let written = packet.to_bytes();
    // An acknowledgement may have anything behind it; an error may lack its NUL and be no UTF-8.
    if !matches!(packet, Packet::Acknowledgement(_) | Packet::Error(_)) {
        assert_eq!(written, bytes);
    }
    assert_eq!(Packet::parse(&written).as_ref(), Ok(&packet));
    Some(packet)
}

struct Driven {
    transfer: Transfer,
    terms: Terms,
    now: Instant,
    last_block: u64,
    /// The newest block that was ever sent.
    newest: u64,
    end: Option<End>,
}

impl Driven {
    fn new(request: &Request) -> Self {
        let terms = Terms::agree(&request.options, FILE_BYTES, PATH_BYTES_MAX);
        assert!((8..=PATH_BYTES_MAX).contains(&terms.block_bytes));
        assert!((1..=WINDOW_BLOCKS_MAX).contains(&terms.window_blocks));
        assert!(terms.acknowledged.len() <= 4 && terms.acknowledged.len() <= request.options.len());
        let now = Instant::now();
        let last_block = FILE_BYTES / u64::from(terms.block_bytes) + 1;
        let transfer = Transfer::new(terms.clone(), FILE_BYTES, now);
        Self { transfer, terms, now, last_block, newest: 0, end: None }
    }

    fn step(&mut self, event: Event) {
        let effect = self.transfer.step(self.now, event);
        assert!(self.end.is_none() || effect.is_none(), "{effect:?} after the end");
        match effect {
            None => {}
            Some(Effect::SendOptions) => assert!(self.newest == 0 && !self.terms.acknowledged.is_empty()),
            Some(Effect::SendBlocks(blocks)) => {
                assert!(blocks.start >= 1 && blocks.start <= self.newest + 1, "a block was left out");
                assert!(blocks.end - blocks.start <= u64::from(self.terms.window_blocks));
                assert!(blocks.start < blocks.end && blocks.end <= self.last_block + 1);
                for block in blocks.clone() {
                    let bytes = self.transfer.bytes_of(block);
                    let is_full = bytes.end - bytes.start == u64::from(self.terms.block_bytes);
                    assert!(bytes.end <= FILE_BYTES && is_full == (block < self.last_block));
                }
                self.newest = self.newest.max(blocks.end - 1);
            }
            Some(Effect::End(end)) => {
                assert!(end != End::Complete || self.newest == self.last_block, "complete, but not sent");
                self.end = Some(end);
            }
        }
        assert!(self.transfer.deadline() <= self.now + RESEND_AFTER_MAX, "nobody would look for too long");
    }

    /// A client that says nothing any more is given up after a bounded number of packets.
    fn leave_alone(&mut self) {
        // One more for the window that a repeated acknowledgement asked for, one for the end.
        for _ in 0..RESENDS_MAX + 2 {
            self.now = self.now.max(self.transfer.deadline());
            self.step(Event::Tick);
        }
        assert!(self.end.is_some(), "the transfer does not end");
    }
}
