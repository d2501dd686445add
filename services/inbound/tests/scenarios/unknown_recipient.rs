//! Who is not here, and who is here under another name.

use crate::client::{code, mail, python, run, stdout};
use crate::house::{House, PLAN, Plan};

/// `mailctl` makes no aliases that lead back to themselves.
const LOOP: &str = "
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute(\"UPDATE targets SET target = 'about@example.org' WHERE address = 'round@example.org'\")
database.commit()
";

#[test]
fn nobody_is_taken_mail_for_who_is_not_here() {
    let mut house = House::open(Plan {
        aliases: &[
            ("sales@example.org", &["ann@example.org"]),
            ("round@example.org", &["ann@example.org"]),
            ("about@example.org", &["round@example.org"]),
        ],
        ..PLAN
    });
    stdout(&run("python3", &["-c", LOOP, house.directory().to_str().unwrap()], b""));
    for (to, expected) in [
        ("nobody@example.org", "550 5.1.1"),
        ("ann@elsewhere.example", "550 5.7.1"),
        ("ann@[127.0.0.1]", "550 5.7.1"),
        // Somebody may put it right.
        ("round@example.org", "451 4.3.0"),
        ("ANN+lists@Example.ORG", "250 2.1.5"),
        ("sales@example.org", "250 2.1.5"),
        ("postmaster", "250 2.1.5"),
    ] {
        let told = python(house.smtp, &[mail(&[to], to)]);
        assert_eq!(code(&told[0].1[0]), expected, "{to}: {told:?}");
        let behind = told[0].2.as_deref().map(code);
        assert_eq!(behind.is_some(), expected.starts_with("250"), "{to}");
        assert!(behind.is_none_or(|code| code == "250 2.0.0"), "{to}: {told:?}");
    }
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 2);
    assert_eq!(house.stores[0].inbox("postmaster@example.org").len(), 1);
}
