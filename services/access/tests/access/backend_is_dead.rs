//! Nobody listens where the mailbox is: the client is told so, its password was not wrong, and it may try again.

use crate::house::{At, House, More};
use crate::line::Line;
use crate::pair::{Mood, Pair, dead_port};
use std::net::TcpListener;

/// Catches a front end that says "wrong password", for which mail programs forget the right one.
#[test]
fn a_dead_pair_is_no_wrong_password_and_may_come_back() {
    let port = dead_port();
    let house =
        House::start(&[At { name: "p1", imap: port, pop3: port }], &[("ann", Some("p1"))], More::default());
    let mut imap = house.imap();
    for _ in 0..4 {
        let said = imap.log_in("ann");
        assert!(said.starts_with("l NO [UNAVAILABLE] "), "{said}");
    }
    assert_eq!(imap.ask("n NOOP"), "n OK done");
    let said = house.pop3().log_in_pop3("ann");
    assert!(said.starts_with("-ERR [SYS/TEMP] "), "{said}");
    house.measures("access_pair_failures_total{pair=\"p1\",listener=\"imap\",reason=\"connect\"} 4");
    house.measures("access_logins_total{listener=\"pop3\",outcome=\"no_backend\"} 1");
    house.measures("access_logins_total{listener=\"imap\",outcome=\"wrong\"} 0");

    let pair = Pair::on(TcpListener::bind(port).unwrap(), Mood::Good);
    let said = imap.log_in("ann");
    assert_eq!(said, "l OK [CAPABILITY IMAP4rev1 IDLE] Logged in", "what is announced is the pair's");
    assert_eq!(imap.ask_line("x y"), "* ECHO x y");
    assert_eq!(pair.accounts(), ["ann@example.org"]);
    house.measures("access_logins_total{listener=\"imap\",outcome=\"logged_in\"} 1");
}

/// Catches a front end that leaves a client with a pair that is gone.
#[test]
fn a_pair_that_ends_a_session_ends_it_for_the_client() {
    let pair = Pair::imap(Mood::Good);
    let house = House::start(&[At::imap("p1", pair.address)], &[("ann", Some("p1"))], More::default());
    let mut imap: Line = house.imap();
    imap.log_in("ann");
    imap.say("a LOGOUT\r\n");
    assert_eq!(imap.rest(), "* BYE\r\na OK done\r\n");
    house.measures("access_ended_total{listener=\"imap\",reason=\"backend_left\"} 1");
    house.measures("access_spliced_sessions{listener=\"imap\"} 0");
}
