use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { line_octets_max: 64, command_octets_max: 96, append_octets_max: 200 };

/// What comes out, with pieces as the network cuts them.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Input> {
    let mut reader = Reader::new(LIMITS);
    let mut all = Vec::new();
    for mut piece in pieces {
        while let Some(input) = reader.pull(&mut piece) {
            all.push(input);
        }
        assert!(piece.is_empty());
        assert!(reader.held.len() <= LIMITS.append_octets_max + LIMITS.command_octets_max);
    }
    all
}

fn command(text: &str) -> Input {
    Input::Command(Bytes::copy_from_slice(text.as_bytes()))
}

fn literal(octets: usize, is_waiting: bool) -> Input {
    Input::Literal { octets, is_waiting }
}

fn refused(tag: &str, error: TooLarge) -> Input {
    Input::Refused { tag: Tag::new(tag.as_bytes()), error }
}

const COMMAND: TooLarge = TooLarge::Command { limit: 96 };
const MESSAGE: TooLarge = TooLarge::Message { limit: 200 };

#[test]
fn commands_come_with_their_literals() {
    let big = "x".repeat(150);
    for (input, expected) in [
        ("a NOOP\r\nb NOOP\r\nc", vec![command("a NOOP\r\n"), command("b NOOP\r\n")]),
        // A person may type LF.
        ("a NOOP\n", vec![command("a NOOP\r\n")]),
        (
            "a LOGIN {1}\r\nb {2+}\r\n\r\n\r\nc NOOP\r\n",
            vec![
                literal(1, true),
                literal(2, false),
                command("a LOGIN {1}\r\nb {2+}\r\n\r\n\r\n"),
                command("c NOOP\r\n"),
            ],
        ),
        // The CR of a literal does not belong to the LF behind it.
        ("a X {1}\r\n\r\n", vec![literal(1, true), command("a X {1}\r\n\r\r\n")]),
        ("a X {0}\r\n\r\n", vec![literal(0, true), command("a X {0}\r\n\r\n")]),
        (
            &format!("a APPEND x {{150}}\r\n{big}\r\n"),
            vec![literal(150, true), command(&format!("a APPEND x {{150}}\r\n{big}\r\n"))],
        ),
    ] {
        assert_eq!(read([input.as_bytes()]), expected, "{input:?}");
    }
}

#[test]
fn a_literal_that_is_too_large_is_refused() {
    let junk = "x".repeat(300);
    for (input, expected) in [
        // Nobody asked for it: it does not come.
        ("a LOGIN {97}\r\nb NOOP\r\n", vec![refused("a", COMMAND), command("b NOOP\r\n")]),
        ("a APPEND x {201}\r\nb NOOP\r\n", vec![refused("a", MESSAGE), command("b NOOP\r\n")]),
        // It comes all the same, with the rest of its command.
        (
            &format!("a X {{300+}}\r\n{junk} {{2+}}\r\n\r\n {{3}}\r\nb NOOP\r\n"),
            vec![refused("a", COMMAND), command("b NOOP\r\n")],
        ),
        ("a X {99999999999999999999}\r\nb NOOP\r\n", vec![refused("a", COMMAND), command("b NOOP\r\n")]),
        ("{999}\r\n", vec![Input::Refused { tag: None, error: COMMAND }]),
        // Many small ones are no way around it.
        (
            "a X {40}\r\n0123456789012345678901234567890123456789{41}\r\nb NOOP\r\n",
            vec![literal(40, true), refused("a", COMMAND), command("b NOOP\r\n")],
        ),
    ] {
        assert_eq!(read([input.as_bytes()]), expected, "{input:?}");
    }
}

#[test]
fn a_line_without_an_end_ends_the_session() {
    let broken = || Input::Broken(Broken::Line { limit: 64 });
    assert_eq!(read([&[b'x'; 1000][..], b"\r\na NOOP\r\n"]), [broken()]);
    let mut input = b"a X {97+}\r\n".to_vec();
    input.extend([b'x'; 1000]);
    assert_eq!(read([&input[..]]), [refused("a", COMMAND), broken()]);
}

#[test]
fn a_refused_command_without_an_end_ends_the_session() {
    let mut reader = Reader::new(LIMITS);
    let mut input = &b"a APPEND x {999999999999+}\r\n"[..];
    assert_eq!(reader.pull(&mut input), Some(refused("a", MESSAGE)));
    let junk = vec![b'x'; 1 << 20];
    let mut passed = 0;
    let end = loop {
        match reader.pull(&mut &junk[..]) {
            Some(end) => break end,
            None => passed += junk.len() as u64,
        }
        assert!(passed <= DISCARD_OCTETS_MAX && reader.held.is_empty());
    };
    assert_eq!(end, Input::Broken(Broken::Endless));
    assert_eq!(reader.pull(&mut &b"a NOOP\r\n"[..]), None);
}

#[test]
fn a_line_that_is_expected_is_no_command() {
    let mut reader = Reader::new(LIMITS);
    let mut input = &b"AGEAYg== {3}\r\na NOOP\r\n"[..];
    reader.expect_line();
    assert_eq!(reader.pull(&mut input), Some(Input::Line(b"AGEAYg== {3}".to_vec())));
    assert!(reader.is_between_commands());
    assert_eq!(reader.pull(&mut input), Some(command("a NOOP\r\n")));
}

#[test]
fn a_stranger_may_not_send_a_message() {
    let mut reader = Reader::new(Limits::BEFORE_LOGIN);
    let mut input = &b"a APPEND INBOX {20000}\r\n"[..];
    let limit = Limits::BEFORE_LOGIN.command_octets_max;
    assert_eq!(reader.pull(&mut input), Some(refused("a", TooLarge::Command { limit })));
}

proptest! {
    #[test]
    fn it_is_the_same_wherever_the_network_cuts(
        lines in prop::collection::vec(
            prop::sample::select(vec!["a NOOP\r\n", "b X {3}\r\n", "abc", "{2+}\r\n", "\r\n", "\n", "c APPEND x {120+}\r\n", "d Y {97+}\r\n"]),
            0..12,
        ),
        size in 1_usize..9,
    ) {
        let text = lines.concat();
        prop_assert_eq!(read([text.as_bytes()]), read(text.as_bytes().chunks(size)));
    }
}
