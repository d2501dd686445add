//! Programs that others wrote send mail, with and without TLS, and many messages at once.

use crate::client::{run, stdout};
use crate::house::{House, PLAN};
use crate::peer::{libraries, program};
use crate::process::command;
use std::process::Stdio;

#[test]
fn swaks_sends_mail_under_tls() {
    let mut house = House::open(PLAN);
    let (port, to) = (house.port(), "ann@example.org,bob@example.org");
    let data =
        "From: a@b.example\nTo: ann@example.org\nSubject: swaks\nMessage-ID: <1@b.example>\n\n.dot\nend\n";
    let words = [
        "--server",
        "127.0.0.1",
        "--port",
        &port,
        "-tls",
        "--helo",
        "client.example",
        "-f",
        "a@b.example",
        "-t",
        to,
        "-d",
        data,
    ];
    let said = stdout(&run("swaks", &words, b""));
    assert!(said.contains("<~  250 2.0.0 Delivered"), "{said}");
    let kept = house.stores[0].inbox("ann@example.org").remove(0);
    let expected = [
        "Return-Path: <a@b.example>\r\nDelivered-To: ann@example.org\r\nReceived: from mx1.example ([127.0.0.1])\r\n\tby store.example with LMTP id ",
        "\r\nAuthentication-Results: mx1.example;\r\n\tspf=none\r\n\t\tsmtp.mailfrom=a@b.example;\r\n\tdkim=none;\r\n\tdmarc=none",
        "\r\nReceived: from client.example ([127.0.0.1])\r\n\tby mx1.example with ESMTPS (TLSv1.3 TLS13_AES_",
        "\r\n\r\n.dot\r\nend\r\n",
    ];
    let mut rest = &kept[..];
    for part in expected {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} in {kept}"));
        rest = &rest[at + part.len()..];
    }
    // What the mailstore writes is each recipient's own.
    let ours = kept.split_once("by mx1.example").unwrap().1;
    assert!(!ours.contains("for <"), "nobody is told of the other recipient: {kept}");
    assert!(house.stores[0].inbox("bob@example.org").len() == 1);
}

const SMTP: &str = r#"
import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=30)
s.ehlo()
for word in ("starttls", "size", "pipelining", "8bitmime", "chunking", "dsn", "smtputf8", "enhancedstatuscodes"):
    assert s.has_extn(word), word
refused = s.sendmail("a@b.example", ["ann@example.org", "green@example.org"],
    "Subject: one\n\nx", ["BODY=8BITMIME", "RET=HDRS", "ENVID=a+2Bb"], ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;c@d.org"])
assert refused == {"green@example.org": (550, b"5.1.1 No such user here")}, refused
s.sendmail("pel\u00e9@b.example", ["ann@example.org"], "Subject: two\r\n\r\n\u00fc\r\n".encode(), ["SMTPUTF8"])
body = b"Subject: three\r\n\r\nchunks\r\n"
for line in ("MAIL FROM:<a@b.example>", "RCPT TO:<ann@example.org>"):
    assert s.docmd(line)[0] == 250
s.send(b"BDAT 10\r\n" + body[:10] + b"BDAT %d LAST\r\n" % (len(body) - 10) + body[10:])
assert (s.getreply()[0], s.getreply()[0]) == (250, 250)
s.quit()
"#;

#[test]
fn pythons_smtplib_sends_mail_with_every_extension() {
    let mut house = House::open(PLAN);
    stdout(&run("python3", &["-c", SMTP, &house.port()], b""));
    let kept = house.stores[0].inbox("ann@example.org");
    let has = |text: &str| kept.iter().filter(|kept| kept.contains(text)).count();
    assert_eq!(
        [has("Subject: one"), has("\r\n\r\n\u{fc}"), has("\r\n\r\nchunks\r\n")],
        [1, 1, 1],
        "{kept:?}"
    );
    assert_eq!(has("with UTF8SMTP\r\n\tid "), 1, "{kept:?}");
}

#[test]
fn postfix_sends_many_at_once() {
    let mut house = House::open(PLAN);
    let smtp_source = program("postfix", "usr/sbin/smtp-source");
    let status = command(smtp_source.to_str().unwrap())
        .args(["-s", "8", "-m", "200", "-l", "3000", "-f", "a@b.example", "-t", "ann@example.org"])
        .arg(format!("inet:127.0.0.1:{}", house.port()))
        .env("LD_LIBRARY_PATH", libraries())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(house.stores[0].inbox("ann@example.org").len(), 200);
}
