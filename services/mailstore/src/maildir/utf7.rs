//! Modified UTF-7 (RFC 3501 section 5.1.3), for names of folders.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// One level of a mailbox's name. The characters that mean something in a folder's name are encoded as well.
pub fn encode(text: &str) -> String {
    let is_plain = |letter: char| matches!(letter, ' '..='~') && !matches!(letter, '.' | '/');
    let mut out = String::new();
    let mut waiting = Vec::new();
    for letter in text.chars() {
        if is_plain(letter) {
            flush(&mut out, &mut waiting);
            out.push(letter);
            if letter == '&' {
                out.push('-');
            }
        } else {
            waiting.extend(letter.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut out, &mut waiting);
    out
}

fn flush(out: &mut String, waiting: &mut Vec<u8>) {
    if waiting.is_empty() {
        return;
    }
    out.push('&');
    for three in waiting.chunks(3) {
        let bits =
            three.iter().fold(0u32, |bits, octet| (bits << 8) | u32::from(*octet)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            out.push(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63].into());
        }
    }
    out.push('-');
    waiting.clear();
}

/// None for what nobody encodes so.
pub fn decode(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((plain, encoded)) = rest.split_once('&') {
        out.push_str(plain);
        let (encoded, behind) = encoded.split_once('-')?;
        match encoded {
            "" => out.push('&'),
            encoded => out.push_str(&decode_run(encoded)?),
        }
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

fn decode_run(encoded: &str) -> Option<String> {
    let (mut bits, mut count) = (0u32, 0);
    let mut units = Vec::new();
    for letter in encoded.bytes() {
        let six = ALPHABET.iter().position(|other| *other == letter)? as u32;
        (bits, count) = ((bits << 6) | six, count + 6);
        if count >= 16 {
            count -= 16;
            units.push((bits >> count) as u16);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over is padding: fewer bits than a letter has, and zeros.
    if count >= 6 || bits != 0 { None } else { String::from_utf16(&units).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_of_the_rfc() {
        for (plain, encoded) in [
            ("台北", "&U,BTFw-"),
            ("日本語", "&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("a & b", "a &- b"),
            ("v1.2", "v1&AC4-2"),
        ] {
            assert_eq!(encode(plain), encoded);
            assert_eq!(decode(encoded).unwrap(), plain);
        }
        for bad in ["&", "&A", "&AAA", "a&!!-", "&2AA-", "&AAAA-x&"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "\\PC{0,20}") {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' '));
            prop_assert!(!encoded.contains(['.', '/']));
            prop_assert_eq!(decode(&encoded), Some(text));
        }

        #[test]
        fn any_octets_decode_or_not(text in "[&A-Za-z0-9,+-]{0,20}") {
            let _ = decode(&text);
        }
    }
}
