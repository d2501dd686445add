//! A client that is slow on purpose has one time for everything before its login.

use crate::house::{At, House, More, NOWHERE};
use std::time::{Duration, Instant};

#[test]
fn a_slow_client_is_ended_however_often_it_says_something() {
    let more = More { top: "before_login = '1s'\n", ..More::default() };
    let house = House::start(&[At::imap("p1", NOWHERE)], &[], more);
    let start = Instant::now();
    let mut imap = house.imap();
    // Whole commands now and then, so that it never looks idle.
    for octet in "a NOOP\r\nb NOOP\r\nc NO".chars() {
        imap.say(&octet.to_string());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(imap.rest(), "a OK done\r\nb OK done\r\n* BYE too long without a login\r\n");
    assert!(start.elapsed() >= Duration::from_secs(1) && start.elapsed() < Duration::from_secs(10));
    assert_eq!(house.pop3().rest(), "-ERR too long without a login\r\n");
    house.measures("mail_timeouts_total{listener=\"imap\"} 1");
    // A client that never begins TLS is gone as well.
    let mut silent = std::net::TcpStream::connect(house.address("imap", "at-once")).unwrap();
    let read = std::io::Read::read(&mut silent, &mut [0; 100]);
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}
