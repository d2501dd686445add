//! STARTTLS, TLS from the first octet, and certificates that change.

use crate::client::{run, stdout};
use crate::house::{House, Plan, write_certificate};
use mail::server::{Timeouts, TlsStart};
use std::time::Duration;

const STARTTLS: &str = r#"
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
s = smtplib.SMTP("localhost", int(sys.argv[1]), timeout=20)
s.ehlo()
assert s.has_extn("starttls")
s.starttls(context=context)
s.ehlo()
assert not s.has_extn("starttls")
s.sendmail("a@b.org", ["c@d.org"], "x" * 300000)
s.quit()
print(s.sock)
"#;

const AT_ONCE: &str = r#"
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
s = smtplib.SMTP_SSL("localhost", int(sys.argv[1]), timeout=20, context=context)
s.sendmail("a@b.org", ["c@d.org"], "x")
s.quit()
"#;

/// What stands behind STARTTLS in the clear must never have been said (CVE-2011-0411).
const INJECT: &str = r#"
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
s = socket.create_connection(("localhost", int(sys.argv[1])), timeout=20)
f = s.makefile("rb")
f.readline()
s.sendall(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
assert f.readline().startswith(b"220 2.0.0"), "no 220"
t = context.wrap_socket(s, server_hostname="localhost")
t.sendall(b"RCPT TO:<c@d>\r\n")
print(t.recv(1000).decode())
"#;

const SERIAL: &str = r#"
import socket, ssl, sys, smtplib
s = smtplib.SMTP("localhost", int(sys.argv[1]), timeout=20)
s.starttls(context=ssl.create_default_context(cafile=sys.argv[2]))
print(s.sock.getpeercert()["serialNumber"])
s.quit()
"#;

async fn python(house: &House, script: &str) -> String {
    let certificate = house.certificate();
    stdout(run("python3", &["-c", script, &house.port(), certificate.to_str().unwrap()], b"").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn python_sends_mail_under_tls() {
    let house = House::open(Plan::default()).await;
    python(&house, STARTTLS).await;
    let got = &house.got()[0];
    assert_eq!((got.with, got.content.len()), ("ESMTPS", 300_002));
    assert!(got.tls.as_deref().unwrap().starts_with("TLSv1_3 TLS13_AES_"), "{:?}", got.tls);
    house.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_from_the_first_octet() {
    let house = House::open(Plan { tls_start: TlsStart::AtOnce, ..Plan::default() }).await;
    python(&house, AT_ONCE).await;
    let server = format!("localhost:{}", house.port());
    let to = ["-f", "a@b.org", "-t", "c@d.org"];
    let said = stdout(run("swaks", &[&["--server", &server, "--tlsc"], &to[..]].concat(), b"").await);
    assert!(said.contains("=== TLS started with cipher"), "{said}");
    let with: Vec<_> = house.got().into_iter().map(|got| got.with).collect();
    assert_eq!(with, ["ESMTPS", "ESMTPS"]);
    house.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_and_curl_send_mail_under_tls() {
    let house = House::open(Plan::default()).await;
    let server = format!("localhost:{}", house.port());
    let to = ["-f", "a@b.org", "-t", "c@d.org"];
    for protocol in ["tlsv1_2", "tlsv1_3"] {
        let tls = ["--server", &server, "--tls", "--tls-protocol", protocol];
        let said = stdout(run("swaks", &[&tls, &to[..]].concat(), b"").await);
        assert!(said.contains("<~  250 2.0.0 Delivered"), "{said}");
    }
    let (url, certificate) = (format!("smtp://{server}"), house.certificate());
    let tls = ["--ssl-reqd", "--cacert", certificate.to_str().unwrap()];
    let mail =
        ["-sS", "-m", "20", "--url", &url, "--mail-from", "a@b.org", "--mail-rcpt", "c@d.org", "-T", "-"];
    stdout(run("curl", &[&mail, &tls[..]].concat(), b"x\r\n").await);
    let versions: Vec<_> =
        house.got().iter().map(|got| got.tls.as_deref().unwrap()[..7].to_owned()).collect();
    assert_eq!(versions, ["TLSv1_2", "TLSv1_3", "TLSv1_3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_the_clear_behind_starttls_was_never_said() {
    let house = House::open(Plan::default()).await;
    assert_eq!(python(&house, INJECT).await.trim_end(), "503 5.5.1 Need MAIL first");
    house.until_empty().await;
    assert!(house.got().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_to_those_who_come_then() {
    let house = House::open(Plan::default()).await;
    let first = python(&house, SERIAL).await;
    assert_eq!(python(&house, SERIAL).await, first);
    write_certificate(&house.files);
    house.certificates.reload().unwrap();
    assert_ne!(python(&house, SERIAL).await, first);
}

/// Catches a handshake that waits for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_shakes_hands_is_given_up() {
    let timeouts = Timeouts { handshake: Duration::from_millis(200), ..Timeouts::default() };
    let house = House::open(Plan { tls_start: TlsStart::AtOnce, timeouts, ..Plan::default() }).await;
    let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await.unwrap();
    assert!(rest.is_empty());
    house.until_empty().await;
    assert_eq!(house.number("mail_handshakes_failed_total{listener=\"test\"}"), 1);
}
