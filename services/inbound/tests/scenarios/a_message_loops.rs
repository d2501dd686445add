//! Messages that come round again.

use crate::client::{Mail, code, mail, python};
use crate::house::{House, PLAN};

fn with<'a>(fields: &str, to: &[&'a str], name: &str) -> Mail<'a> {
    let plain = mail(to, name);
    Mail { content: format!("{fields}{}", plain.content), ..plain }
}

#[test]
fn a_message_that_went_through_too_many_hosts_is_refused() {
    let mut house = House::open(PLAN);
    let hops = |number: usize| "Received: from a by b; now\r\n".repeat(number);
    let to = ["ann@example.org"];
    let told = python(house.smtp, &[with(&hops(100), &to, "some"), with(&hops(101), &to, "many")]);
    assert_eq!(told[0].2.as_deref().map(code), Some("250 2.0.0"));
    assert_eq!(told[1].2.as_deref().map(code), Some("554 5.4.6"), "{told:?}");
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 1);
}

/// Catches a mailbox that has its own mail again and again, and one recipient's loop that takes the mail from the others.
#[test]
fn a_message_that_was_in_the_mailbox_before_is_refused_for_it_alone() {
    let mut house = House::open(PLAN);
    let fields = "Delivered-To: Ann@Example.ORG\r\n";
    let told = python(
        house.smtp,
        &[
            with(fields, &["ann@example.org"], "one"),
            with(fields, &["bob@example.org"], "two"),
            with(fields, &["bob@example.org", "ann@example.org"], "three"),
        ],
    );
    let behind: Vec<_> = told.iter().map(|(_, _, behind)| behind.clone().unwrap()).collect();
    assert_eq!(
        behind.iter().map(|reply| code(reply)).collect::<Vec<_>>(),
        ["554 5.4.6", "250 2.0.0", "554 5.4.6"]
    );
    assert!(behind[2].contains("Delivered to 1 of 2, but not to <ann@example.org>"), "{behind:?}");
    let kept = ["ann@example.org", "bob@example.org"].map(|name| house.stores[0].inbox(name).len());
    assert_eq!(kept, [0, 2]);
}
