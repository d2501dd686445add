//! What a client writes to an IMAP server, whole and cut to pieces. The first byte says whether the client is known, the second where the
//! network cuts: commands, literals and refusals are the same, bounded, and a set of numbers means what its pairs mean one by one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::imap::command::{self, Body, Command};
use mail::imap::reader::{Input, Limits, Reader};
use mail::imap::set::{Bound, Set, compact};
use mail::imap::{name, pattern};

const AFTER_LOGIN: Limits =
    Limits { line_octets_max: 512, command_octets_max: 2048, append_octets_max: 4096 };
const BEFORE_LOGIN: Limits = Limits { line_octets_max: 128, command_octets_max: 256, append_octets_max: 0 };

fuzz_target!(|input: &[u8]| {
    let [choice, size, octets @ ..] = input else { return };
    let limits = if choice & 1 == 1 { AFTER_LOGIN } else { BEFORE_LOGIN };
    let whole = inputs(limits, octets, usize::MAX);
    assert_eq!(whole, inputs(limits, octets, usize::from(*size).max(1)));
    for input in &whole {
        look(limits, input);
    }
});

fn inputs(limits: Limits, octets: &[u8], size: usize) -> Vec<Input> {
    let mut reader = Reader::new(limits);
    let mut inputs = Vec::new();
    for mut piece in octets.chunks(size.min(octets.len().max(1))) {
        while let Some(input) = reader.pull(&mut piece) {
            if let Input::Command(command) = &input
                && let Ok(Command { body: Body::Idle | Body::Authenticate { initial: None, .. }, .. }) =
                    command::parse(command)
            {
                reader.expect_line();
            }
            inputs.push(input);
        }
        assert!(piece.is_empty());
    }
    inputs
}

fn look(limits: Limits, input: &Input) {
    match input {
        Input::Command(octets) => {
            assert!(octets.ends_with(b"\r\n"));
            // The line that goes over a limit is the last one.
            let most = limits.command_octets_max + limits.append_octets_max + limits.line_octets_max;
            assert!(octets.len() <= most + 1);
            match command::parse(octets) {
                Ok(command) => obey(&command),
                Err(refusal) => assert!(!refusal.error.to_string().is_empty()),
            }
        }
        Input::Line(line) => assert!(line.len() < limits.line_octets_max && !line.contains(&b'\n')),
        Input::Literal { octets, .. } => {
            assert!(*octets <= limits.command_octets_max.max(limits.append_octets_max));
        }
        Input::Refused { .. } | Input::Broken(_) => {}
    }
}

fn obey(command: &Command) {
    assert!(command.tag.as_str().bytes().all(|octet| octet.is_ascii_graphic()));
    match &command.body {
        Body::Copy { set, .. } | Body::Move { set, .. } | Body::Expunge(Some(set)) => resolve(set),
        Body::Store(store) => resolve(&store.set),
        Body::Fetch(fetch) => resolve(&fetch.set),
        Body::Delete(mailbox) | Body::Subscribe(mailbox) => {
            assert_eq!(name::decode(name::encode(mailbox).as_bytes()).as_deref(), Some(mailbox.as_str()));
        }
        Body::Lsub { reference, pattern } => {
            let _ = pattern::matches(pattern, reference, '/');
        }
        _ => {}
    }
}

/// Against the rule without order: a number is meant if one of the pairs has it between its ends.
fn resolve(set: &Set) {
    for last in [None, Some(1), Some(7), Some(u32::MAX)] {
        let ranges = set.resolve(last);
        assert!(
            ranges.as_slice().windows(2).all(|pair| pair[0].end().checked_add(1) < Some(*pair[1].start()))
        );
        for probe in [1, 2, 6, 7, 8, u32::MAX] {
            let is_meant = set.0.iter().any(|(from, to)| {
                let (Some(from), Some(to)) = (number(*from, last), number(*to, last)) else { return false };
                (from.min(to)..=from.max(to)).contains(&probe)
            });
            assert_eq!(ranges.contains(probe), is_meant);
        }
    }
    let small: Vec<u32> = (1..=64).filter(|number| set.resolve(Some(64)).contains(*number)).collect();
    let again = compact(small.iter().copied());
    assert!((1..=64).all(|number| again.contains(number) == small.contains(&number)));
}

fn number(bound: Bound, last: Option<u32>) -> Option<u32> {
    match bound {
        Bound::Number(number) => Some(number),
        Bound::Last => last,
    }
}
