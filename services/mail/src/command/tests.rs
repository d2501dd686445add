//! Lines as clients write them, and lines that nobody should.

use super::mail::{Body, Returned};
use super::rcpt::{Notify, OriginalRecipient};
use super::*;
use crate::address::{AddressError, ForwardPath, ReversePath};
use proptest::prelude::*;

fn mail(line: &str) -> Mail {
    match parse(line.as_bytes()) {
        Ok(Command::Mail(mail)) => mail,
        other => panic!("{line}: {other:?}"),
    }
}

fn rcpt(line: &str) -> Rcpt {
    match parse(line.as_bytes()) {
        Ok(Command::Rcpt(rcpt)) => rcpt,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn commands_without_parameters_are_read() {
    let chunk = |octets, is_last| Command::Bdat(Chunk { octets, is_last });
    for (line, command) in [
        ("DATA", Command::Data),
        ("data  \t", Command::Data),
        ("RSET", Command::Rset),
        ("NOOP anything at all", Command::Noop),
        ("QuIt", Command::Quit),
        ("VRFY Crispin", Command::Vrfy),
        ("EXPN Example-People", Command::Expn),
        ("HELP", Command::Help),
        ("STARTTLS", Command::StartTls),
        ("BDAT 86 LAST", chunk(86, true)),
        ("bdat 0 last", chunk(0, true)),
        ("BDAT 100000", chunk(100_000, false)),
    ] {
        assert_eq!(parse(line.as_bytes()), Ok(command), "{line}");
    }
}

#[test]
fn clients_say_their_names() {
    for name in ["bar.com", "[192.0.2.1]", "[IPv6:2001:db8::1]", "my_host", "localhost"] {
        for (verb, is_right) in [
            ("EHLO", (|command| matches!(command, Command::Ehlo(_))) as fn(&Command) -> bool),
            ("HELO", |command| matches!(command, Command::Helo(_))),
            ("lhlo", |command| matches!(command, Command::Lhlo(_))),
        ] {
            assert!(is_right(&parse(format!("{verb} {name}").as_bytes()).unwrap()), "{verb} {name}");
        }
    }
}

#[test]
fn mail_is_read_with_all_its_parameters() {
    let line = "MAIL FROM:<pel\u{e9}@example.org> SIZE=500000 body=8bitmime SMTPUTF8 RET=HDRS ENVID=QQ+2B314";
    let expected = Mail {
        from: "<pel\u{e9}@example.org>".parse().unwrap(),
        size: Some(500_000),
        body: Some(Body::EightBitMime),
        is_utf8: true,
        returned: Some(Returned::Headers),
        envelope_id: Some("QQ+314".into()),
    };
    assert_eq!(mail(line), expected);
    assert_eq!(mail("mail from: <>").from, ReversePath::Null);
    assert_eq!(mail("MAIL FROM:<\"a b> SIZE=1\"@x> SIZE=99999999999999999999").size, Some(u64::MAX));
    assert_eq!(mail("MAIL FROM:<a@b> BODY=7BIT RET=FULL").body, Some(Body::SevenBit));
}

#[test]
fn rcpt_is_read_with_all_its_parameters() {
    let read = rcpt("RCPT TO:<joe@x> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2Bx@Example.COM");
    assert_eq!(read.notify, Some(Notify { success: true, failure: false, delay: true }));
    let original = OriginalRecipient { address_type: "rfc822".into(), address: "Bob+x@Example.COM".into() };
    assert_eq!(read.original, Some(original));
    assert_eq!(rcpt("RCPT TO:<Postmaster> NOTIFY=NEVER").notify, Some(Notify::default()));
    assert_eq!(rcpt("RCPT TO:<postmaster>").to, ForwardPath::Postmaster);
    assert!(!rcpt("RCPT TO:<joe@x> ORCPT=utf-8;pel\u{e9}@x").is_ascii());
    assert!(rcpt("RCPT TO:<joe@x> ORCPT=utf-8;pel\\x{E9}@x").is_ascii());
}

#[test]
fn what_is_wrong_with_a_line_is_told_with_the_right_code() {
    use CommandError as E;
    let long = |octets| format!("MAIL FROM:<a@b> ENVID={}", "x".repeat(octets));
    assert!(parse(long(100).as_bytes()).is_ok());
    for (line, error, code) in [
        ("", E::Unknown, "500 5.5.2"),
        ("FOO", E::Unknown, "500 5.5.2"),
        ("DATAX", E::Unknown, "500 5.5.2"),
        (" DATA", E::Unknown, "500 5.5.2"),
        ("TURN", E::Unknown, "500 5.5.2"),
        ("NOOP \0", E::NotText, "500 5.5.2"),
        ("NOOP\tx", E::NotText, "500 5.5.2"),
        ("RSET now", E::Argument, "501 5.5.4"),
        ("DATA 5", E::Argument, "501 5.5.4"),
        ("STARTTLS x", E::Argument, "501 5.5.4"),
        ("VRFY", E::NoArgument, "501 5.5.4"),
        ("EHLO", E::NoName, "501 5.5.4"),
        ("EHLO a b", E::Name, "501 5.5.4"),
        ("EHLO b\u{fc}cher", E::Name, "501 5.5.4"),
        ("MAIL", E::NoFrom, "501 5.5.4"),
        ("MAIL TO:<a@b>", E::NoFrom, "501 5.5.4"),
        ("MAIL FROM <a@b>", E::NoFrom, "501 5.5.4"),
        ("RCPT FROM:<a@b>", E::NoTo, "501 5.5.4"),
        ("MAIL FROM:a@b", E::Sender(AddressError::Brackets), "501 5.1.7"),
        ("MAIL FROM:", E::Sender(AddressError::Brackets), "501 5.1.7"),
        ("RCPT TO:<>", E::Recipient(AddressError::Empty), "501 5.1.3"),
        ("RCPT TO:<joe>", E::Recipient(AddressError::NoDomain), "501 5.1.3"),
        ("MAIL FROM:<pel\u{e9}@x>", E::NotUtf8, "553 5.6.7"),
        ("MAIL FROM:<a@b>SIZE=1", E::Parameters, "501 5.5.4"),
        ("MAIL FROM:<a@b> =1", E::Parameters, "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=", E::Parameters, "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE", E::Value, "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=-1", E::Value, "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=+1", E::Value, "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=1 size=1", E::Twice, "501 5.5.4"),
        ("MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8", E::Twice, "501 5.5.4"),
        ("MAIL FROM:<a@b> SMTPUTF8=yes", E::Value, "501 5.5.4"),
        ("MAIL FROM:<a@b> BODY=BINARYMIME", E::UnknownValue, "504 5.5.4"),
        ("MAIL FROM:<a@b> RET=SOME", E::Value, "501 5.5.4"),
        ("MAIL FROM:<a@b> REQUIRETLS", E::UnknownParameter, "555 5.5.4"),
        ("MAIL FROM:<a@b> AUTH=<>", E::UnknownParameter, "555 5.5.4"),
        ("MAIL FROM:<a@b> NOTIFY=NEVER", E::UnknownParameter, "555 5.5.4"),
        ("MAIL FROM:<a@b> ENVID=a+0D+0Ab", E::Value, "501 5.5.4"),
        (&long(101), E::Value, "501 5.5.4"),
        ("RCPT TO:<a@b> NOTIFY=NEVER,DELAY", E::Value, "501 5.5.4"),
        ("RCPT TO:<a@b> NOTIFY=DELAY,DELAY", E::Twice, "501 5.5.4"),
        ("RCPT TO:<a@b> ORCPT=joe@x", E::Value, "501 5.5.4"),
        ("RCPT TO:<a@b> ORCPT=rfc822;", E::Value, "501 5.5.4"),
        ("RCPT TO:<a@b> ORCPT=rfc822;pel\u{e9}@x", E::Value, "501 5.5.4"),
        ("RCPT TO:<a@b> SIZE=1", E::UnknownParameter, "555 5.5.4"),
        ("BDAT", E::Chunk, "501 5.5.4"),
        ("BDAT x", E::Chunk, "501 5.5.4"),
        ("BDAT +1", E::Chunk, "501 5.5.4"),
        ("BDAT 1 LASTLY", E::Chunk, "501 5.5.4"),
        ("BDAT 99999999999999999999", E::Chunk, "501 5.5.4"),
        ("AUTH", E::Auth, "501 5.5.4"),
        ("AUTH PLAIN a b", E::Auth, "501 5.5.4"),
    ] {
        assert_eq!(parse(line.as_bytes()), Err(error), "{line:?}");
        let reply = error.refusal().reply().to_string();
        assert!(reply.starts_with(code), "{line:?}: {reply}");
    }
    assert_eq!(parse(b"NOOP \xff"), Err(E::NotText));
}

#[test]
fn auth_is_read() {
    let auth = |mechanism: &str, initial: Option<&str>| {
        Ok(Command::Auth(Auth { mechanism: mechanism.into(), initial: initial.map(str::to_owned) }))
    };
    assert_eq!(parse(b"AUTH plain AGEAYg=="), auth("PLAIN", Some("AGEAYg==")));
    assert_eq!(parse(b"AUTH SCRAM-SHA-256"), auth("SCRAM-SHA-256", None));
    assert_eq!(parse(b"AUTH EXTERNAL ="), auth("EXTERNAL", Some("=")));
}

proptest! {
    #[test]
    fn any_line_is_read_without_panic_and_every_error_has_a_reply(
        verb in "(EHLO|MAIL FROM:|RCPT TO:|BDAT|AUTH|VRFY|\\PC{0,8})",
        rest in "( ?(<[a-z@.\":\\\\]{0,12}>|[A-Z0-9]{1,8}=?[a-z+0-9=;,]{0,12}|\\PC{0,6})){0,5}",
    ) {
        if let Err(error) = parse(format!("{verb}{rest}").as_bytes()) {
            prop_assert!((500..=555).contains(&error.refusal().reply().code()));
        }
    }
}
