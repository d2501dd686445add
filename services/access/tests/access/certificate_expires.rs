//! A certificate is replaced while sessions go on: the next handshake shows the new one.

use crate::house::{At, House, More, python, write_certificate};
use crate::pair::{Mood, Pair};
use nix::sys::signal::Signal;

const CLIENT: &str = r#"
import imaplib, ssl, sys
client = imaplib.IMAP4_SSL("localhost", int(sys.argv[1]), ssl_context=ssl.create_default_context(cafile=sys.argv[2]), timeout=20)
client.login("ann@example.org", "correct horse")
client.noop()
client.logout()
"#;

#[test]
fn a_certificate_is_read_again_at_sighup() {
    let pair = Pair::imap(Mood::Good);
    let mut house = House::start(&[At::imap("p1", pair.address)], &[("ann", Some("p1"))], More::default());
    let port = house.address("imap", "at-once").port().to_string();
    let ca = house.ca_file();
    python(CLIENT, &[&port, ca.to_str().unwrap()]);
    let mut session = house.imap();
    assert!(session.log_in("ann").starts_with("l OK "));
    // The next client trusts the new one only.
    write_certificate(&house.folder, "localhost");
    house.send(Signal::SIGHUP);
    house.until("certificate loaded");
    python(CLIENT, &[&port, ca.to_str().unwrap()]);
    assert_eq!(session.ask("a NOOP"), "a OK done");
}
