//! Mail read by clients that others wrote: Python's poplib, curl, getmail and fetchmail.

use crate::daemon::{command, inbox};
use crate::office::{Office, SECRET, text, write_certificate};
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

/// Arguments: the port, the certificate.
const UNDER_STLS: &str = r#"
import poplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
p = poplib.POP3("localhost", int(sys.argv[1]), timeout=90)
try:
    p.user("ann@example.org"); sys.exit("a name was taken in the clear")
except poplib.error_proto as error:
    assert b"begin TLS first" in error.args[0], error
assert "STLS" in p.capa() and "SASL" not in p.capa()
p.stls(context=context)
assert p.capa()["SASL"] == ["PLAIN"]
p.user("Ann@Example.org"); p.pass_("ann")
"#;

fn under_stls(then: &str) -> String {
    format!("{UNDER_STLS}{then}")
}

#[test]
fn pythons_poplib_reads_and_deletes_under_stls() {
    let office = Office::open("starttls");
    for text in ["Subject: one\r\n\r\n.dot\r\n..two\r\n", "Subject: two\r\n\r\n1\r\n2\r\n3\r\n"] {
        assert_eq!(office.deliver(text, &["ann"]), ["Delivered"]);
    }
    let first = office.python(
        &under_stls(
            r#"
lines = [p.retr(n)[1] for n in (1, 2)]
assert [sum(len(l) + 2 for l in m) for m in lines] == [int(l.split()[1]) for l in p.list()[1]], p.list()
assert lines[0][0] == b"Return-Path: <a@b.org>" and lines[0][-3:] == [b"", b".dot", b"..two"], lines[0]
assert p.top(2, 1)[1][-3:] == [b"Subject: two", b"", b"1"], p.top(2, 1)
print(p.uidl()[1])
p.dele(1)
p.quit()
"#,
        ),
        &[],
    );
    // Its name is what it was, behind a restart and without what was deleted.
    let office = office.restart(Signal::SIGKILL, "starttls");
    assert_eq!(office.deliver("Subject: three\r\n\r\n", &["ann"]), ["Delivered"]);
    let second = office.python(&under_stls("print(p.uidl()[1])\np.quit()\n"), &[]);
    let ids = |said: &str| -> Vec<String> {
        said.split('\'')
            .filter(|word| word.contains('.'))
            .map(|word| word.split(' ').nth(1).unwrap().to_owned())
            .collect()
    };
    let (first, second) = (ids(&first), ids(&second));
    assert_eq!((first.len(), second.len(), &first[1]), (2, 2, &second[0]));
    assert!(!first.contains(&second[1]));
    let (_, store, _folder) = office.daemon.end(Signal::SIGTERM);
    assert_eq!(inbox(&store, "ann@example.org").len(), 2);
}

#[test]
fn curl_reads_under_tls_from_the_first_octet() {
    let office = Office::open("at-once");
    assert_eq!(office.deliver("Subject: one\r\n\r\n.dot\r\n", &["ann"]), ["Delivered"]);
    let curl = |path: &str| {
        let certificate = office.daemon.folder.path().join("tls.crt");
        let url = format!("pop3s://localhost:{}/{path}", office.daemon.pop3_port());
        let mut curl = command("curl");
        curl.args([
            "-sS",
            "-m",
            "20",
            "--cacert",
            certificate.to_str().unwrap(),
            "-u",
            "ann@example.org:ann",
            &url,
        ]);
        let output = curl.output().unwrap();
        assert!(output.status.success(), "{}", text(output.stderr));
        text(output.stdout)
    };
    assert!(curl("1").ends_with("\r\nSubject: one\r\n\r\n.dot\r\n"));
    assert!(curl("").starts_with("1 "));
}

fn write_secret(path: &Path, content: &str) {
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
}

#[test]
fn getmail_takes_everything_and_leaves_nothing() {
    let office = Office::open("at-once");
    let folder = tempfile::tempdir().unwrap();
    for number in 0..20 {
        let text = format!("Subject: {number}\r\n\r\n{}", ".dot\r\n".repeat(number * 100));
        assert_eq!(office.deliver(&text, &["ann"]), ["Delivered"]);
    }
    let path = folder.path().display();
    let settings = format!(
        "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {}\nusername = ann@example.org\n\
         password = ann\nca_certs = {}\n[destination]\ntype = MDA_external\npath = /bin/sh\n\
         arguments = (\"-c\", \"cat >> {path}/mail\")\nallow_root_commands = true\n\
         [options]\ndelete = true\ndelivered_to = false\nreceived = false\n",
        office.daemon.pop3_port(),
        office.daemon.folder.path().join("tls.crt").display(),
    );
    write_secret(&folder.path().join("getmailrc"), &settings);
    let mut getmail = command("getmail");
    let output = getmail.arg(format!("--getmaildir={path}")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}{}", text(output.stdout), text(output.stderr));
    let got = fs_err::read_to_string(folder.path().join("mail")).unwrap();
    let lines = got.lines().filter(|line| *line == ".dot").count();
    assert_eq!((got.matches("\nSubject: ").count(), lines), (20, 19_000), "{}", text(output.stdout));
    let (_, store, _folder) = office.daemon.end(Signal::SIGTERM);
    assert!(inbox(&store, "ann@example.org").is_empty());
}

