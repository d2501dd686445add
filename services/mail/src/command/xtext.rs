//! xtext: a value within a parameter (RFC 3461, section 4).

use std::fmt::Write;

/// The text that xtext stands for, if it is nothing but printable ASCII: what else it could hold, an end of line first of all,
/// has no place in a report of delivery (RFC 3461, sections 4.2 and 4.4).
pub fn decode(xtext: &str) -> Option<String> {
    let mut text = String::with_capacity(xtext.len());
    let mut bytes = xtext.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => hex(bytes.next()?)? * 16 + hex(bytes.next()?)?,
            b'=' => return None,
            b'!'..=b'~' => byte,
            _ => return None,
        };
        if !(b' '..=b'~').contains(&byte) {
            return None;
        }
        text.push(char::from(byte));
    }
    Some(text)
}

/// Text as xtext.
pub fn encode(text: &str) -> String {
    let mut xtext = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'+' | b'=') => xtext.push(char::from(byte)),
            _ => write!(xtext, "+{byte:02X}").expect("a String takes everything"),
        }
    }
    xtext
}

/// `HEXDIG` in upper case only (`hexchar`).
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_xtext_is_read() {
        for (xtext, text) in [("QQ314159", "QQ314159"), ("a+20b+2B+3D", "a b+="), ("", "")] {
            assert_eq!(decode(xtext).as_deref(), Some(text));
        }
        for xtext in ["a b", "a=b", "+", "+2", "+2b", "+0D+0A", "+00", "+7F", "+E9", "\u{e9}"] {
            assert_eq!(decode(xtext), None, "{xtext}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "[ -~]{0,40}") {
            let xtext = encode(&text);
            prop_assert!(xtext.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'='));
            prop_assert_eq!(decode(&xtext), Some(text));
        }
    }
}
