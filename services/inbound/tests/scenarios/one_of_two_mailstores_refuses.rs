//! One mailstore has the message and another one refuses it behind the content, where SMTP has one answer for both.

use crate::client::{code, mail, python};
use crate::house::{House, PLAN, Plan};

const TWO: Plan<'static> = Plan {
    accounts: &[("ann@example.org", 0), ("bob@example.org", 1)],
    quotas: &[("bob@example.org", 3000)],
    aliases: &[("both@example.org", &["ann@example.org", "bob@example.org"])],
    ..PLAN
};

fn large<'a>(to: &[&'a str], name: &str, octets: usize) -> crate::client::Mail<'a> {
    let mut large = mail(to, name);
    large.content.push_str(&"0123456789abcd\r\n".repeat(octets / 16));
    large
}

/// Catches the answer that is repeated for ever (4yz) for what can never be, and the one that hides a failure (2yz).
#[test]
fn for_good() {
    let mut house = House::open(TWO);
    // Its size is not said, so RCPT cannot tell.
    let told = python(house.smtp, &[large(&["ann@example.org", "bob@example.org"], "one", 5000)]);
    let behind = told[0].2.as_ref().unwrap();
    assert_eq!(code(behind), "552 5.2.3", "{behind}");
    assert!(behind.contains("Delivered to 1 of 2, but not to <bob@example.org>"), "{behind}");
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 1);
    assert_eq!(house.stores[1].inbox("bob@example.org").len(), 0);
}

/// Catches a repeat that those who have the message get again.
#[test]
fn for_now() {
    let mut house = House::open(TWO);
    let both = ["ann@example.org", "bob@example.org"];
    let fill = python(house.smtp, &[large(&["bob@example.org"], "fill", 1500)]);
    assert_eq!(fill[0].2.as_deref().map(code), Some("250 2.0.0"));
    for _ in 0..3 {
        let told = python(house.smtp, &[large(&both, "one", 1500)]);
        assert_eq!(told[0].2.as_deref().map(code), Some("452 4.2.2"), "{told:?}");
    }
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 1);
    assert_eq!(house.stores[1].inbox("bob@example.org").len(), 1);
    // With its size, each recipient has an answer of its own.
    let mut sized = large(&both, "one", 1500);
    sized.options = vec![format!("SIZE={}", sized.content.len())];
    let told = python(house.smtp, &[sized]);
    assert_eq!(told[0].1.iter().map(|reply| code(reply)).collect::<Vec<_>>(), ["250 2.1.5", "452 4.2.2"]);
    assert_eq!(told[0].2.as_deref().map(code), Some("250 2.0.0"));
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 1);
}

/// Of an alias, those who can have their mail, and the sender hears of the other one.
#[test]
fn through_an_alias() {
    let mut house = House::open(TWO);
    let mut sized = large(&["both@example.org"], "one", 5000);
    sized.options = vec![format!("SIZE={}", sized.content.len())];
    let told = python(house.smtp, &[sized, mail(&["both@example.org", "ann@example.org"], "two")]);
    assert_eq!(told[0].1.iter().map(|reply| code(reply)).collect::<Vec<_>>(), ["250 2.1.5"]);
    assert_eq!(told[0].2.as_deref().map(code), Some("552 5.2.3"), "{told:?}");
    assert_eq!(told[1].2.as_deref().map(code), Some("250 2.0.0"), "{told:?}");
    let kept =
        [house.stores[0].inbox("ann@example.org").len(), house.stores[1].inbox("bob@example.org").len()];
    assert_eq!(kept, [2, 1], "ann is reached twice, and has it once");
}
