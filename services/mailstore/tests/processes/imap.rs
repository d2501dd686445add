//! Mail read by IMAP: accounts, TLS and a front end as with POP3.

use crate::office::{Office, SECRET};
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;

const UNDER_STARTTLS: &str = r#"
import imaplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
i = imaplib.IMAP4("localhost", int(sys.argv[3]), timeout=90)
try:
    i.login("ann@example.org", "ann"); sys.exit("a password was taken in the clear")
except imaplib.IMAP4.error:
    pass
i.starttls(context)
i.login("ann@example.org", "ann")
assert i.select("INBOX")[1] == [b"1"]
assert b"Subject: one" in i.fetch("1", "(RFC822)")[1][0][1]
i.store("1", "+FLAGS", r"(\Deleted)"); i.expunge()
i.logout()
"#;

const BY_PROXY: &str = r#"
import imaplib, sys
port, acts_as, name, password = sys.argv[3:]
i = imaplib.IMAP4("127.0.0.1", int(port), timeout=90)
try:
    i.authenticate("PLAIN", lambda _: "\0".join((acts_as, name, password)).encode())
    print(i.select("INBOX")[1][0].decode())
except imaplib.IMAP4.error as error:
    print("refused")
i.logout()
"#;

#[test]
fn pythons_imaplib_reads_what_lmtp_brought() {
    let office = Office::open("starttls");
    assert_eq!(office.deliver("Subject: one\r\n\r\nx\r\n", &["ann"]), ["Delivered"]);
    office.python(UNDER_STARTTLS, &[&office.daemon.imap_port()]);
    let (_, store, _folder) = office.daemon.end(Signal::SIGTERM);
    assert!(crate::daemon::inbox(&store, "ann@example.org").is_empty());
}

#[test]
fn a_front_end_acts_as_any_account_by_imap_too() {
    let office = Office::open("off");
    office.add("moved", Some(("store-2", None)));
    assert_eq!(office.deliver("Subject: one\r\n\r\n", &["bob"]), ["Delivered"]);
    let port = office.daemon.imap_port();
    let say = |acts_as, name, password| office.python(BY_PROXY, &[&port, acts_as, name, password]);
    assert_eq!(say("bob@example.org", "access", SECRET), "1\n");
    // Nobody has brought anything for her: the login makes her account.
    assert_eq!(say("ann@example.org", "access", SECRET), "0\n");
    assert_eq!(say("", "bob@example.org", "bob"), "1\n");
    assert_eq!(say("ann@example.org", "bob@example.org", "bob"), "refused\n");
    assert_eq!(say("moved@example.org", "access", SECRET), "refused\n");
}

#[test]
fn sigterm_ends_imap_sessions_that_wait() {
    let office = Office::open("off");
    let mut idle = BufReader::new(TcpStream::connect(office.daemon.imap.unwrap()).unwrap());
    idle.get_ref().set_read_timeout(Some(crate::daemon::PATIENCE)).unwrap();
    let mut said = String::new();
    idle.read_line(&mut said).unwrap();
    assert!(said.starts_with("* OK "), "{said}");
    office.daemon.send(Signal::SIGTERM);
    said.clear();
    idle.read_line(&mut said).unwrap();
    assert!(said.starts_with("* BYE "), "{said}");
    office.daemon.until("ended");
}
