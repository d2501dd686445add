//! Somebody on the way puts commands behind STARTTLS: they were never said, whatever TLS protects behind them.

use crate::house::{At, House, More, python};
use crate::pair::{Mood, Pair};

const CLIENT: &str = r#"
import socket, ssl, sys
port, ca, protocol = int(sys.argv[1]), sys.argv[2], sys.argv[3]
start, injected, after, ok = {
    "imap": (b"a STARTTLS\r\n", b"b LOGIN ann@example.org mallory\r\nc NOOP\r\n", b"d NOOP\r\n", b"d OK"),
    "pop3": (b"STLS\r\n", b"USER ann@example.org\r\nPASS mallory\r\n", b"NOOP\r\n", b"+OK\r\n"),
}[protocol]
sock = socket.create_connection(("127.0.0.1", port), timeout=20)
def line(stream):
    text = b""
    while not text.endswith(b"\n"):
        piece = stream.recv(1)
        assert piece, text
        text += piece
    return text
line(sock)
sock.sendall(start + injected)
assert b"OK" in line(sock)
secure = ssl.create_default_context(cafile=ca).wrap_socket(sock, server_hostname="localhost")
secure.sendall(after)
answer = line(secure)
assert answer.startswith(ok), answer
"#;

/// Catches CVE-2011-0411.
#[test]
fn what_came_behind_starttls_is_not_obeyed() {
    let pair = Pair::imap(Mood::Good);
    let house = House::start(&[At::imap("p1", pair.address)], &[("ann", Some("p1"))], More::default());
    for protocol in ["imap", "pop3"] {
        let port = house.address(protocol, "starttls").port().to_string();
        python(CLIENT, &[&port, house.ca_file().to_str().unwrap(), protocol]);
        house.measures(&format!("access_logins_total{{listener=\"{protocol}\",outcome=\"wrong\"}} 0"));
        house.measures(&format!("mail_handshakes_total{{listener=\"{protocol}\"}} 1"));
    }
    assert!(pair.accounts().is_empty());
}
