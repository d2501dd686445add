//! Two machines with one card address: their answers reach now one and now the other, so that perhaps none of them
//! ever comes as far as to say hello. Firmware tells them apart by the machine's UUID.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use understudy_core::model::mac::MacAddress;
use understudy_core::model::uuid::Uuid;

/// A stranger can make up as many addresses as it likes; past that, no new ones are watched.
const CARDS_MAX: usize = 4096;
/// The same clash is told this often at most.
const TOLD_EVERY: Duration = Duration::from_secs(600);
/// Where the last two fields of a UUID's text begin; nobody disputes the order of their bytes.
const UNDISPUTED_AT: usize = 18;

/// Which machine asked with each card last.
#[derive(Debug, Default)]
pub struct Cards {
    machines: HashMap<MacAddress, (Uuid, Option<Instant>)>,
}

impl Cards {
    /// A card's firmware named its machine; returns what a person should know.
    pub fn seen(&mut self, card: MacAddress, machine: [u8; 16], now: Instant) -> Option<String> {
        let machine = Some(Uuid::from_smbios(machine)).filter(|machine| !machine.names_nobody())?;
        if self.machines.len() >= CARDS_MAX && !self.machines.contains_key(&card) {
            return None;
        }
        let (last, told) = self.machines.entry(card).or_insert((machine, None));
        let before = std::mem::replace(last, machine);
        let is_due = told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        if before.is_same_machine(machine) || !is_due {
            return None;
        }
        *told = Some(now);
        Some(format!(
            "two machines ask with card {card}, UUIDs {} and {}: none of them can be reached for sure; \
             take one off the network, or give it a card of its own",
            undisputed(before),
            undisputed(machine),
        ))
    }
}

fn undisputed(uuid: Uuid) -> String {
    format!("...{}", &uuid.to_string()[UNDISPUTED_AT..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    const OTHER: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17];
    const SHARED: [u8; 16] = [0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9];

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
        let swapped = Uuid::new(ONE).to_smbios();
        for machine in [ONE, swapped, ONE, [0; 16], SHARED, [0xff; 16], ONE] {
            assert_eq!(cards.seen(card(1), machine, now), None, "{machine:?}");
        }
    }
}
