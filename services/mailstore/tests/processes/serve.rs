//! `mailstore serve`: who is told what, what is kept, and how it ends.

use crate::daemon::{Daemon, Mail, inbox, mailstore, write_settings};
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

const NAMED: &str = "Message-ID: <1@b.org>\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n";

fn mail<'a>(to: &'a [&'a str], content: &str) -> Mail<'a> {
    Mail { from: "a@b.org", size: None, to, content: content.to_owned() }
}

fn codes(replies: &[String]) -> Vec<&str> {
    replies.iter().map(|reply| reply.split_at(reply.len().min(9)).0).collect()
}

#[test]
fn python_hears_an_answer_for_each_recipient() {
    let accounts =
        [("ann@example.org", None), ("bob@example.org", Some(1500)), ("postmaster@store-1.example", None)];
    let daemon = Daemon::start(&accounts);
    let small = format!("{NAMED}\r\n{}", "0123456789\r\n".repeat(50));
    let large = small.replace("<1@", "<2@").repeat(3);
    let all = ["ANN@Example.ORG", "carl@example.org", "bob@example.org", "postmaster"];
    let told = daemon.python(&[mail(&all, &large), mail(&["bob@example.org"], &small)]);
    let (at_rcpt, behind) = &told[0];
    assert_eq!(codes(at_rcpt)[1], "550 5.1.1", "{at_rcpt:?}");
    assert!([0, 2, 3].iter().all(|&at| at_rcpt[at].starts_with("250 ")), "{at_rcpt:?}");
    assert!(behind[0].starts_with("250 ") && behind[2].ends_with(" Delivered"), "{behind:?}");
    assert_eq!(codes(behind)[1], "552 5.2.3", "{behind:?}");
    assert!(told[1].1[0].ends_with(" Delivered"), "{told:?}");

    // Now bob has some 900 octets of 1500.
    let other = small.replace("<1@", "<3@");
    let sized = |size, content: &str| Mail { size: Some(size), ..mail(&["bob@example.org"], content) };
    let told = daemon.python(&[
        mail(&["bob@example.org"], &other),
        sized(700, &other),
        sized(5000, &other),
        mail(&["bob@example.org"], &small),
    ]);
    assert_eq!(codes(&told[0].1), ["452 4.2.2"], "{told:?}");
    assert_eq!((codes(&told[1].0), codes(&told[2].0)), (vec!["452 4.2.2"], vec!["552 5.2.3"]), "{told:?}");
    assert!(told[3].1[0].ends_with(" Delivered before"), "a repeat needs no room: {told:?}");

    let (status, store, _folder) = daemon.end(Signal::SIGTERM);
    assert!(status.success());
    let kept = ["ann@example.org", "bob@example.org", "postmaster@store-1.example"];
    assert_eq!(kept.map(|name| inbox(&store, name).len()), [1, 1, 1]);
    assert_eq!(store.accounts().unwrap().len(), 3, "nobody has an account because mail came");
}

#[test]
fn what_is_kept_begins_with_where_it_came_from() {
    let daemon = Daemon::start(&[("ann@example.org", None)]);
    let content =
        format!("Subject: x\r\nreturn-path: <old@b.org>\r\n{NAMED}\r\nReturn-Path: in the body\r\n");
    let report = Mail { from: "", ..mail(&["Ann@example.org"], &content) };
    daemon.python(&[mail(&["Ann@example.org"], &content), report]);
    let (_, store, _folder) = daemon.end(Signal::SIGTERM);
    let kept = inbox(&store, "ann@example.org");
    let top = "Return-Path: <a@b.org>\r\nDelivered-To: ann@example.org\r\n\
               Received: from mx1.example ([127.0.0.1])\r\n\tby store-1.example with LMTP id ";
    assert!(kept[0].starts_with(top), "{}", kept[0]);
    let (id, rest) = kept[0][top.len()..].split_once("\r\n\tfor <Ann@example.org>; ").unwrap();
    assert_eq!(id.len(), 26);
    let (date, rest) = rest.split_once("\r\n").unwrap();
    assert!(date.ends_with(" +0000"), "{date}");
    assert_eq!(rest, format!("Subject: x\r\n{NAMED}\r\nReturn-Path: in the body\r\n"));
    assert!(kept[1].starts_with("Return-Path: <>\r\nDelivered-To: "), "{}", kept[1]);
}

/// Sends a line, and reads the answer's last line.
fn ask(stream: &mut BufReader<TcpStream>, line: &str) -> String {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    answer(stream)
}

fn answer(stream: &mut BufReader<TcpStream>) -> String {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if line.as_bytes().get(3) != Some(&b'-') {
            return line;
        }
    }
}

