//! Clients that do not wait for the answer to their login: what they have said meanwhile is their pair's.

use crate::dovecot::Dovecot;
use crate::house::{At, House, More, PASSWORD};

#[test]
fn commands_behind_a_login_are_obeyed_by_the_pair() {
    let dovecot = Dovecot::start(&["ann"]);
    let at = At { name: "p1", imap: dovecot.imap, pop3: dovecot.pop3 };
    let house = House::start(&[at], &[("ann", Some("p1"))], More::default());
    let mut imap = house.imap();
    imap.say(&format!("a LOGIN {{15+}}\r\nann@example.org \"{PASSWORD}\"\r\nb SELECT IN"));
    imap.hear_until("a OK [CAPABILITY ");
    imap.say("BOX\r\nc APPEND INBOX {6+}\r\nA: b\r\n\r\nd NOOP\r\ne LOGOUT\r\n");
    for beginning in ["* 0 EXISTS", "b OK ", "c OK ", "d OK ", "* BYE ", "e OK "] {
        imap.hear_until(beginning);
    }
    assert_eq!(imap.rest(), "");

    let mut pop3 = house.pop3();
    pop3.say(&format!("USER ann@example.org\r\nPASS {PASSWORD}\r\nSTAT\r\nCAPA\r\nQUIT\r\n"));
    for beginning in ["+OK and the password", "+OK ", "+OK 1 ", "+OK", "TOP", ".", "+OK "] {
        pop3.hear_until(beginning);
    }
    assert_eq!(pop3.rest(), "");
}
