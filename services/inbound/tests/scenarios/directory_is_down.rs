//! A directory that does not answer: everybody hears 451, nobody "no such user", and mail goes on when it is back.

use crate::client::{code, mail, python, run, stdout};
use crate::house::{House, PLAN, Plan};

const RENAME: &str = "
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute(f'ALTER TABLE {sys.argv[2]} RENAME TO {sys.argv[3]}')
database.commit()
";

fn rename(house: &House, from: &str, to: &str) {
    stdout(&run("python3", &["-c", RENAME, house.directory().to_str().unwrap(), from, to], b""));
}

/// What is said of somebody who is there, somebody who is not, and somebody of a domain that is not.
fn asked(house: &House) -> Vec<String> {
    let to = ["ann@example.org", "nobody@example.org", "x@elsewhere.example"];
    let told = python(house.smtp, &[mail(&to, "one")]);
    told[0].1.iter().map(|reply| code(reply).to_owned()).collect()
}

/// Catches a failure that is told as "no such user": the client would never come again.
#[test]
fn a_failure_is_never_no_such_user() {
    let house = House::open(PLAN);
    assert_eq!(asked(&house), ["250 2.1.5", "550 5.1.1", "550 5.7.1"]);
    for table in ["addresses", "domains"] {
        rename(&house, table, "lost");
        let told = asked(&house);
        assert!(told[..2].iter().all(|code| code == "451 4.3.0"), "{table}: {told:?}");
        rename(&house, "lost", table);
    }
    // Where the mailbox is cannot be told either.
    rename(&house, "pairs", "lost");
    assert_eq!(asked(&house)[0], "451 4.3.0");
    rename(&house, "lost", "pairs");
    assert_eq!(asked(&house), ["250 2.1.5", "550 5.1.1", "550 5.7.1"]);
}

#[test]
fn a_server_that_is_not_there() {
    let nowhere = "[directory.mariadb]\nhost = '127.0.0.1'\nport = 1\ndatabase = 'mail'\nuser = 'inbound'\ntls = 'off'\n";
    let house = House::open(Plan { directory: Some(nowhere), ..PLAN });
    assert_eq!(asked(&house), ["451 4.3.0"; 3]);
    let health = house.get("/health");
    assert!(health.starts_with("HTTP/1.1 503 ") && health.contains("\"incoming\":\"ok\""), "{health}");
}
