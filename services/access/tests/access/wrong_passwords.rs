//! Somebody guesses: each session is slow and short, and after some wrong ones nothing is compared any more.

use crate::house::{At, House, More};
use crate::line::Line;
use crate::pair::{Mood, Pair};
use std::time::{Duration, Instant};

fn guess(line: &mut Line) -> String {
    line.ask("g LOGIN ann@example.org guess")
}

#[test]
fn guessing_is_slow_and_ends_and_the_owner_still_comes_in_from_elsewhere() {
    let pair = Pair::imap(Mood::Good);
    let more = More { tables: "[logins]\nwrong_per_client_and_account_max = 3\n", ..More::default() };
    let house = House::start(&[At::imap("p1", pair.address)], &[("ann", Some("p1"))], more);
    let start = Instant::now();
    let mut imap = house.imap();
    for _ in 0..3 {
        assert_eq!(guess(&mut imap), "g NO [AUTHENTICATIONFAILED] wrong name or password");
    }
    assert_eq!(imap.rest(), "* BYE too many logins\r\n");
    assert!(start.elapsed() >= Duration::from_secs(7), "{:?}", start.elapsed());

    let mut imap = house.imap();
    let said = imap.log_in("ann");
    assert_eq!(said, "l NO [LIMIT] too many wrong passwords; try again later", "although it is right");
    let said = house.pop3().log_in_pop3("ann");
    assert!(said.starts_with("-ERR [LOGIN-DELAY] "), "{said}");
    let mut elsewhere = Line::connect_from("127.0.0.2:0".parse().unwrap(), house.address("imap", "off"));
    let said = elsewhere.log_in("ann");
    assert!(said.starts_with("l OK "), "{said}");
    assert_eq!(pair.accounts().len(), 1);
    house.measures("access_logins_total{listener=\"imap\",outcome=\"wrong\"} 3");
    house.measures("access_logins_total{listener=\"imap\",outcome=\"too_many\"} 1");
}

/// Catches a front end that lets clients act as others, as pairs let it.
#[test]
fn nobody_acts_as_somebody_else() {
    let pair = Pair::imap(Mood::Good);
    let accounts = [("ann", Some("p1")), ("bob", Some("p1"))];
    let house = House::start(&[At::imap("p1", pair.address)], &accounts, More::default());
    for message in [
        format!("bob@example.org\0ann@example.org\0{}", crate::house::PASSWORD),
        format!("bob@example.org\0{}\0{}", crate::house::PROXY, crate::house::SECRET),
    ] {
        use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
        let said = house.imap().ask(&format!("a AUTHENTICATE PLAIN {}", BASE64.encode(message)));
        assert_eq!(said, "a NO [AUTHENTICATIONFAILED] wrong name or password");
    }
    assert!(pair.accounts().is_empty());
}
