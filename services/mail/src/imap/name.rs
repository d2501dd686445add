//! Names of mailboxes: modified UTF-7 outside (RFC 3501, section 5.1.3), UTF-8 inside.
//!
//! A name has one form outside: another one that would mean the same is refused, so that no two names are one mailbox. Octets
//! above 127 are taken as UTF-8, which clients send that never heard of this. Entry points: [`decode`], [`encode`].

use std::fmt::Write as _;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// What a client calls a mailbox, for us; nothing if it is no name.
pub fn decode(wire: &[u8]) -> Option<String> {
    let wire = std::str::from_utf8(wire).ok()?;
    if !wire.is_ascii() {
        return Some(wire.to_owned());
    }
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (shifted, behind) = shifted.split_once('-')?;
        match shifted {
            "" => name.push('&'),
            _ => name.push_str(&units(shifted.as_bytes())?),
        }
        rest = behind;
    }
    name.push_str(rest);
    (encode(&name) == wire).then_some(name)
}

/// What we call a mailbox, for a client.
pub fn encode(name: &str) -> String {
    let mut wire = String::with_capacity(name.len());
    let mut shifted = Vec::new();
    for letter in name.chars() {
        if matches!(letter, ' '..='~') {
            unshift(&mut shifted, &mut wire);
            wire.push(letter);
            if letter == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(letter.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut shifted, &mut wire);
    wire
}

/// Writes what was shifted, if anything was: 6 bits for a letter.
fn unshift(shifted: &mut Vec<u8>, wire: &mut String) {
    if shifted.is_empty() {
        return;
    }
    wire.push('&');
    for three in shifted.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        for at in 0..=three.len() {
            let letter = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            // Never fails: it is a String.
            let _ = wire.write_char(char::from(letter));
        }
    }
    wire.push('-');
    shifted.clear();
}

fn units(shifted: &[u8]) -> Option<String> {
    let (mut bits, mut held) = (0_u32, 0);
    let mut units = Vec::with_capacity(shifted.len());
    for letter in shifted {
        let value = ALPHABET.iter().position(|known| known == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held & 0xffff).ok()?);
        }
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_two_forms() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("a/b c", "a/b c"),
            ("R&D", "R&-D"),
            ("Entw\u{fc}rfe", "Entw&APw-rfe"),
            ("~peter/mail/\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("\u{1f600}", "&2D3eAA-"),
            ("a\tb", "a&AAk-b"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(name), "{wire}");
        }
    }

    #[test]
    fn what_has_another_form_is_no_name() {
        for wire in [
            "R&D",
            "&",
            "a&AAk",
            "&AGE-",
            "&Jjo!-",
            "&U,BTFw-&ZeVnLIqe-",
            "&APx-",
            "&2D0-",
            "&A-",
            "a\tb",
            "&APw=-",
        ] {
            assert_eq!(decode(wire.as_bytes()), None, "{wire}");
        }
        assert_eq!(decode(b"\xff"), None);
    }

    #[test]
    fn utf8_is_a_name_as_well() {
        assert_eq!(decode("Entw\u{fc}rfe".as_bytes()).as_deref(), Some("Entw\u{fc}rfe"));
    }

    proptest! {
        #[test]
        fn a_name_comes_back(name in "\\PC{0,40}") {
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|octet| matches!(octet, b' '..=b'~')));
            prop_assert_eq!(decode(wire.as_bytes()), Some(name));
        }

        #[test]
        fn a_name_has_one_form(wire in "[&,+A-Zaw-]{0,12}") {
            if let Some(name) = decode(wire.as_bytes()) {
                prop_assert_eq!(encode(&name), wire);
            }
        }
    }
}
