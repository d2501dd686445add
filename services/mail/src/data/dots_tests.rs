//! The decoder beside the RFC's words, beside what is known to fool others, and beside its own encoder.

use super::*;
use crate::data::LongLines;
use proptest::prelude::*;

const LIMITS: Limits = Limits { octets_max: 5000, long_lines: LongLines::Accept };

/// Result, content, and what is left behind the end.
type Read = (Option<Result<u64, Fault>>, Vec<u8>, Vec<u8>);

fn read(limits: Limits, input: &[u8], size: usize) -> Read {
    let (mut decoder, mut out) = (Decoder::new(limits), Vec::new());
    let mut taken = 0;
    for mut piece in input.chunks(size) {
        let length = piece.len();
        let result = decoder.decode(&mut piece, &mut out);
        taken += length - piece.len();
        if result.is_some() {
            return (result, out, input[taken..].to_vec());
        }
        assert!(piece.is_empty());
    }
    (None, out, Vec::new())
}

#[test]
fn a_message_ends_at_a_dot_alone_and_nowhere_else() {
    for (input, content, rest) in [
        (".\r\n", "", ""),
        ("a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n"),
        ("\r\n.\r\n", "\r\n", ""),
        ("..\r\n.\r\n", ".\r\n", ""),
        ("..x\r\n..y\r\n.\r\n", ".x\r\n.y\r\n", ""),
        (".x\r\n.\r\n", "x\r\n", ""),
        ("a.\r\n.\r\n", "a.\r\n", ""),
        ("...\r\n.\r\n.\r\n", "..\r\n", ".\r\n"),
        ("\r\n\r\n.\r\n", "\r\n\r\n", ""),
    ] {
        let expected =
            (Some(Ok(content.len() as u64)), content.as_bytes().to_vec(), rest.as_bytes().to_vec());
        assert_eq!(read(LIMITS, input.as_bytes(), 1000), expected, "{input:?}");
    }
}

/// Catches each decoder that takes one of these for an end of message, or lets it pass to a server that does (the
/// smuggling of December 2023: CVE-2023-51764, -51765, -51766).
#[test]
fn what_looks_like_an_end_of_message_is_none_and_refuses_the_message() {
    for (middle, fault) in [
        ("\n.\n", Fault::BareLf),
        ("\n.\r\n", Fault::BareLf),
        ("\r\n.\n", Fault::BareLf),
        ("\r.\r", Fault::BareCr),
        ("\r\n.\r", Fault::BareCr),
        ("\r.\r\n", Fault::BareCr),
        ("\r\n.\r\r\n", Fault::BareCr),
        ("\n\r.\n\r", Fault::BareLf),
        ("\r\n\n.\r\n", Fault::BareLf),
        ("\r\n.\r.\r\n", Fault::BareCr),
    ] {
        let smuggled = format!("a{middle}MAIL FROM:<x@y>\r\n");
        let whole = format!("{smuggled}.\r\nQUIT\r\n");
        let (result, content, rest) = read(LIMITS, whole.as_bytes(), 1000);
        assert_eq!(result, Some(Err(fault)), "{middle:?}");
        assert_eq!(rest, b"QUIT\r\n", "{middle:?}");
        assert!(content.len() <= 3, "{middle:?}: given out behind the fault");
    }
    // A CRLF, dot, CRLF behind the fault is an end for every server.
    assert_eq!(read(LIMITS, b"a\r\r\n.\r\nQUIT\r\n", 1000).0, Some(Err(Fault::BareCr)));
    assert_eq!(read(LIMITS, b"a\r\r\n.\r\nQUIT\r\n", 1000).2, b"QUIT\r\n");
}

#[test]
fn size_counts_content_and_not_what_carries_it() {
    let limits = |octets_max| Limits { octets_max, long_lines: LongLines::Accept };
    let input = b"..a\r\nbc\r\n.\r\n";
    assert_eq!(read(limits(8), input, 1000).0, Some(Ok(8)));
    assert_eq!(read(limits(7), input, 1000).0, Some(Err(Fault::TooBig)));
    assert_eq!(read(limits(0), b".\r\n", 1000).0, Some(Ok(0)));
}

#[test]
fn long_lines_are_told_apart_by_policy() {
    let refusing = Limits { octets_max: 5000, long_lines: LongLines::Refuse };
    let lines = |octets: usize| format!("ok\r\n..{}\r\n.\r\n", "x".repeat(octets - 1));
    assert_eq!(read(refusing, lines(998).as_bytes(), 700).0, Some(Ok(1004)));
    assert_eq!(read(refusing, lines(999).as_bytes(), 700).0, Some(Err(Fault::LongLine)));
    assert_eq!(read(LIMITS, lines(999).as_bytes(), 700).0, Some(Ok(1005)));
}

/// Whole lines, as a client that respects the RFC has them.
fn message() -> impl Strategy<Value = String> {
    "([.a\u{e4}]{0,5}\r\n){0,8}"
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(content in message(), size in 1..20usize) {
        let mut wire = Vec::new();
        encode(content.as_bytes(), &mut wire);
        let expected = (Some(Ok(content.len() as u64)), content.clone().into_bytes(), b"NEXT".to_vec());
        wire.extend_from_slice(b"NEXT");
        prop_assert_eq!(read(LIMITS, &wire, size), expected);
    }

    #[test]
    fn a_message_is_the_same_wherever_the_network_cuts(
        text in "[.ab\r\n]{0,60}(\r\n[.ab]{0,4}){0,4}\r\n.\r\n[a.\r\n]{0,6}",
        size in 1..9usize,
        octets_max in 0..50u64,
    ) {
        let limits = Limits { octets_max, long_lines: LongLines::Refuse };
        let whole = read(limits, text.as_bytes(), 1000);
        prop_assert_eq!(&whole, &read(limits, text.as_bytes(), size));
        prop_assert!(whole.1.len() as u64 <= octets_max);
    }
}
