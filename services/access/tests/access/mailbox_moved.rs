//! A mailbox moves from one pair to another while the directory's old answer is still in use.

use crate::dovecot::Dovecot;
use crate::house::{At, House, More, address, block_on, pair};

fn at<'a>(name: &'a str, dovecot: &Dovecot) -> At<'a> {
    At { name, imap: dovecot.imap, pop3: dovecot.pop3 }
}

/// Catches a front end that tells the client that its password is wrong, or that it cannot be let in, until the cache forgets.
#[test]
fn a_client_is_handed_to_the_new_pair() {
    let (old, new) = (Dovecot::start(&["ann"]), Dovecot::start(&[]));
    let house = House::start(&[at("p1", &old), at("p2", &new)], &[("ann", Some("p1"))], More::default());
    let mut imap = house.imap();
    assert!(imap.log_in("ann").starts_with("l OK [CAPABILITY "));
    imap.say("a APPEND INBOX {8}\r\n");
    imap.hear_until("+ ");
    imap.say("A: b\r\n\r\n\r\n");
    imap.hear_until("a OK ");
    assert!(house.pop3().log_in_pop3("ann").starts_with("+OK "));

    old.forget("ann");
    new.learn("ann");
    block_on(house.records.set_mailbox(&address("ann"), Some(&pair("p2")), None)).unwrap();
    let mut imap = house.imap();
    let said = imap.log_in("ann");
    assert!(said.starts_with("l OK [CAPABILITY "), "{said}: {} {}", old.log(), new.log());
    imap.say("a SELECT INBOX\r\n");
    imap.hear_until("* 0 EXISTS");
    let mut pop3 = house.pop3();
    assert!(pop3.log_in_pop3("ann").starts_with("+OK "));
    assert_eq!(pop3.ask_line("STAT"), "+OK 0 0");
    house.measures("access_moved_total 2");
    house.measures("access_pair_failures_total{pair=\"p1\",listener=\"imap\",reason=\"not_here\"} 1");
}

/// A pair that does not know an account which it should have is asked once, and the password was right.
#[test]
fn a_pair_that_disagrees_with_the_directory_is_told_of() {
    let pair = Dovecot::start(&[]);
    let mut house = House::start(&[at("p1", &pair)], &[("ann", Some("p1"))], More::default());
    assert_eq!(
        house.imap().log_in("ann"),
        "l NO [UNAVAILABLE] your mailbox cannot be reached now; try again later"
    );
    let told = house.until("a pair did not open a mailbox");
    assert!(told["error"].as_str().unwrap().contains("AUTHORIZATIONFAILED"), "{told}");
    house.measures("access_pair_failures_total{pair=\"p1\",listener=\"imap\",reason=\"not_here\"} 1");
    house.measures("access_moved_total 0");
}
