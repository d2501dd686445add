//! A mailbox without room: its mailstore says so, and that is what the client hears.

use crate::client::{code, mail, python};
use crate::house::{House, PLAN, Plan};

#[test]
fn the_client_hears_what_the_mailstore_says() {
    let house = House::open(Plan { quotas: &[("ann@example.org", 1500)], ..PLAN });
    let sized = |octets: usize| {
        let mut sized = mail(&["ann@example.org", "bob@example.org"], "one");
        sized.options = vec![format!("SIZE={octets}")];
        sized.content.push_str(&"x\r\n".repeat(200));
        sized
    };
    let told = python(house.smtp, &[sized(1), sized(1400), sized(2000)]);
    let ann: Vec<_> = told.iter().map(|(_, at_rcpt, _)| code(&at_rcpt[0])).collect();
    assert_eq!(ann, ["250 2.1.5", "452 4.2.2", "552 5.2.3"], "{told:?}");
    let behind = told.iter().all(|(_, _, behind)| behind.as_deref().map(code) == Some("250 2.0.0"));
    assert!(behind, "bob has room: {told:?}");
}
