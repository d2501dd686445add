//! A message behind DATA: the first two bytes say where the network cuts and how much is allowed. What comes out is compared
//! with the rule itself, written down without any state.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::data::dots::{Decoder, encode};
use mail::data::{Fault, LINE_OCTETS_MAX, Limits, LongLines};

/// Result, content, octets that were taken.
type Read = (Option<Result<u64, Fault>>, Vec<u8>, usize);

fuzz_target!(|input: &[u8]| {
    let [size, limits, wire @ ..] = input else { return };
    let limits = Limits {
        octets_max: if limits & 1 == 0 { u64::from(*limits) } else { 1 << 20 },
        long_lines: if limits & 2 == 0 { LongLines::Refuse } else { LongLines::Accept },
    };
    let whole = read(wire, wire.len().max(1), limits);
    assert_eq!(whole, read(wire, usize::from(*size).max(1), limits));
    let (result, content, taken) = whole;
    assert!(content.len() as u64 <= limits.octets_max);
    let end = if wire.starts_with(b".\r\n") { Some(3) } else { find(wire, b"\r\n.\r\n").map(|at| at + 5) };
    assert_eq!(result.map(|_| taken), end, "an end where none is, or none where one is");
    if let Some(Ok(octets)) = result {
        assert_eq!(octets, content.len() as u64);
        assert_eq!(content, unstuffed(&wire[..taken - 3]));
        assert!(is_clean(&content) && (limits.long_lines == LongLines::Accept || has_short_lines(&content)));
        let mut again = Vec::new();
        encode(&content, &mut again);
        assert_eq!(read(&again, 1 << 20, limits), (result, content, again.len()));
    }
});

fn read(wire: &[u8], size: usize, limits: Limits) -> Read {
    let (mut decoder, mut content, mut taken) = (Decoder::new(limits), Vec::new(), 0);
    for mut piece in wire.chunks(size) {
        let length = piece.len();
        let result = decoder.decode(&mut piece, &mut content);
        taken += length - piece.len();
        if result.is_some() {
            return (result, content, taken);
        }
        assert!(piece.is_empty(), "it stopped without an end");
    }
    (None, content, taken)
}

/// Every line without the dot at its front.
fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let lines = wire.split_inclusive(|&byte| byte == b'\n');
    lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
}

/// Whether CR and LF stand together only, and the last line has its end.
fn is_clean(content: &[u8]) -> bool {
    let count = |wanted| content.iter().filter(|&&byte| byte == wanted).count();
    let ends = content.windows(2).filter(|pair| pair == b"\r\n").count();
    count(b'\r') == ends && count(b'\n') == ends && (content.is_empty() || content.ends_with(b"\r\n"))
}

fn has_short_lines(content: &[u8]) -> bool {
    content.split(|&byte| byte == b'\n').all(|line| line.len() as u64 <= LINE_OCTETS_MAX + 1)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
