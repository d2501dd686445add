//! Clients that others wrote, over loopback: Python's smtplib and curl.

#![expect(
    clippy::disallowed_methods,
    reason = "this crate knows nothing of the platform's core::base::process"
)]

use crate::party::{Party, config};
use mail::engine::{Config, Ended, Protocol, Tls};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

const SMTP: &str = r#"
import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
refused = s.sendmail("a@b.org", ["c@d.org", "green@d.org", '"a@evil.com"@local'], "\n.dot\n..two\n.\nend",
    ["BODY=8BITMIME", "RET=HDRS", "ENVID=a+2Bb"], ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;c@d.org"])
assert refused == {"green@d.org": (550, b"5.1.1 No such user")}, refused
s.sendmail("pel\u00e9@b.org", ["c@d.org"], "\u00fc".encode(), ["SMTPUTF8"])
assert s.vrfy("x")[0] == 252 and s.rset()[0] == 250
try:
    s.sendmail("a@b.org", ["full@d.org"], "x")
except smtplib.SMTPDataError as error:
    assert error.smtp_code == 452, error
else:
    sys.exit("it was taken")
s.quit()
"#;

const LMTP: &str = r#"
import smtplib, sys
s = smtplib.LMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
s.ehlo()
for command in ("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<full@f>"):
    assert s.docmd(command)[0] == 250, command
assert (s.data("x\n.\n")[0], s.getreply()[0]) == (250, 452)
s.quit()
"#;

/// One session on a port of its own.
fn serve(protocol: Protocol) -> (String, JoinHandle<Party>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let session = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut party = Party::new(Config { tls: Tls::Unavailable, ..config(protocol) });
        let (mut told, mut buffer) = (0, [0; 4096]);
        loop {
            socket.write_all(&party.said.as_bytes()[told..]).unwrap();
            told = party.said.len();
            if party.is_closed() {
                return party;
            }
            match socket.read(&mut buffer).unwrap() {
                0 => drop(party.end(Ended::Gone)),
                octets => party.receive(&buffer[..octets], usize::MAX),
            }
        }
    });
    (port, session)
}

#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let mut client = Command::new(program);
    client.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().unwrap();
    client.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Recipients and content of each message.
fn arrived(session: JoinHandle<Party>) -> Vec<(Vec<String>, String)> {
    let party = session.join().unwrap();
    let message = |(message, content): (&mail::engine::Message, &str)| {
        let to = message.envelope.recipients.iter().map(|rcpt| rcpt.to.to_string()).collect();
        (to, content.to_owned())
    };
    party.messages().into_iter().map(message).collect()
}

fn expected(to: &[&str], content: &str) -> (Vec<String>, String) {
    (to.iter().map(|&path| path.to_owned()).collect(), content.to_owned())
}

#[test]
fn pythons_smtplib_sends_mail() {
    let (port, session) = serve(Protocol::Smtp);
    run("python3", &["-c", SMTP, &port], "");
    let messages = [
        expected(&["<c@d.org>", "<\"a@evil.com\"@local>"], "\r\n.dot\r\n..two\r\n.\r\nend\r\n"),
        expected(&["<c@d.org>"], "\u{fc}\r\n"),
        expected(&["<full@d.org>"], "x\r\n"),
    ];
    assert_eq!(arrived(session), messages);
}

#[test]
fn pythons_smtplib_speaks_lmtp() {
    let (port, session) = serve(Protocol::Lmtp);
    run("python3", &["-c", LMTP, &port], "");
    assert_eq!(arrived(session), [expected(&["<c@d>", "<full@f>"], "x\r\n.\r\n")]);
}

#[test]
fn curl_sends_mail() {
    let (port, session) = serve(Protocol::Smtp);
    let url = format!("smtp://127.0.0.1:{port}/client.example");
    let to = ["--mail-rcpt", "c@d.org", "--mail-rcpt", "e@f.org"];
    let content = "Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n";
    run(
        "curl",
        &[&["-sS", "-m", "20", "--url", &url, "--mail-from", "a@b.org", "-T", "-"], &to[..]].concat(),
        content,
    );
    assert_eq!(arrived(session), [expected(&["<c@d.org>", "<e@f.org>"], content)]);
}
