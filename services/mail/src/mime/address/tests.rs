use super::*;
use proptest::prelude::*;

/// `name/route/mailbox/host`, `-` for what is missing.
fn told(value: &str) -> Vec<String> {
    let part = |part: &Option<Vec<u8>>| {
        part.as_ref().map_or_else(|| "-".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
    };
    list(value.as_bytes())
        .iter()
        .map(|a| format!("{}/{}/{}/{}", part(&a.name), part(&a.route), part(&a.mailbox), part(&a.host)))
        .collect()
}

#[test]
fn addresses_are_told_as_they_are_written() {
    for (value, expected) in [
        ("a@b", vec!["-/-/a/b"]),
        ("<a@b>", vec!["-/-/a/b"]),
        ("John Doe <j.doe@example.org>", vec!["John Doe/-/j.doe/example.org"]),
        ("\"Doe, John\" <j@b>, c@d", vec!["Doe, John/-/j/b", "-/-/c/d"]),
        ("\"a \\\"b\\\" c\" <j@b>", vec!["a \"b\" c/-/j/b"]),
        ("=?utf-8?q?J=C3=B6rg?= <j@b>", vec!["=?utf-8?q?J=C3=B6rg?=/-/j/b"]),
        ("j@b (John Doe)", vec!["John Doe/-/j/b"]),
        ("j@b (John (the) Doe)", vec!["John (the) Doe/-/j/b"]),
        ("John Q. Public <a@b>", vec!["John Q. Public/-/a/b"]),
        ("\"j x\"@[192.0.2.1]", vec!["-/-/j x/[192.0.2.1]"]),
        ("john . doe @ example . org", vec!["-/-/john.doe/example.org"]),
        ("<@a,@b:c@d>", vec!["-/@a@b/c/d"]),
        ("a@b <c@d>", vec!["a@b/-/c/d"]),
        ("\r\n a@b,\r\n\tc@d", vec!["-/-/a/b", "-/-/c/d"]),
    ] {
        assert_eq!(told(value), expected, "{value:?}");
    }
}

#[test]
fn groups_have_a_beginning_and_an_end() {
    for (value, expected) in [
        ("undisclosed-recipients:;", vec!["-/-/undisclosed-recipients/-", "-/-/-/-"]),
        ("A Group: a@b, C <c@d>;, e@f", vec!["-/-/A Group/-", "-/-/a/b", "C/-/c/d", "-/-/-/-", "-/-/e/f"]),
        // Left open.
        ("g: a@b", vec!["-/-/g/-", "-/-/a/b", "-/-/-/-"]),
    ] {
        assert_eq!(told(value), expected, "{value:?}");
    }
}

#[test]
fn what_is_no_address_is_shown() {
    for (value, expected) in [
        ("", vec![]),
        (",,", vec![]),
        ("root", vec!["-/-/root/MISSING_DOMAIN"]),
        ("The Postmaster", vec!["-/-/The Postmaster/MISSING_DOMAIN"]),
        ("X <>", vec!["X/-//MISSING_DOMAIN"]),
        ("a@", vec!["-/-/a/MISSING_DOMAIN"]),
        ("a@b@c", vec!["-/-/a@b/c"]),
        ("<a@b", vec!["-/-/a/b"]),
        ("\"a", vec!["-/-/a/MISSING_DOMAIN"]),
        ("<a@b> c, d@e", vec!["-/-/a/b", "-/-/d/e"]),
    ] {
        assert_eq!(told(value), expected, "{value:?}");
    }
}

#[test]
fn there_is_an_end_to_addresses() {
    let many = "a@b,".repeat(ADDRESSES_MAX + 10);
    assert_eq!(list(many.as_bytes()).len(), ADDRESSES_MAX);
    assert_eq!(list("(".repeat(1_000_000).as_bytes()), []);
}

proptest! {
    /// Every group that begins ends, and no address looks like a group.
    #[test]
    fn groups_are_balanced(value in "[a@<>,;:\\\\\"() .\\[\\]]{0,60}") {
        let mut is_in_group = false;
        for address in list(value.as_bytes()) {
            if address.host.is_none() {
                prop_assert_eq!(address.mailbox.is_none(), is_in_group);
                is_in_group = !is_in_group;
            } else {
                prop_assert!(address.mailbox.is_some());
            }
        }
        prop_assert!(!is_in_group);
    }
}