#[test]
fn fetchmail_keeps_what_it_is_told_to_keep() {
    let office = Office::open("starttls");
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        assert_eq!(office.deliver(&format!("Subject: {number}\r\n\r\n.dot\r\n"), &["ann"]), ["Delivered"]);
    }
    let path = folder.path().display();
    let settings = format!(
        "set idfile \"{path}/ids\"\nset pidfile \"{path}/pid\"\npoll localhost protocol POP3 port {} uidl\n\
         user \"ann@example.org\" password \"ann\" sslproto \"TLS1.2+\" sslcertck sslcertfile \"{}\"\n\
         keep mda \"cat >> {path}/mail\"\n",
        office.daemon.pop3_port(),
        office.daemon.folder.path().join("tls.crt").display(),
    );
    write_secret(&folder.path().join("fetchmailrc"), &settings);
    let fetch = || {
        let mut fetchmail = command("fetchmail");
        fetchmail.args(["-v", "-f", &format!("{path}/fetchmailrc")]).stdin(Stdio::null());
        // It asks for a home, and for the language of what it says.
        let output = fetchmail.env("HOME", folder.path()).env("LC_ALL", "C").output().unwrap();
        (output.status.code(), text(output.stdout) + &text(output.stderr))
    };
    let (code, said) = fetch();
    assert_eq!(code, Some(0), "{said}");
    let got = fs_err::read_to_string(folder.path().join("mail")).unwrap();
    assert_eq!(got.matches("\n.dot").count(), 3, "{got}");
    // The second time it knows them by their ids: 1 is "no new mail".
    let (code, said) = fetch();
    assert_eq!(code, Some(1), "{said}");
    let (_, store, _folder) = office.daemon.end(Signal::SIGTERM);
    assert_eq!(inbox(&store, "ann@example.org").len(), 3);
}

/// Sends a line, and reads one.
fn ask(stream: &mut BufReader<TcpStream>, line: &str) -> String {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_line(&mut said).unwrap();
    said.trim_end().to_owned()
}

fn connect(office: &Office) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(office.daemon.pop3.unwrap()).unwrap();
    stream.set_read_timeout(Some(crate::daemon::PATIENCE)).unwrap();
    let mut stream = BufReader::new(stream);
    let mut said = String::new();
    stream.read_line(&mut said).unwrap();
    assert_eq!(said, "+OK POP3 ready\r\n");
    stream
}

/// The front end has asked for the password already. Catches one who acts as somebody else without being it.
#[test]
fn a_front_end_acts_as_any_account_and_nobody_else_does() {
    const PLAIN: &str = r#"
import base64, sys
print(base64.b64encode("\0".join(sys.argv[3:6]).encode()).decode())
"#;
    let office = Office::open("off");
    assert_eq!(office.deliver("Subject: one\r\n\r\n", &["bob"]), ["Delivered"]);
    let say = |acts_as: &str, name: &str, password: &str| {
        let plain = office.python(PLAIN, &[acts_as, name, password]);
        let mut stream = connect(&office);
        let said = ask(&mut stream, &format!("AUTH PLAIN {}", plain.trim_end()));
        // Then nobody has the account any more.
        assert_eq!(ask(&mut stream, "QUIT"), "+OK good bye");
        said
    };
    assert_eq!(say("bob@example.org", "access", SECRET), "+OK 1 messages");
    assert_eq!(say("bob@example.org", "bob@example.org", "bob"), "+OK 1 messages");
    let wrong = "-ERR [AUTH] wrong name or password";
    assert_eq!(say("bob@example.org", "access", "bob"), wrong);
    assert_eq!(say("bob@example.org", "ann@example.org", "ann"), wrong);
    assert_eq!(say("", "access", SECRET), wrong);
    assert_eq!(say("nobody@example.org", "access", SECRET), wrong);
}

#[test]
fn certificates_are_read_again_at_sighup() {
    const SEEN: &str = r#"
import hashlib, socket, ssl, sys
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=90)) as s:
    print(s.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(open(sys.argv[2]).read()))
"#;
    let office = Office::open("at-once");
    assert_eq!(office.python(SEEN, &[]), "True\n");
    write_certificate(office.daemon.folder.path());
    office.daemon.send(Signal::SIGHUP);
    office.daemon.until("certificate loaded");
    assert_eq!(office.python(SEEN, &[]), "True\n");
}

#[test]
fn sigterm_ends_sessions_that_wait() {
    let office = Office::open("off");
    let mut idle = connect(&office);
    office.daemon.send(Signal::SIGTERM);
    let mut said = String::new();
    idle.read_line(&mut said).unwrap();
    assert_eq!(said, "-ERR [SYS/TEMP] shutting down\r\n");
    office.daemon.until("ended");
    assert!(office.daemon.end(Signal::SIGTERM).0.success());
}
