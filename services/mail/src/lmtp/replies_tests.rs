use super::*;
use proptest::prelude::*;

fn read(pieces: &[&[u8]]) -> Vec<Result<Heard, ReplyError>> {
    let (mut reader, mut all) = (ReplyReader::default(), Vec::new());
    for mut piece in pieces.iter().copied() {
        while let Some(heard) = reader.pull(&mut piece) {
            let is_error = heard.is_err();
            all.push(heard);
            if is_error {
                return all;
            }
        }
        assert!(piece.is_empty());
    }
    all
}

fn heard(code: u16, lines: &[&str]) -> Result<Heard, ReplyError> {
    Ok(Heard { code, lines: lines.iter().map(|&line| line.to_owned()).collect() })
}

#[test]
fn replies_are_read_as_the_rfc_has_them() {
    use ReplyError::{LineTooLong, NoCode, OtherCode, TooManyLines};
    let long = format!("250 {}\r\n", "x".repeat(LINE_OCTETS_MAX));
    let many = "250-x\r\n".repeat(LINES_MAX + 1);
    for (input, expected) in [
        ("250 2.0.0 OK\r\n", vec![heard(250, &["2.0.0 OK"])]),
        ("250-one\r\n250-\r\n250 two\r\n", vec![heard(250, &["one", "", "two"])]),
        ("250\r\n", vec![heard(250, &[""])]),
        ("250 a\n550 b\r\n25", vec![heard(250, &["a"]), heard(550, &["b"])]),
        ("250-a\r\n251 b\r\n", vec![Err(OtherCode)]),
        ("25 a\r\n", vec![Err(NoCode)]),
        ("250_a\r\n", vec![Err(NoCode)]),
        ("150 a\r\n", vec![Err(NoCode)]),
        ("\r\n", vec![Err(NoCode)]),
        (&long, vec![Err(LineTooLong)]),
        (&many, vec![Err(TooManyLines)]),
    ] {
        assert_eq!(read(&[input.as_bytes()]), expected, "{input:?}");
    }
}

#[test]
fn a_refusal_of_theirs_becomes_one_of_ours() {
    for (input, expected) in [
        ("452 4.2.2 Mailbox full\r\n", "452 4.2.2 Mailbox full\r\n"),
        ("550 No such user\r\n", "550 5.0.0 No such user\r\n"),
        ("550 4.2.2 Strange\r\n", "550 5.0.0 4.2.2 Strange\r\n"),
        ("550 5.1.1\r\n", "550 5.1.1 \r\n"),
        ("550 5.1.1.1 x\r\n", "550 5.0.0 5.1.1.1 x\r\n"),
        ("599 5.1.1000 x\r\n", "550 5.0.0 5.1.1000 x\r\n"),
        // It would close a connection that has nothing to do with it.
        ("421 4.3.2 Shutting down\r\n", "451 4.3.2 Shutting down\r\n"),
        ("354 Go on\r\n", "451 4.0.0 Go on\r\n"),
        ("250 2.1.5 OK\r\n", "451 4.0.0 OK\r\n"),
    ] {
        let Ok(heard) = &read(&[input.as_bytes()])[0] else { panic!("{input}") };
        assert_eq!(heard.refusal().reply().to_string(), expected);
    }
}

proptest! {
    #[test]
    fn replies_are_the_same_wherever_the_network_cuts(
        text in "([2-5][0-5][0-9][- ](2\\.1\\.5 )?[a-c]{0,8}\r?\n){0,8}[0-9a-c\r\n -]{0,9}",
        size in 1..9usize,
    ) {
        let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
        prop_assert_eq!(read(&[text.as_bytes()]), read(&pieces));
    }

    /// Catches an answer that says more to our client than one line.
    #[test]
    fn nothing_that_a_server_says_breaks_out_of_a_reply(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let line = [b"550 ", &octets[..], b"\r\n"].concat();
        if let Some(Ok(heard)) = read(&[&line]).first() {
            let told = heard.refusal().reply().to_string();
            prop_assert_eq!(told.matches('\n').count(), 1);
            prop_assert!(told.starts_with("550 5."));
        }
    }
}
