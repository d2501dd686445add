//! The grammar's own forms, what others get wrong, and round trips.

use super::*;
use proptest::prelude::*;

fn mailbox(text: &str) -> Result<Mailbox, AddressError> {
    text.parse()
}

#[test]
fn addresses_are_kept_by_their_meaning() {
    for (text, local, written) in [
        ("joe@example.org", "joe", "joe@example.org"),
        ("Joe.Smith+tag@Example.ORG", "Joe.Smith+tag", "Joe.Smith+tag@Example.ORG"),
        ("\"joe\"@example.org", "joe", "joe@example.org"),
        ("\"a@evil.com\"@local", "a@evil.com", "\"a@evil.com\"@local"),
        ("\"a\\\"b\\\\c d\"@x.org", "a\"b\\c d", "\"a\\\"b\\\\c d\"@x.org"),
        ("\"\\j\\o\\e\"@x", "joe", "joe@x"),
        ("\".a\"@x", ".a", "\".a\"@x"),
        ("\"a>b\"@x", "a>b", "\"a>b\"@x"),
        ("\"\"@x", "", "\"\"@x"),
        ("joe@[192.0.2.1]", "joe", "joe@[192.0.2.1]"),
        ("joe@[ipv6:2001:DB8:0::1]", "joe", "joe@[IPv6:2001:db8::1]"),
        ("pel\u{e9}@b\u{fc}cher.example", "pel\u{e9}", "pel\u{e9}@b\u{fc}cher.example"),
    ] {
        let read = mailbox(text).unwrap();
        assert_eq!((read.local().as_str(), read.to_string().as_str()), (local, written));
        assert_eq!(mailbox(written).unwrap(), read);
        assert_eq!(read.is_ascii(), text.is_ascii());
    }
}

#[test]
fn what_is_no_address_is_refused() {
    use AddressError as E;
    for (text, error) in [
        ("", E::LocalPart),
        ("joe", E::NoDomain),
        ("@x", E::LocalPart),
        ("joe@", E::Domain),
        ("joe@x@y", E::Rest),
        ("a@evil.com@local", E::Rest),
        (".joe@x", E::LocalPart),
        ("joe.@x", E::LocalPart),
        ("j..oe@x", E::LocalPart),
        ("j oe@x", E::NoDomain),
        ("joe (comment)@x", E::NoDomain),
        ("\"joe@x", E::LocalPart),
        ("\"joe\\", E::LocalPart),
        ("\"jo\"e@x", E::NoDomain),
        ("\"jo\re\"@x", E::LocalPart),
        ("\"jo\u{85}e\"@x", E::LocalPart),
        ("\"jo\\\u{e9}\"@x", E::LocalPart),
        ("joe@x.", E::Domain),
        ("joe@.x", E::Domain),
        ("joe@-x", E::Domain),
        ("joe@x-.org", E::Domain),
        ("joe@x_y.org", E::Rest),
        ("joe@x\u{3002}org", E::Rest),
        ("joe@[1.2.3]", E::Literal),
        ("joe@[1.2.3.4", E::Literal),
        ("joe@[2001:db8::1]", E::Literal),
        ("joe@[IPv6:fe80::1%1]", E::Literal),
        ("joe@[tag:content]", E::Literal),
        ("joe@x ", E::Rest),
    ] {
        assert_eq!(mailbox(text), Err(error), "{text:?}");
    }
}

#[test]
fn lengths_are_octets() {
    let label = "x".repeat(63);
    let address = |local: &str, domain: &str| mailbox(&format!("{local}@{domain}"));
    assert!(address(&"a".repeat(64), "x").is_ok());
    assert_eq!(address(&"a".repeat(65), "x"), Err(AddressError::LocalPartTooLong));
    assert_eq!(address(&"\u{e9}".repeat(33), "x"), Err(AddressError::LocalPartTooLong));
    assert_eq!(address(&format!("\"{}\"", "\\a".repeat(65)), "x"), Err(AddressError::LocalPartTooLong));
    assert!(address("a", &label).is_ok());
    assert_eq!(address("a", &format!("{label}x")), Err(AddressError::DomainTooLong));
    assert!(address("a", &[label.as_str(); 4].join(".")[..252]).is_ok());
    assert_eq!(address("a", &[label.as_str(); 4].join(".")[..253]), Err(AddressError::TooLong));
    // What counts is the A-label: its 63 octets are 171 of this U-label.
    assert!(address("a", &"\u{4e2d}".repeat(57)).is_ok());
    assert_eq!(address("a", &"\u{4e2d}".repeat(58)), Err(AddressError::DomainTooLong));
}

