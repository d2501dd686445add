//! The directory has a mailbox on a mailstore that does not have it: it may have moved a moment ago.

use crate::client::{code, mail, python};
use crate::house::{House, PLAN, Plan};

/// Catches mail that comes back because of our own disorder.
#[test]
fn who_is_here_is_the_directorys_to_say() {
    let house = House::open(Plan { missing: &["ann@example.org"], ..PLAN });
    let told =
        python(house.smtp, &[mail(&["ann@example.org", "nobody@example.org", "bob@example.org"], "one")]);
    let at_rcpt: Vec<_> = told[0].1.iter().map(|reply| code(reply)).collect();
    assert_eq!(at_rcpt, ["451 4.3.0", "550 5.1.1", "250 2.1.5"], "{told:?}");
}
