//! A message of a stranger: its tree of parts lies inside of it, is bounded, and what is told of it over IMAP is one response, whatever
//! the message holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::imap::response::Writer;
use mail::mime::part::{DEPTH_MAX, PARTS_MAX};
use mail::mime::section::{Section, What};
use mail::mime::text::{self, Needle};
use mail::mime::{Envelope, Kind, Part};

fuzz_target!(|message: &[u8]| {
    let root = Part::of(message);
    assert_eq!(root.whole(), 0..message.len());
    let parts = look(&root, message, 0);
    assert!(parts <= PARTS_MAX);
    for path in paths(&root) {
        for what in [What::Whole, What::Mime, What::Header, What::Text, fields(false), fields(true)] {
            let section = Section { path: path.clone(), what };
            if let Some(found) = section.find(&root, message) {
                assert!(found.octets(message).len() <= message.len() + 4);
            }
        }
    }
    let envelope = Envelope::of(&message[root.header.clone()]);
    let mut writer = Writer::new();
    let mut fetch = writer.fetch(1);
    fetch.envelope(&envelope);
    fetch.body(&root);
    fetch.body_structure(&root);
    fetch.end();
    one_response(&writer.take());
    let needle = Needle::new("a");
    let _ = (
        needle.is_in(&root, message),
        text::base_subject(&envelope),
        text::sent(&message[root.header.clone()]),
    );
});

/// How many parts there are; each lies in the one around it, behind the one before it.
fn look(part: &Part, message: &[u8], depth: usize) -> usize {
    assert!(depth <= DEPTH_MAX);
    assert_eq!(part.header.end, part.body.start);
    let lines = message[part.body.clone()].iter().filter(|&&octet| octet == b'\n').count();
    assert_eq!(part.lines, lines);
    match &part.kind {
        Kind::Single => 1,
        Kind::Message { message: inner, .. } => {
            assert_eq!(inner.whole(), part.body);
            1 + look(inner, message, depth + 1)
        }
        Kind::Multipart(parts) => {
            let mut at = part.body.start;
            let mut count = 1;
            for one in parts {
                assert!(at <= one.header.start && one.body.end <= part.body.end);
                at = one.body.end;
                count += look(one, message, depth + 1);
            }
            assert!(!parts.is_empty());
            count
        }
    }
}

/// Some that are there, and some that are not.
fn paths(root: &Part) -> Vec<Vec<u32>> {
    let mut paths = vec![vec![], vec![0], vec![1], vec![2], vec![1, 1], vec![1, 2, 1], vec![u32::MAX]];
    let (mut part, mut path) = (root, Vec::new());
    while let Kind::Multipart(parts) = &part.kind {
        path.push(parts.len() as u32);
        paths.push(path.clone());
        match parts.last() {
            Some(last) => part = last,
            None => break,
        }
    }
    paths
}

fn fields(is_not: bool) -> What {
    What::Fields { names: vec![b"Subject".to_vec()], is_not }
}

/// Strings are quoted or counted, lists are closed, and the only line end outside of them is the last (RFC 3501, section 4).
fn one_response(octets: &[u8]) {
    let (mut at, mut depth) = (0, 0_usize);
    while at < octets.len() {
        match octets[at] {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1).expect("what is closed was opened"),
            b'"' => {
                at += 1;
                while octets[at] != b'"' {
                    assert!(!matches!(octets[at], b'\r' | b'\n' | 0));
                    at += if octets[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => {
                let end = at
                    + octets[at..].iter().position(|&octet| octet == b'}').expect("a literal's length ends");
                let length = std::str::from_utf8(&octets[at + 1..end]).expect("digits");
                let length: usize = length.parse().expect("a length");
                assert_eq!(&octets[end + 1..end + 3], b"\r\n");
                assert!(!octets[end + 3..end + 3 + length].contains(&0));
                at = end + 2 + length;
            }
            b'\r' => assert!(at + 2 == octets.len() && octets.ends_with(b"\r\n") && depth == 0),
            octet => assert!(octet == b'\n' && at + 1 == octets.len() || (b' '..=b'~').contains(&octet)),
        }
        at += 1;
    }
    assert!(octets.ends_with(b")\r\n"));
}
