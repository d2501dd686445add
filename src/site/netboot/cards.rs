//! Two machines with one card address: their answers reach now one and now the other, so that perhaps none of them
//! ever comes as far as to say hello. Firmware tells them apart by the machine's UUID.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use understudy_core::model::mac::MacAddress;

/// A stranger can make up as many addresses as it likes; past that, no new ones are watched.
const CARDS_MAX: usize = 4096;
/// The same clash is told this often at most.
const TOLD_EVERY: Duration = Duration::from_secs(600);
/// A default that many boards share, as SMBIOS has it (03000200-0400-0500-0006-000700080009).
const SHARED: [u8; 16] = [0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9];

/// Which machine asked with each card last.
#[derive(Debug, Default)]
pub struct Cards {
    machines: HashMap<MacAddress, (Uuid, Option<Instant>)>,
}

impl Cards {
    /// A card's firmware named its machine; returns what a person should know.
    pub fn seen(&mut self, card: MacAddress, machine: [u8; 16], now: Instant) -> Option<String> {
        let machine = Uuid::of(machine)?;
        if self.machines.len() >= CARDS_MAX && !self.machines.contains_key(&card) {
            return None;
        }
        let (last, told) = self.machines.entry(card).or_insert((machine, None));
        let before = std::mem::replace(last, machine);
        let is_due = told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        if before == machine || !is_due {
            return None;
        }
        *told = Some(now);
        Some(format!(
            "two machines ask with card {card}, UUIDs {before} and {machine}: none of them can be reached for sure; \
             take one off the network, or give it a card of its own"
        ))
    }
}

/// A machine's UUID as SMBIOS has it. Firmware and its loader do not agree on the order of the bytes of its first three
/// fields (DMTF DSP0134, section 7.2.1), so that both orders are one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Uuid([u8; 16]);

impl Uuid {
    /// `None` for what names nobody.
    fn of(bytes: [u8; 16]) -> Option<Self> {
        let swapped = swapped(bytes);
        let names_nobody = [[0; 16], [0xff; 16], SHARED, self::swapped(SHARED)].contains(&bytes);
        (!names_nobody).then_some(Self(bytes.min(swapped)))
    }
}

fn swapped(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

impl std::fmt::Display for Uuid {
    /// The last two fields, whose order nobody disputes.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "...-{}-{}", hex::encode(&self.0[8..10]), hex::encode(&self.0[10..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    const OTHER: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17];

    fn card(last: u8) -> MacAddress {
        MacAddress::new([0x52, 0x54, 0, 0, 0, last])
    }

    #[test]
    fn two_machines_with_one_card_are_told_and_not_at_every_boot() {
        let (mut cards, now) = (Cards::default(), Instant::now());
        assert_eq!(cards.seen(card(1), ONE, now), None);
        assert_eq!(cards.seen(card(2), OTHER, now), None, "another card");
        let told = cards.seen(card(1), OTHER, now).unwrap();
        assert!(told.contains("...-090a-0b0c0d0e0f10 and ...-090a-0b0c0d0e0f11"), "{told}");
        assert_eq!(cards.seen(card(1), ONE, now + Duration::from_secs(1)), None);
        assert!(cards.seen(card(1), OTHER, now + TOLD_EVERY).is_some());
    }

    #[test]
    fn one_machine_whose_firmware_and_loader_differ_is_no_clash() {
        let (mut cards, now) = (Cards::default(), Instant::now());
        for machine in [ONE, swapped(ONE), ONE, [0; 16], SHARED, [0xff; 16], ONE] {
            assert_eq!(cards.seen(card(1), machine, now), None, "{machine:?}");
        }
    }
}
