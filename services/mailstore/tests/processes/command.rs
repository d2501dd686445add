//! `mailstore check`, `export` and `import`, as an operator types them.

use mailstore::{AccountName, Config, Delivery, Flags, MailboxName, Store};
use std::path::Path;
use std::process::{Command, Output};

#[expect(clippy::disallowed_methods, reason = "the command under test")]
fn mailstore(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mailstore")).args(words).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn fill(folder: &Path) {
    let store = Store::open(&Config::new(folder)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 0..5 {
        let delivery = Delivery {
            account: AccountName::new("ann").unwrap(),
            mailbox: MailboxName::inbox(),
            content: format!("message {number}\r\n").repeat(20).into(),
            received: jiff::Timestamp::now(),
            flags: Flags::default(),
            key: None,
        };
        runtime.block_on(store.deliver(delivery)).unwrap();
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    use std::io::{Read, Write};
    let mut octets = Vec::new();
    std::fs::File::open(path).unwrap().read_to_end(&mut octets).unwrap();
    change(&mut octets);
    std::fs::File::create(path).unwrap().write_all(&octets).unwrap();
}

#[test]
fn check_says_what_is_wrong_and_repairs_what_can_be() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let path = folder.path().to_str().unwrap();
    let check = |words: &[&str]| {
        let output = mailstore(&[&["check"], words, &[path]].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let whole = "whole: 1 segments, 6 records, 1 accounts, 6 mailboxes, 5 messages\n";
    assert_eq!(check(&[]), (Some(0), whole.to_owned(), String::new()));

    let index = folder.path().join("index/index.sqlite");
    let connection = rusqlite::Connection::open(&index).unwrap();
    connection.execute("UPDATE messages SET flags = 1 WHERE uid = 3", []).unwrap();
    drop(connection);
    let (code, out, _) = check(&[]);
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with(
            "the index differs from the journal in messages: 1 rows are not from it, 1 are missing\n"
        ),
        "{out}"
    );
    let (code, out, _) = check(&["--repair"]);
    assert_eq!((code, out.ends_with(whole)), (Some(0), true), "{out}");

    let segment = folder.path().join("journal/0000000001-0000.segment");
    change(&segment, |octets| octets.extend([7; 33]));
    let (code, out, _) = check(&["--json"]);
    assert_eq!(code, Some(0));
    assert!(out.contains(r#""kind":"torn-tail","bad":false"#), "{out}");

    change(&segment, |octets| octets[700] ^= 1);
    let (code, out, _) = check(&[]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("damage in ") && out.contains("0000000001-0000.segment at octet "), "{out}");
    let (code, _, err) = check(&["--repair"]);
    assert!(code == Some(1) && err.contains("nothing was repaired"), "{err}");
    change(&segment, |octets| octets[700] ^= 1);
    assert_eq!(check(&["--repair"]).0, Some(0));
    assert_eq!(check(&[]), (Some(0), whole.to_owned(), String::new()));
}

#[test]
fn what_is_no_store_or_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = mailstore(&["check", path]);
    assert!(text(&output.stderr).contains("is no store's folder"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let _store = Store::open(&Config::new(folder.path())).unwrap();
    for words in [
        &["check", path][..],
        &["check", "--repair", path],
        &["compact", path],
        &["export", path, "ann", "/nowhere"],
    ] {
        let output = mailstore(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(text(&output.stderr).contains("in use by another process"), "{}", text(&output.stderr));
    }
    assert_eq!(mailstore(&["check"]).status.code(), Some(2));
}

#[test]
fn an_account_goes_out_to_maildir_and_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, maildir) = (folder.path().join("store"), folder.path().join("Maildir"));
    fill(&store);
    let (store, maildir) = (store.to_str().unwrap(), maildir.to_str().unwrap());
    let output = mailstore(&["export", store, "ann", maildir]);
    assert_eq!(text(&output.stdout), "5 messages in 6 mailboxes\n", "{}", text(&output.stderr));
    let output = mailstore(&["import", "--json", store, "bob", maildir]);
    assert_eq!(text(&output.stdout), "{\"mailboxes\":6,\"messages\":5,\"refused\":[]}\n");
    let output = mailstore(&["export", store, "nobody", maildir]);
    assert!(text(&output.stderr).contains("no account nobody"));
    let output = mailstore(&["compact", store]);
    assert_eq!(text(&output.stdout), "0 octets freed in 0 segments\n");
}
