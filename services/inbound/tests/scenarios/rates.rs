//! Clients that bring too much.

use crate::client::{code, mail, python};
use crate::house::{House, PLAN, Plan};

const LIMITS: &str =
    "[limits]\nmessages = { burst = 2, per_minute = 1 }\nrecipients = { burst = 3, per_minute = 1 }\n";

#[test]
fn what_is_too_much_is_to_come_later() {
    let house = House::open(Plan { settings: LIMITS, ..PLAN });
    let to = ["ann@example.org", "bob@example.org"];
    let told = python(house.smtp, &[mail(&to, "one"), mail(&to, "two"), mail(&to, "three")]);
    let codes = |replies: &[String]| replies.iter().map(|reply| code(reply).to_owned()).collect::<Vec<_>>();
    assert_eq!(codes(&told[0].1), ["250 2.1.5", "250 2.1.5"]);
    assert_eq!(codes(&told[1].1), ["250 2.1.5", "451 4.7.0"]);
    assert_eq!(code(&told[2].0), "451 4.7.0", "{told:?}");
    assert_eq!(house.number("inbound_recipients_total{answer=\"too-many\"}"), 1);
}

#[test]
fn who_is_exempt_may_bring_more() {
    let settings = format!("{LIMITS}exempt = ['127.0.0.0/8']\n");
    let house = House::open(Plan { settings: &settings, ..PLAN });
    let mails: Vec<_> =
        ["one", "two", "three"].map(|name| mail(&["ann@example.org", "bob@example.org"], name)).into();
    let told = python(house.smtp, &mails);
    assert!(told.iter().all(|(_, _, behind)| behind.as_deref().map(code) == Some("250 2.0.0")), "{told:?}");
}

#[test]
fn too_many_sessions_are_turned_away() {
    let settings = "[limits]\nsessions_per_client_max = 1\n";
    let house = House::open(Plan { settings, ..PLAN });
    let _first = crate::client::Raw::open(house.smtp);
    let told =
        crate::client::run("swaks", &["--server", "127.0.0.1", "--port", &house.port(), "-q", "EHLO"], b"");
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(said.contains("421 4.7.0 Too many sessions"), "{said}");
}
