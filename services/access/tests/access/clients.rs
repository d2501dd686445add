//! Clients that others wrote, over TLS of each kind, with Debian's Dovecot behind: imaplib, poplib, curl and mbsync.

use crate::dovecot::Dovecot;
use crate::house::{At, House, More, PASSWORD, command, finished, python};
use std::path::Path;

const IMAP: &str = r#"
import imaplib, ssl, sys
starttls, tls, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=ca)
first = imaplib.IMAP4("localhost", starttls, timeout=20)
assert first.starttls(ssl_context=context)[0] == "OK"
second = imaplib.IMAP4_SSL("localhost", tls, ssl_context=context, timeout=20)
assert "AUTH=PLAIN" in second.capabilities and "STARTTLS" not in second.capabilities, second.capabilities
first.login("ann@example.org", "correct horse")
second.authenticate("PLAIN", lambda _: b"\0Ann@Example.org\0correct horse")
assert first.append("INBOX", None, None, b"Subject: first\r\n\r\n" + b"0123456789\r\n" * 100000)[0] == "OK"
assert second.select("INBOX") == ("OK", [b"1"])
status, data = second.fetch("1", "(RFC822.SIZE BODY.PEEK[])")
assert status == "OK" and len(data[0][1]) == 18 + 1200000, data[0][0]
assert second.logout()[0] == "BYE" and first.logout()[0] == "BYE"
wrong = imaplib.IMAP4_SSL("localhost", tls, ssl_context=context, timeout=20)
try:
    wrong.login("ann@example.org", "wrong")
except imaplib.IMAP4.error as error:
    assert "AUTHENTICATIONFAILED" in str(error), error
else:
    sys.exit("a wrong password was right")
"#;

const POP3: &str = r#"
import poplib, ssl, sys
stls, tls, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=ca)
first = poplib.POP3("localhost", stls, timeout=20)
assert "STLS" in first.capa()
first.stls(context)
assert "STLS" not in first.capa()
first.user("ann@example.org")
assert first.pass_("correct horse").startswith(b"+OK")
assert first.stat()[0] == 1 and len(first.uidl()[1]) == 1
assert first.retr(1)[1][-1] == b"0123456789"
first.quit()
second = poplib.POP3_SSL("localhost", tls, context=context, timeout=20)
second.user("ann@example.org")
try:
    second.pass_("wrong")
except poplib.error_proto as error:
    assert "[AUTH]" in str(error), error
else:
    sys.exit("a wrong password was right")
second.user("ann@example.org")
second.pass_("correct horse")
second.dele(1)
second.quit()
"#;

fn house(dovecot: &Dovecot) -> House {
    let at = At { name: "p1", imap: dovecot.imap, pop3: dovecot.pop3 };
    House::start(&[at], &[("ann", Some("p1"))], More::default())
}

#[test]
fn python_reads_mail_by_imap_and_pop3() {
    let dovecot = Dovecot::start(&["ann"]);
    let house = house(&dovecot);
    let ca = house.ca_file();
    for (protocol, script) in [("imap", IMAP), ("pop3", POP3)] {
        let ports = ["starttls", "at-once"].map(|tls| house.address(protocol, tls).port().to_string());
        python(script, &[&ports[0], &ports[1], ca.to_str().unwrap()]);
    }
    house.measures("access_logins_total{listener=\"imap\",outcome=\"logged_in\"} 2");
    house.measures("access_logins_total{listener=\"pop3\",outcome=\"logged_in\"} 2");
}

fn curl(house: &House, url: &str, more: &[&str]) -> String {
    let ca = house.ca_file();
    let user = format!("ann@example.org:{PASSWORD}");
    let words =
        ["--silent", "--show-error", "--max-time", "20", "--ssl-reqd", "--cacert", ca.to_str().unwrap()];
    finished(command("curl").args(words).args(["--user", &user]).args(more).arg(url))
}

#[test]
fn curl_reads_mail_over_tls_of_each_kind() {
    let dovecot = Dovecot::start(&["ann"]);
    let house = house(&dovecot);
    let at = |protocol: &str, tls: &str| house.address(protocol, tls).port();
    let message = house.folder.path().join("message");
    fs_err::write(&message, "Subject: by curl\r\n\r\nHello\r\n").unwrap();
    let upload = ["--upload-file", message.to_str().unwrap()];
    curl(&house, &format!("imaps://localhost:{}/INBOX", at("imap", "at-once")), &upload);
    for url in [
        format!("imap://localhost:{}/INBOX;MAILINDEX=1", at("imap", "starttls")),
        format!("imaps://localhost:{}/INBOX;MAILINDEX=1", at("imap", "at-once")),
        format!("pop3://localhost:{}/1", at("pop3", "starttls")),
        format!("pop3s://localhost:{}/1", at("pop3", "at-once")),
    ] {
        assert_eq!(curl(&house, &url, &[]), "Subject: by curl\r\n\r\nHello\r\n", "{url}");
    }
}

/// By PLAIN, and by SCRAM-SHA-256 of Cyrus SASL.
#[test]
fn mbsync_carries_mail_both_ways() {
    let dovecot = Dovecot::start(&["ann"]);
    let house = house(&dovecot);
    let path = |name: &str| house.folder.path().join(name);
    let mail = path("mail");
    for folder in ["cur", "new", "tmp"] {
        fs_err::create_dir_all(mail.join("INBOX").join(folder)).unwrap();
    }
    for number in 0..50 {
        let text = format!("Subject: {number}\n\n{}", "0123456789\n".repeat(number * 20));
        fs_err::write(mail.join(format!("INBOX/cur/{number}.test:2,S")), text).unwrap();
    }
    let file = path("mbsyncrc");
    let settings = |mechanism: &str| {
        format!(
            "IMAPAccount far\nAuthMechs {mechanism}\nHost localhost\nPort {}\nUser ann@example.org\nPass \"{PASSWORD}\"\nSSLType IMAPS\n\
         CertificateFile {}\n\nIMAPStore far\nAccount far\n\nMaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\n\n\
         Channel both\nFar :far:\nNear :near:\nPatterns INBOX\nSync All\nSyncState {state}/\n",
            house.address("imap", "at-once").port(),
            house.ca_file().display(),
            mail = mail.display(),
            state = house.folder.path().display(),
        )
    };
    fs_err::write(&file, settings("PLAIN")).unwrap();
    finished(command("mbsync").args(["--config", file.to_str().unwrap(), "both"]));
    let mut imap = house.imap();
    imap.log_in("ann");
    imap.say("a SELECT INBOX\r\n");
    imap.hear_until("* 50 EXISTS");
    imap.hear_until("a OK ");
    imap.ask("b STORE 1:10 +FLAGS (\\Deleted)");
    imap.ask("c EXPUNGE");
    fs_err::write(&file, settings("SCRAM-SHA-256")).unwrap();
    finished(command("mbsync").args(["--config", file.to_str().unwrap(), "--expunge", "both"]));
    assert_eq!(kept(&mail), 40);
}

fn kept(mail: &Path) -> usize {
    ["cur", "new"].iter().map(|folder| mail.join("INBOX").join(folder).read_dir().unwrap().count()).sum()
}
