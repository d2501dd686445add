//! IDLE: what happens is told when it happens, to a client that others wrote, and to our own.

use crate::client::{Raw, python};
use crate::house::{House, Plan, message};
use mailstore::Flags;

/// imaplib2 idles in a thread of its own; another session changes the mailbox then, or just before: it is told either way.
const IDLE: &str = r#"
import imaplib2, sys, threading
port, certificate, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
def client():
    c = imaplib2.IMAP4("127.0.0.1", port)
    assert c.login("ann", password)[0] == "OK"
    assert c.select("INBOX")[0] == "OK"
    return c
idler, other = client(), client()
def idle(change):
    woken, told = threading.Event(), []
    idler.idle(timeout=20, callback=lambda arg: (told.append(arg), woken.set()))
    change()
    assert woken.wait(15), "nothing was told"
    assert told[0][0] is not None and told[0][0][0] == "OK", told
idle(lambda: other.append("INBOX", None, None, b"Subject: woken\r\n\r\nx\r\n"))
print(idler.response("EXISTS")[1])
idle(lambda: other.store("1", "+FLAGS", r"(\Flagged)"))
print([line for line in idler.response("FETCH")[1] if line])
idler.logout(); other.logout()
"#;

#[tokio::test(flavor = "multi_thread")]
async fn imaplib2_is_woken() {
    let house = House::open(Plan::default()).await;
    let said = python(&house, IDLE).await;
    assert!(said.contains("1") && said.contains("Flagged"), "{said}");
    house.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_as_they_happen() {
    let house = House::open(Plan::default()).await;
    let mut idler = Raw::selected(house.address, "INBOX").await;
    let mut other = Raw::selected(house.address, "INBOX").await;
    idler.send("i IDLE\r\n").await;
    assert_eq!(idler.line().await, "+ Idling");
    house.put("INBOX", Flags::default(), message(1, "x")).await;
    assert_eq!([idler.line().await, idler.line().await], ["* 1 EXISTS", "* 1 RECENT"]);
    other.ok("NOOP").await;
    other.ok("STORE 1 +FLAGS (\\Deleted)").await;
    assert_eq!(idler.line().await, "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))");
    other.ok("EXPUNGE").await;
    assert_eq!(idler.line().await, "* 1 EXPUNGE");
    idler.send("done\r\n").await;
    assert_eq!(idler.until_answer("i").await, ["OK Idled"]);
    idler.send("j IDLE\r\nk NOOP\r\n").await;
    assert_eq!(idler.until_answer("j").await, ["+ Idling", "BAD What was said is no answer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_without_a_mailbox_waits_as_well() {
    let house = House::open(Plan::default()).await;
    let mut idler = Raw::ann(house.address).await;
    idler.send("i IDLE\r\nDONE\r\n").await;
    assert_eq!(idler.until_answer("i").await, ["+ Idling", "OK Idled"]);
}
