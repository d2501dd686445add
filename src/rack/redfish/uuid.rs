//! Whether two UUIDs are of one machine.

use std::array;

/// SMBIOS keeps the first three fields of a UUID in little-endian order (DSP0134, 7.2.1), and firmware and BMC of one
/// board do not always agree on how to print them: either order counts. UUIDs that boards without one show never do.
pub fn is_same_machine(one: &str, other: &str) -> bool {
    match (bytes(one), bytes(other)) {
        (Some(one), Some(other)) => !is_blank(&one) && (one == other || swapped(&one) == other),
        _ => false,
    }
}

fn bytes(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    let digit = |at: usize| char::from(digits[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: [Option<u8>; 16] = array::from_fn(|at| Some(digit(at * 2)? << 4 | digit(at * 2 + 1)?));
    bytes.iter().all(Option::is_some).then(|| bytes.map(Option::unwrap_or_default))
}

fn is_blank(bytes: &[u8; 16]) -> bool {
    bytes.iter().all(|byte| *byte == bytes[0])
}

fn swapped(bytes: &[u8; 16]) -> [u8; 16] {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    ORDER.map(|at| bytes[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_of_one_uuid_are_one_machine_and_nothing_else_is() {
        let ours = "00112233-4455-6677-8899-aabbccddeeff";
        for same in [ours, "00112233-4455-6677-8899-AABBCCDDEEFF", "33221100-5544-7766-8899-aabbccddeeff"] {
            assert!(is_same_machine(ours, same), "{same}");
        }
        for other in [
            "",
            "33221100-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-9988-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233-4455-6677-8899-aabbccddee",
        ] {
            assert!(!is_same_machine(ours, other), "{other}");
        }
    }

    /// Mutant: boards without a UUID count as one machine (`is_blank` left out).
    #[test]
    fn two_boards_without_a_uuid_are_not_one_machine() {
        for blank in ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"] {
            assert!(!is_same_machine(blank, blank), "{blank}");
        }
    }
}
