//! Lists of clients.

use crate::client::{code, mail, python};
use crate::house::{House, PLAN, Plan};

fn at_rcpt(settings: &str, records: &[&str]) -> Vec<String> {
    let records: Vec<_> = records.iter().map(|&record| record.to_owned()).collect();
    let house = House::open(Plan { settings, records: &records, ..PLAN });
    let to = ["ann@example.org", "postmaster@example.org", "postmaster", "nobody@example.org"];
    let told = python(house.smtp, &[mail(&to, "one")]);
    assert!(told[0].1[0].starts_with("250") || told[0].1[0].contains("listed by two.example"), "{told:?}");
    told[0].1.iter().map(|reply| code(reply).to_owned()).collect()
}

const LISTS: &str = "[[dnsbl]]\nzone = 'one.example'\n[[dnsbl]]\nzone = 'two.example'\n";

/// Catches a list that refuses even those who ask to be taken off.
#[test]
fn who_is_listed_reaches_nobody_but_postmasters() {
    let told = at_rcpt(LISTS, &["1.0.0.127.two.example. 60 IN A 127.0.0.2"]);
    assert_eq!(told, ["550 5.7.1", "250 2.1.5", "250 2.1.5", "550 5.1.1"]);
}

/// Catches a list that is dead, full, or sold, and then refuses all mail.
#[test]
fn a_list_that_does_not_answer_lists_nobody() {
    let fine = ["250 2.1.5", "250 2.1.5", "250 2.1.5", "550 5.1.1"];
    assert_eq!(at_rcpt(LISTS, &[]), fine);
    let refuses =
        ["1.0.0.127.one.example. 60 IN A 127.255.255.254", "1.0.0.127.two.example. 60 IN A 203.0.113.7"];
    assert_eq!(at_rcpt(LISTS, &refuses), fine);
    let other = "[[dnsbl]]\nzone = 'two.example'\nanswers = ['127.0.0.4']\n";
    assert_eq!(at_rcpt(other, &["1.0.0.127.two.example. 60 IN A 127.0.0.2"]), fine);
    let exempt = format!("{LISTS}[limits]\nexempt = ['127.0.0.0/8']\n");
    assert_eq!(at_rcpt(&exempt, &["1.0.0.127.two.example. 60 IN A 127.0.0.2"]), fine);
}
