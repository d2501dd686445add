//! Who has never been here comes again.

use crate::client::{Mail, code, mail, python};
use crate::house::{House, PLAN, Plan};
use crate::process::until;

#[test]
fn the_second_time_is_taken() {
    let settings = "[greylisting]\nwait = '1s'\nwindow = '1h'\n";
    let house = House::open(Plan { settings, ..PLAN });
    let ask = |from: &'static str, to: &'static str| {
        let told = python(house.smtp, &[Mail { from, ..mail(&[to], "one") }]);
        code(&told[0].1[0]).to_owned()
    };
    assert_eq!(ask("a@b.example", "ann@example.org"), "451 4.7.1");
    assert_eq!(ask("a@b.example", "postmaster@example.org"), "250 2.1.5", "postmasters do not wait");
    assert_eq!(ask("a@b.example", "nobody@example.org"), "550 5.1.1", "who is not there is not waited for");
    until("the wait is over", || ask("A@B.example", "Ann@example.org") == "250 2.1.5");
    assert_eq!(ask("a@b.example", "ann@example.org"), "250 2.1.5");
    assert_eq!(ask("other@b.example", "ann@example.org"), "451 4.7.1");
    assert_eq!(house.number("inbound_greylist_entries"), 2);
}
