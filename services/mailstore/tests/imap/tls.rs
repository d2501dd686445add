//! STARTTLS, TLS from the first octet, and no password in the clear.

use crate::client::{Raw, python};
use crate::house::{House, Plan};
use mail::server::TlsStart;
use mailstore::imap::Passwords;

const STARTTLS: &str = r#"
import imaplib, ssl, sys
port, certificate, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
c = imaplib.IMAP4("localhost", port)
assert "STARTTLS" in c.capabilities and "LOGINDISABLED" in c.capabilities, c.capabilities
try:
    c.login("ann", password)
    sys.exit("a password was taken in the clear")
except imaplib.IMAP4.error as error:
    assert "PRIVACYREQUIRED" in str(error), error
c.starttls(ssl.create_default_context(cafile=certificate))
assert "AUTH=PLAIN" in c.capabilities and "STARTTLS" not in c.capabilities, c.capabilities
c.login("ann", password)
assert c.select("INBOX")[0] == "OK"
message = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 100000
assert c.append("INBOX", None, None, message)[0] == "OK"
assert c.fetch("1", "(BODY.PEEK[])")[1][0][1] == message
c.logout()
"#;

const AT_ONCE: &str = r#"
import imaplib, ssl, sys
c = imaplib.IMAP4_SSL("localhost", int(sys.argv[1]), ssl_context=ssl.create_default_context(cafile=sys.argv[2]))
c.authenticate("PLAIN", lambda _: b"\0ann\0" + sys.argv[3].encode())
assert c.select("INBOX")[0] == "OK"
c.logout()
"#;

/// What stands behind STARTTLS in the clear must never have been said (CVE-2011-0411).
const INJECT: &str = r#"
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
s = socket.create_connection(("localhost", int(sys.argv[1])), timeout=20)
f = s.makefile("rb")
f.readline()
s.sendall(b"a STARTTLS\r\nevil NOOP\r\nevil LOGIN x y\r\n")
assert f.readline().startswith(b"a OK"), "no OK"
t = context.wrap_socket(s, server_hostname="localhost")
t.sendall(b"b NOOP\r\n")
print(t.recv(1000).decode())
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_comes_under_tls() {
    let house = House::open(Plan { passwords: Passwords::UnderTls, ..Plan::default() }).await;
    python(&house, STARTTLS).await;
    let mut client = Raw::open(house.address).await;
    let answer = client.answer("AUTHENTICATE PLAIN AGFubgB4").await;
    assert_eq!(answer, "NO [PRIVACYREQUIRED] Begin TLS first");
    drop(client);
    house.until_empty().await;
    // Nobody was asked whether it was right.
    assert_eq!(house.number("mail_logins_total{listener=\"imap\",outcome=\"wrong\"}"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_from_the_first_octet() {
    let house = House::open(Plan { tls_start: TlsStart::AtOnce, ..Plan::default() }).await;
    python(&house, AT_ONCE).await;
    house.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_the_clear_behind_starttls_was_never_said() {
    let house = House::open(Plan { passwords: Passwords::UnderTls, ..Plan::default() }).await;
    assert_eq!(python(&house, INJECT).await.trim_end(), "b OK Nothing was done");
}
