//! One transfer to a client, without clock or socket.
//!
//! [`Transfer::step`] takes what happened and says what to do; [`Transfer::deadline`] says when it must be
//! called again at the latest. A transfer always ends: with the client's last acknowledgement, by its word, or
//! after [`RESENDS_MAX`] repetitions in a row that nothing came back for.

use super::packet::Packet;
use super::terms::Terms;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Repetitions of one window (or of the answered options) before a client counts as gone.
pub const RESENDS_MAX: u32 = 6;
/// Each repetition waits twice as long as the one before, up to this.
const RESEND_AFTER_MAX: Duration = Duration::from_secs(8);
/// How soon a hint may be followed when no round trip was measured yet.
const HINT_AFTER_DEFAULT: Duration = Duration::from_millis(50);
const HINT_AFTER_MIN: Duration = Duration::from_millis(5);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The request was accepted.
    Start,
    /// The client has everything up to this block, as it stands in its packet.
    Acknowledged(u16),
    /// The client sent an error, or its host said that nobody listens there.
    ClientEnded,
    /// Time has passed.
    Tick,
}

impl Event {
    /// What a datagram from the client means. What a client must not send is a moment that passed.
    pub fn of(datagram: &[u8]) -> Self {
        match Packet::parse(datagram) {
            Ok(Packet::Acknowledgement(block)) => Self::Acknowledged(block),
            Ok(Packet::Error(_)) => Self::ClientEnded,
            Ok(_) | Err(_) => Self::Tick,
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send the answered options.
    SendOptions,
    /// Send these blocks, counted from 1; see [`Transfer::bytes_of`].
    SendBlocks(Range<u64>),
    /// Nothing more follows.
    End(End),
}

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client acknowledged the last block.
    Complete,
    /// The client did not want the rest. Firmware asks for a size and then ends in this way: no failure.
    ClientEnded,
    /// The client was not heard of for too long.
    GaveUp,
}

/// Where one transfer stands.
#[derive(Clone, Debug)]
pub struct Transfer {
    terms: Terms,
    file_bytes: u64,
    /// Whether the answered options still wait for their acknowledgement, which is block 0 (RFC 2347).
    offering: bool,
    /// Blocks that the client has for sure.
    acknowledged: u64,
    /// The last block of the window that was sent.
    sent: u64,
    sent_at: Instant,
    deadline: Instant,
    /// Repetitions since the last progress.
    resends: u32,
    /// The client repeated itself: the window's first block may be lost.
    hint: Hint,
    round_trip: Option<Duration>,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    None,
    Given,
    Followed,
}

impl Transfer {
    /// A transfer of a file of this size; nothing is sent before [`Event::Start`].
    pub fn new(terms: Terms, file_bytes: u64, now: Instant) -> Self {
        Self {
            offering: !terms.acknowledged.is_empty(),
            terms,
            file_bytes,
            acknowledged: 0,
            sent: 0,
            sent_at: now,
            deadline: now,
            resends: 0,
            hint: Hint::None,
            round_trip: None,
            ended: false,
        }
    }

    /// When [`Event::Tick`] is due.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the client has answered at all: one that has is no half-open transfer.
    pub fn is_established(&self) -> bool {
        self.acknowledged > 0 || (!self.offering && !self.terms.acknowledged.is_empty())
    }

    /// Whether what is sent now was sent before.
    pub fn is_resending(&self) -> bool {
        self.resends > 0 || self.hint == Hint::Followed
    }

    /// Where a block stands in the file. The last block of all is shorter than the others, and may be empty.
    pub fn bytes_of(&self, block: u64) -> Range<u64> {
        let size = u64::from(self.terms.block_bytes);
        let start = (block - 1) * size;
        start..(start + size).min(self.file_bytes)
    }

    /// The next step.
    pub fn step(&mut self, now: Instant, event: Event) -> Option<Effect> {
        if self.ended {
            return None;
        }
        match event {
            Event::Start => Some(self.send(now)),
            Event::Acknowledged(block) => self.acknowledge(now, block),
            Event::ClientEnded => Some(self.end(End::ClientEnded)),
            Event::Tick if now < self.deadline => None,
            Event::Tick if self.hint == Hint::Given => {
                self.hint = Hint::Followed;
                Some(self.send(now))
            }
            Event::Tick if self.resends == RESENDS_MAX => Some(self.end(End::GaveUp)),
            Event::Tick => {
                self.resends += 1;
                Some(self.send(now))
            }
        }
    }

    fn acknowledge(&mut self, now: Instant, block: u16) -> Option<Effect> {
        if self.offering {
            // Anything else is of another transfer.
            return (block == 0).then(|| {
                self.offering = false;
                self.progress(now)
            });
        }
        // Block numbers roll over from 65535 to 0; a window is far smaller, so the distance is never in doubt.
        #[expect(clippy::cast_possible_truncation, reason = "the number as it stands in a packet")]
        let ahead = u64::from(block.wrapping_sub(self.acknowledged as u16));
        if ahead == 0 {
            self.hear_repetition(now);
            return None;
        }
        if ahead > self.sent - self.acknowledged {
            return None;
        }
        self.acknowledged += ahead;
        Some(if self.acknowledged == self.last_block() {
            self.end(End::Complete)
        } else {
            self.progress(now)
        })
    }

    fn progress(&mut self, now: Instant) -> Effect {
        // Of something that was sent twice nobody knows which one was answered (Karn's rule, RFC 6298).
        if !self.is_resending() {
            self.round_trip = Some(now - self.sent_at);
        }
        self.resends = 0;
        self.hint = Hint::None;
        self.send(now)
    }

    /// An acknowledgement that was there before is never answered at once, or each packet that the network
    /// doubles would double all that follow (the sorcerer's apprentice; RFC 1123, section 4.2.3.1). With a
    /// window it may also mean that the window's first block is lost (RFC 7440, section 4), so if no progress
    /// comes within the time of two round trips, the window is sent again, once.
    fn hear_repetition(&mut self, now: Instant) {
        if self.terms.window_blocks > 1 && self.hint == Hint::None {
            self.hint = Hint::Given;
            let wait = self.round_trip.map_or(HINT_AFTER_DEFAULT, |time| time * 2).max(HINT_AFTER_MIN);
            self.deadline = self.deadline.min(now + wait);
        }
    }

    fn send(&mut self, now: Instant) -> Effect {
        self.sent_at = now;
        let backoff = self.terms.resend_after * 2u32.pow(self.resends);
        self.deadline = now + backoff.min(RESEND_AFTER_MAX.max(self.terms.resend_after));
        if self.offering {
            return Effect::SendOptions;
        }
        self.sent = (self.acknowledged + u64::from(self.terms.window_blocks)).min(self.last_block());
        Effect::SendBlocks(self.acknowledged + 1..self.sent + 1)
    }

    fn end(&mut self, end: End) -> Effect {
        self.ended = true;
        Effect::End(end)
    }

    /// A transfer ends with a block that is not full (RFC 1350, section 6).
    fn last_block(&self) -> u64 {
        self.file_bytes / u64::from(self.terms.block_bytes) + 1
    }
}
