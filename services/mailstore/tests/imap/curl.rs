//! curl speaks IMAP.

use crate::client::{run, stdout};
use crate::house::{House, PASSWORD, Plan, message, write};
use mailstore::Flags;
use mailstore::imap::Passwords;

async fn curl(house: &House, arguments: &[&str]) -> String {
    let user = format!("ann:{PASSWORD}");
    let certificate = house.files.certificates.to_str().unwrap().to_owned();
    let all = [&["-sS", "-m", "20", "-u", &user, "--cacert", &certificate], arguments].concat();
    stdout(run("curl", &all, b"").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_lists_searches_reads_and_keeps() {
    let house = House::open(Plan::default()).await;
    let url = |path: &str| format!("imap://localhost:{}/{path}", house.port());
    house.put("INBOX", Flags::default(), message(1, "one")).await;
    let kept = message(2, "two");
    let file = house.folder.path().join("kept");
    write(&file, &kept);
    curl(&house, &[&url("INBOX"), "-T", file.to_str().unwrap()]).await;
    assert!(curl(&house, &[&url("")]).await.contains("* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\""));
    assert_eq!(curl(&house, &[&url("INBOX?SUBJECT%20%22message%202%22")]).await, "* SEARCH 2\r\n");
    assert_eq!(curl(&house, &[&url("INBOX;UID=2")]).await, kept);
    assert_eq!(curl(&house, &[&url("INBOX;MAILINDEX=1;SECTION=TEXT")]).await, "one\r\n");
    let stored = curl(&house, &[&url("INBOX"), "-X", "STORE 1 +FLAGS (\\Deleted)"]).await;
    assert!(stored.starts_with("* 1 FETCH (FLAGS (\\Deleted \\Seen"), "{stored}");
    assert_eq!(curl(&house, &[&url("INBOX"), "-X", "EXPUNGE"]).await, "* 1 EXPUNGE\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_begins_tls_first() {
    let house = House::open(Plan { passwords: Passwords::UnderTls, ..Plan::default() }).await;
    house.put("INBOX", Flags::default(), message(1, "one")).await;
    let url = format!("imap://localhost:{}/INBOX;UID=1;SECTION=TEXT", house.port());
    assert_eq!(curl(&house, &["--ssl-reqd", &url]).await, "one\r\n");
}