#[test]
fn paths_have_brackets_routes_nobody_and_the_postmaster() {
    let joe = || mailbox("joe@x").unwrap();
    for text in ["<joe@x>", "<@one:joe@x>", "<@one.org,@two:joe@x>"] {
        assert_eq!(text.parse(), Ok(ReversePath::Mailbox(joe())), "{text}");
        assert_eq!(text.parse(), Ok(ForwardPath::Mailbox(joe())), "{text}");
    }
    assert_eq!("<>".parse(), Ok(ReversePath::Null));
    assert_eq!("<>".parse::<ForwardPath>(), Err(AddressError::Empty));
    assert_eq!("<PostMaster>".parse(), Ok(ForwardPath::Postmaster));
    assert_eq!("<postmaster>".parse::<ReversePath>(), Err(AddressError::NoDomain));
    assert_eq!("<postmaster@x>".parse(), Ok(ForwardPath::Mailbox(mailbox("postmaster@x").unwrap())));
    use AddressError::{Brackets, Rest, Route};
    for (text, error) in [
        ("joe@x", Brackets),
        ("<joe@x", Brackets),
        ("<joe@x>>", Rest),
        ("<joe@x> y", Rest),
        ("<<joe@x>>", AddressError::LocalPart),
        ("<@one>", Route),
        ("<@one,two:joe@x>", Route),
        ("<@one,joe@x>", Route),
        ("< joe@x>", AddressError::LocalPart),
    ] {
        assert_eq!(text.parse::<ForwardPath>(), Err(error), "{text:?}");
    }
}

#[test]
fn what_is_looked_up_is_one_form() {
    for (text, normal) in [
        ("Joe@EXAMPLE.org", "joe@example.org"),
        ("\"JOE\"@x", "joe@x"),
        ("\"A@Evil.com\"@Local", "\"a@evil.com\"@local"),
        ("PEL\u{c9}@B\u{dc}CHER.example", "pel\u{e9}@xn--bcher-kva.example"),
        ("a@XN--bcher-KVA.example", "a@xn--bcher-kva.example"),
        ("a@\u{212a}.org", "a@k.org"),
        ("a@[IPv6:::1]", "a@[IPv6:::1]"),
    ] {
        assert_eq!(mailbox(text).unwrap().normal().to_string(), normal);
    }
}

proptest! {
    #[test]
    fn what_is_read_writes_back(text in "(\"([ -~\u{e9}\\\\]|\\\\\"){0,12}\"|[a-z.+\u{e9}]{1,12})@([a-zA-Z0-9.\u{fc}-]{1,12}|\\[(IPv6:)?[0-9a-f.:]{2,20}\\])") {
        if let Ok(read) = mailbox(&text) {
            let written = read.to_string();
            prop_assert_eq!(mailbox(&written), Ok(read.clone()));
            prop_assert_eq!(format!("<{written}>").parse(), Ok(ReversePath::Mailbox(read.clone())));
            prop_assert_eq!(read.normal().normal(), read.normal());
        }
    }

    /// Catches a quote, backslash, bracket or end of line that gets out of its quotes.
    #[test]
    fn whatever_a_local_part_means_it_stays_one(meaning in "[ -~\u{e9}\u{1f600}]{0,40}") {
        prop_assume!(meaning.len() <= local::OCTETS_MAX);
        let read = Mailbox::new(LocalPart::new(&meaning).unwrap(), Host::Domain("x.org".parse().unwrap())).unwrap();
        let again = mailbox(&read.to_string()).unwrap();
        prop_assert_eq!(again.local().as_str(), meaning);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,80}") {
        let _ = (mailbox(&text), text.parse::<ReversePath>(), text.parse::<ForwardPath>());
    }
}
