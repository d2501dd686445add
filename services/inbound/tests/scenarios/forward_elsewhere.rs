//! Mail that is to go on to other domains waits at its client, as long as nobody here sends.

use crate::client::{code, mail, python};
use crate::house::{House, PLAN, Plan};

/// Catches a forward that is taken and goes nowhere.
#[test]
fn a_forward_is_refused_for_now_whatever_else_the_address_leads_to() {
    let mut house = House::open(Plan {
        aliases: &[
            ("away@example.org", &["x@elsewhere.example"]),
            ("mixed@example.org", &["bob@example.org", "x@elsewhere.example"]),
            // An account with a forward.
            ("ann@example.org", &["x@elsewhere.example"]),
        ],
        ..PLAN
    });
    let to = ["away@example.org", "mixed@example.org", "ann@example.org", "bob@example.org"];
    let told = python(house.smtp, &[mail(&to, "one")]);
    let at_rcpt: Vec<_> = told[0].1.iter().map(|reply| code(reply)).collect();
    assert_eq!(at_rcpt, ["451 4.3.5", "451 4.3.5", "451 4.3.5", "250 2.1.5"]);
    assert_eq!(told[0].2.as_deref().map(code), Some("250 2.0.0"));
    assert_eq!(["ann@example.org", "bob@example.org"].map(|name| house.stores[0].inbox(name).len()), [0, 1]);
}
