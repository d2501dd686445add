//! SIGTERM, SIGHUP, metrics and health.

use crate::client::{Raw, code, mail, run, stdout};
use crate::house::{House, PLAN, write_certificate};
use nix::sys::signal::Signal;
use std::net::TcpStream;

#[test]
fn sigterm_lets_a_message_end_and_takes_no_other() {
    let mut house = House::open(PLAN);
    let mut idle = Raw::open(house.smtp);
    let mut busy = Raw::in_data(house.smtp, &["ann@example.org"]);
    busy.send(&mail(&[], "last").content);
    house.signal(Signal::SIGTERM);
    house.until("draining");
    assert_eq!(code(&idle.answer()), "421 4.3.2");
    assert_eq!(code(&busy.ask(".")), "250 2.0.0");
    assert_eq!(code(&busy.answer()), "421 4.3.2");
    house.until("ended");
    assert!(TcpStream::connect(house.smtp).is_err());
    assert!(house.end(Signal::SIGTERM).success());
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 1);
}

/// What the server shows behind STARTTLS.
fn certificate(house: &House) -> String {
    let script = "openssl s_client -starttls smtp -connect \"$1\" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint";
    stdout(&run("sh", &["-c", script, "sh", &house.smtp.to_string()], b""))
}

#[test]
fn sighup_brings_a_new_certificate_and_a_bad_one_changes_nothing() {
    let house = House::open(PLAN);
    let first = certificate(&house);
    let under_tls = Raw::open(house.smtp);
    write_certificate(house.folder.path());
    house.signal(Signal::SIGHUP);
    house.until("certificate loaded");
    let second = certificate(&house);
    assert!(first.contains("Fingerprint=") && first != second, "{first} {second}");
    fs_err::write(house.folder.path().join("tls.key"), "no key").unwrap();
    house.signal(Signal::SIGHUP);
    house.until("certificate not loaded, the one before it stays");
    assert_eq!(certificate(&house), second);
    drop(under_tls);
}

#[test]
fn it_tells_of_itself() {
    let house = House::open(PLAN);
    crate::client::python(house.smtp, &[mail(&["ann@example.org", "nobody@example.org"], "one")]);
    let health = house.get("/health");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.contains(r#"{"directory":"ok","incoming":"ok","mailstores":"ok"}"#), "{health}");
    for (name, number) in [
        ("inbound_recipients_total{answer=\"taken\"}", 1),
        ("inbound_recipients_total{answer=\"no-such-user\"}", 1),
        ("inbound_messages_total{end=\"delivering\"}", 1),
        ("inbound_authentication_total{method=\"spf\",outcome=\"none\"}", 1),
        ("mail_deliveries_total{listener=\"smtp\",outcome=\"taken\"}", 1),
        ("inbound_spool_octets", 0),
    ] {
        assert_eq!(house.number(name), number, "{name}");
    }
}
