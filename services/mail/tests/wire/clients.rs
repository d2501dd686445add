//! swaks, curl and Python's smtplib send mail.

use crate::client::{run, stdout};
use crate::house::{House, Plan};
use mail::engine::Protocol;

const SMTP: &str = r#"
import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
refused = s.sendmail("a@b.org", ["c@d.org", "green@d.org", '"a@evil.com"@local'], "\n.dot\n..two\n.\nend",
    ["BODY=8BITMIME", "RET=HDRS", "ENVID=a+2Bb"], ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;c@d.org"])
assert refused == {"green@d.org": (550, b"5.1.1 No such user")}, refused
s.sendmail("pel\u00e9@b.org", ["c@d.org"], "\u00fc".encode(), ["SMTPUTF8"])
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

#[tokio::test(flavor = "multi_thread")]
async fn swaks_sends_mail() {
    let house = House::open(Plan::default()).await;
    let server = format!("127.0.0.1:{}", house.port());
    let to = "c@d.org,e@f.org";
    let arguments =
        ["--server", &server, "-f", "a@b.org", "-t", to, "--data", "Subject: x\n\n.dot\nend\n", "-n"];
    let said = stdout(run("swaks", &arguments, b"").await);
    assert!(said.contains("<-  250 2.0.0 Delivered"), "{said}");
    house.until_empty().await;
    let got = &house.got()[0];
    assert_eq!((&*got.from, got.with), ("<a@b.org>", "ESMTP"));
    assert_eq!(got.to, ["<c@d.org>", "<e@f.org>"]);
    assert_eq!(String::from_utf8_lossy(&got.content), "Subject: x\r\n\r\n.dot\r\nend\r\n\r\n");
    // 24: swaks's word for "no recipient was accepted".
    let refused = run("swaks", &["--server", &server, "-f", "a@b.org", "-t", "green@d.org"], b"").await;
    assert_eq!(refused.status.code(), Some(24));
    assert_eq!(house.number("mail_deliveries_total{listener=\"test\",outcome=\"taken\"}"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_smtplib_sends_mail() {
    let house = House::open(Plan::default()).await;
    stdout(run("python3", &["-c", SMTP, &house.port()], b"").await);
    house.until_empty().await;
    let got: Vec<_> = house.got().into_iter().map(|got| (got.to, got.content)).collect();
    let to = |to: &[&str]| to.iter().map(|&to| to.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        got,
        [
            (to(&["<c@d.org>", "<\"a@evil.com\"@local>"]), b"\r\n.dot\r\n..two\r\n.\r\nend\r\n".to_vec()),
            (to(&["<c@d.org>"]), "\u{fc}\r\n".into()),
            (to(&["<full@d.org>"]), b"x\r\n".to_vec()),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_smtplib_speaks_lmtp() {
    let house = House::open(Plan { protocol: Protocol::Lmtp, ..Plan::default() }).await;
    stdout(run("python3", &["-c", LMTP, &house.port()], b"").await);
    let got = house.got();
    assert_eq!((&got[0].content[..], got[0].with), (&b"x\r\n.\r\n"[..], "LMTP"));
}

/// Ten megabytes: through a file of the spool.
#[tokio::test(flavor = "multi_thread")]
async fn curl_sends_a_large_message() {
    let house = House::open(Plan::default()).await;
    let url = format!("smtp://127.0.0.1:{}/client.example", house.port());
    let content: String = (0..200_000).map(|number| format!(".{number:-048}\r\n")).collect();
    let to = ["--mail-rcpt", "c@d.org", "--mail-rcpt", "e@f.org"];
    let arguments = [&["-sS", "-m", "20", "--url", &url, "--mail-from", "a@b.org", "-T", "-"], &to[..]];
    stdout(run("curl", &arguments.concat(), content.as_bytes()).await);
    house.until_empty().await;
    assert!(house.got()[0].content == content.as_bytes(), "it is not what was sent");
}