/// A session that is in the middle of a content.
fn begin(daemon: &Daemon) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(daemon.connect());
    assert!(answer(&mut stream).starts_with("220 "));
    for line in ["LHLO mx1.example", "MAIL FROM:<a@b.org>", "RCPT TO:<ann@example.org>"] {
        assert!(ask(&mut stream, line).starts_with("250 "), "{line}");
    }
    assert!(ask(&mut stream, "DATA").starts_with("354 "));
    stream
}

#[test]
fn sigterm_lets_a_message_end_and_takes_no_other() {
    let daemon = Daemon::start(&[("ann@example.org", None)]);
    let mut idle = BufReader::new(daemon.connect());
    assert!(answer(&mut idle).starts_with("220 "));
    let mut busy = begin(&daemon);
    daemon.send(Signal::SIGTERM);
    daemon.until("draining");
    assert!(answer(&mut idle).starts_with("421 "));
    assert!(ask(&mut busy, "Subject: last\r\n\r\nHello\r\n.").ends_with(" Delivered\r\n"));
    assert!(answer(&mut busy).starts_with("421 "));
    daemon.until("ended");
    assert!(TcpStream::connect(daemon.lmtp).is_err());
    let (status, store, _folder) = daemon.end(Signal::SIGTERM);
    assert!(status.success());
    assert!(inbox(&store, "ann@example.org")[0].ends_with("Subject: last\r\n\r\nHello\r\n"));
}

/// Catches a daemon that answers before the store has.
#[test]
fn what_was_answered_outlives_sigkill_and_what_was_not_whole_is_not_there() {
    let daemon = Daemon::start(&[("ann@example.org", None)]);
    let mut half = begin(&daemon);
    half.get_mut().write_all(b"Subject: half\r\n\r\nHel").unwrap();
    let mut whole = begin(&daemon);
    assert!(ask(&mut whole, "Subject: whole\r\n\r\nHello\r\n.").starts_with("250 "));
    let (_, store, _folder) = daemon.end(Signal::SIGKILL);
    let kept = inbox(&store, "ann@example.org");
    assert!(kept.len() == 1 && kept[0].contains("Subject: whole\r\n"), "{kept:?}");
}

#[test]
fn it_tells_of_itself_and_has_its_folder_alone() {
    let daemon = Daemon::start(&[("ann@example.org", None)]);
    daemon.python(&[mail(&["ann@example.org"], "x\r\n")]);
    let health = daemon.get("/health");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.contains(r#"{"store":"ok","incoming":"ok"}"#), "{health}");
    let page = daemon.get("/metrics");
    for line in [
        "mailstore_records_total 1",
        "mailstore_syncs_total 1",
        "mail_deliveries_total{listener=\"lmtp\",outcome=\"taken\"} 1",
    ] {
        assert!(page.contains(&format!("\n{line}\n")), "{line}: {page}");
    }
    let store = daemon.folder.path().join("store");
    let second = mailstore(&["account", store.to_str().unwrap(), "bob@example.org"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another process"));
}

#[test]
fn a_file_is_checked_and_an_account_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    let file = write_settings(folder.path(), "", "");
    let good = mailstore(&["serve", "--check", "--config", &file]);
    assert_eq!(text(good.stdout), format!("{file} is a configuration of mailstore\n"));
    assert!(good.status.success() && !folder.path().join("store").exists());
    let file = write_settings(folder.path(), "", "sometimes = true\n");
    let bad = mailstore(&["serve", "--config", &file]);
    let talk = text(bad.stderr);
    assert!(bad.status.code() == Some(2) && talk.contains(":11: compaction"), "{talk}");

    let store = folder.path().join("store");
    let words = ["account", "--quota", "2KiB", store.to_str().unwrap(), "ann@example.org"];
    assert_eq!(text(mailstore(&words).stdout), "ann@example.org: 0 octets of 2KiB\n");
    let words = ["account", "--json", store.to_str().unwrap(), "ann@example.org"];
    assert_eq!(
        text(mailstore(&words).stdout),
        "{\"account\":\"ann@example.org\",\"used\":0,\"quota\":2048}\n"
    );
}
