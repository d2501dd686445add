//! SIGTERM: nobody new comes in, who is in stays until the time in the file is over.

use crate::house::{At, House, More};
use crate::pair::{Mood, Pair};
use nix::sys::signal::Signal;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn who_is_in_stays_and_nobody_else_comes_in() {
    let pair = Pair::imap(Mood::Good);
    let more = More { top: "drain = '3s'\n", ..More::default() };
    let mut house = House::start(&[At::imap("p1", pair.address)], &[("ann", Some("p1"))], more);
    let (mut known, mut unknown, mut unknown_pop3) = (house.imap(), house.imap(), house.pop3());
    assert!(known.log_in("ann").starts_with("l OK "));
    house.send(Signal::SIGTERM);
    let start = Instant::now();
    house.until("draining");
    assert_eq!(unknown.rest(), "* BYE shutting down\r\n");
    assert_eq!(unknown_pop3.rest(), "-ERR [SYS/TEMP] shutting down\r\n");
    assert!(TcpStream::connect(house.address("imap", "off")).is_err());
    assert!(house.get("/health").contains("draining"), "it can be seen that nobody comes in");
    assert_eq!(known.ask("a NOOP"), "a OK done");
    assert_eq!(known.ask_line("b"), "* ECHO b");
    assert_eq!(known.rest(), "* BYE shutting down; come again\r\n");
    assert!(start.elapsed() >= Duration::from_millis(2900), "{:?}", start.elapsed());
    assert!(house.wait().success());
}

#[test]
fn a_daemon_whose_clients_have_left_does_not_wait() {
    let pair = Pair::imap(Mood::Good);
    let mut house = House::start(&[At::imap("p1", pair.address)], &[("ann", Some("p1"))], More::default());
    let mut imap = house.imap();
    assert!(imap.log_in("ann").starts_with("l OK "));
    house.send(Signal::SIGTERM);
    house.until("draining");
    assert!(imap.ask("a LOGOUT").starts_with("a OK"));
    drop(imap);
    assert!(house.wait().success());
}
