//! How well a cable carries frames, each way by itself.

use super::flip::flipped;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much longer a frame takes that others are to overtake.
pub const OVERTAKEN_FOR: Duration = Duration::from_millis(20);

/// The cable between a machine and the switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// From the switch to the machine.
    #[serde(default)]
    pub to_node: Quality,
    /// From the machine to the switch.
    #[serde(default)]
    pub from_node: Quality,
}

/// One direction of a cable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Nothing passes.
    #[serde(default)]
    pub cut: bool,
    /// Every frame takes this long.
    #[serde(default)]
    pub delay_ms: u32,
    /// And up to this much longer, evenly spread.
    #[serde(default)]
    pub jitter_ms: u32,
    /// So many frames of a hundred are lost.
    #[serde(default)]
    pub loss_percent: u8,
    /// So many frames of a hundred are overtaken by later ones.
    #[serde(default)]
    pub reorder_percent: u8,
    /// So many of the next frames full of TCP data arrive with two bits flipped that TCP's checksum does not miss.
    #[serde(default)]
    pub flips: u32,
}

impl Quality {
    /// Nothing passes.
    pub const CUT: Self =
        Self { cut: true, delay_ms: 0, jitter_ms: 0, loss_percent: 0, reorder_percent: 0, flips: 0 };

    /// The frame as it arrives.
    pub(super) fn carried(&mut self, frame: Bytes) -> Bytes {
        if self.flips == 0 {
            return frame;
        }
        let Some(flipped) = flipped(&frame) else { return frame };
        self.flips -= 1;
        flipped
    }

    /// How long a frame takes, or nothing if it is lost.
    pub(super) fn passage(&self, random: &mut Random) -> Option<Duration> {
        if self.cut || random.percent() < self.loss_percent {
            return None;
        }
        let jitter = if self.jitter_ms == 0 { 0 } else { random.below(u64::from(self.jitter_ms) + 1) };
        let overtaken = random.percent() < self.reorder_percent;
        let extra = if overtaken { OVERTAKEN_FOR } else { Duration::ZERO };
        Some(Duration::from_millis(u64::from(self.delay_ms) + jitter) + extra)
    }
}

/// SplitMix64: the same seed gives the same bad day.
#[derive(Debug)]
pub(super) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        // The bias is far below what a test of a network could notice.
        self.next() % bound
    }

    fn percent(&mut self) -> u8 {
        u8::try_from(self.below(100)).expect("a remainder of 100 fits a byte")
    }
}
