//! One client that takes all sessions it can get: the next one is told, and others still come in.

use crate::house::{At, House, More, NOWHERE};
use crate::line::Line;

#[test]
fn who_has_enough_sessions_gets_no_more_and_is_told() {
    let more = More { tables: "[limits]\nsessions_per_client_max = 2\n", ..More::default() };
    let house = House::start(&[At::imap("p1", NOWHERE)], &[], more);
    let first = house.imap();
    let _second = house.imap();
    let address = house.address("imap", "off");
    let mut third = Line::connect(address, "* BYE Too many sessions");
    assert_eq!(third.hear_if_any(), "");
    Line::connect_from("127.0.0.2:0".parse().unwrap(), address);
    let _pop3 = house.pop3();
    house.measures("mail_turned_away_total{listener=\"imap\",reason=\"sessions\"} 1");
    drop(first);
    // Its place is free as soon as the daemon has seen it go.
    house.measures("mail_sessions{listener=\"imap\"} 1");
    house.imap();
}
