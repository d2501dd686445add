//! One record as octets: length, checksum, kind, body.
//!
//! All numbers little-endian:
//!
//! | octets | what |
//! | --- | --- |
//! | 4 | [`MAGIC`] |
//! | 4 | length of the body |
//! | 4 | CRC-32C of volume, segment number, everything here but itself, and body |
//! | 4 | kind |
//! | 8 | sequence: one more than that of the record before |
//! | 8 | the offset in this segment below which everything was durable when the record was written |
//! | | body |
//!
//! The checksum knows the volume's random id, which nobody outside learns: a message that looks like a record is none.

use super::VolumeId;

pub const MAGIC: [u8; 4] = *b"\xb5rec";
pub const HEAD_OCTETS: usize = 32;
/// Of a body: a message of 64 MiB with its fields fits four times.
pub const BODY_OCTETS_MAX: u32 = 256 * 1024 * 1024;

/// What stands before a body, but for the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub length: u32,
    pub kind: u32,
    pub sequence: u64,
    pub durable: u64,
}

/// Where a checksum belongs: a record elsewhere, or on another volume, is not this one.
#[derive(Clone, Copy, Debug)]
pub struct Seed(u32);

impl Seed {
    pub fn new(volume: VolumeId, segment: u64) -> Self {
        Self(crc32c::crc32c_append(crc32c::crc32c(&volume.0), &segment.to_le_bytes()))
    }
}

impl Head {
    /// The head as octets; the body is what `parts` have one behind the other.
    pub fn encode(&self, seed: Seed, parts: &[&[u8]]) -> [u8; HEAD_OCTETS] {
        let mut octets = [0; HEAD_OCTETS];
        octets[0..4].copy_from_slice(&MAGIC);
        octets[4..8].copy_from_slice(&self.length.to_le_bytes());
        octets[12..16].copy_from_slice(&self.kind.to_le_bytes());
        octets[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        octets[24..32].copy_from_slice(&self.durable.to_le_bytes());
        let checksum = checksum(seed, &octets, parts);
        octets[8..12].copy_from_slice(&checksum.to_le_bytes());
        octets
    }

    /// Reads a head, whose checksum is not yet believed. None where there cannot be one.
    pub fn decode(octets: &[u8; HEAD_OCTETS]) -> Option<Self> {
        let head = Self {
            length: u32_at(octets, 4),
            kind: u32_at(octets, 12),
            sequence: u64_at(octets, 16),
            durable: u64_at(octets, 24),
        };
        (octets[0..4] == MAGIC && head.length <= BODY_OCTETS_MAX).then_some(head)
    }
}

/// Whether head and body are what was written.
pub fn is_whole(seed: Seed, head: &[u8; HEAD_OCTETS], body: &[u8]) -> bool {
    checksum(seed, head, &[body]) == u32_at(head, 8)
}

fn checksum(seed: Seed, head: &[u8; HEAD_OCTETS], parts: &[&[u8]]) -> u32 {
    let head = crc32c::crc32c_append(crc32c::crc32c_append(seed.0, &head[0..8]), &head[12..]);
    parts.iter().fold(head, |sum, part| crc32c::crc32c_append(sum, part))
}

fn u32_at(octets: &[u8; HEAD_OCTETS], at: usize) -> u32 {
    u32::from_le_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

fn u64_at(octets: &[u8; HEAD_OCTETS], at: usize) -> u64 {
    u64::from(u32_at(octets, at)) | (u64::from(u32_at(octets, at + 4)) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_one_flipped_bit_is_not(
            kind: u32, sequence: u64, durable: u64, body in proptest::collection::vec(any::<u8>(), 0..80), at: usize, bit in 0..8u8,
        ) {
            let seed = Seed::new(VolumeId([7; 16]), 3);
            let head = Head { length: body.len() as u32, kind, sequence, durable };
            let mut octets = head.encode(seed, &[&body[..body.len() / 2], &body[body.len() / 2..]]).to_vec();
            octets.extend(&body);
            let read = |octets: &[u8]| {
                let (head, body) = octets.split_first_chunk::<HEAD_OCTETS>().unwrap();
                Head::decode(head).filter(|_| is_whole(seed, head, body))
            };
            prop_assert_eq!(read(&octets), Some(head));
            let elsewhere = octets.split_first_chunk().unwrap().0;
            prop_assert!(!is_whole(Seed::new(VolumeId([7; 16]), 4), elsewhere, &body));
            prop_assert!(!is_whole(Seed::new(VolumeId([8; 16]), 3), elsewhere, &body));
            let at = at % octets.len();
            octets[at] ^= 1 << bit;
            prop_assert_eq!(read(&octets), None);
        }
    }
}
