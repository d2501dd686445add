//! Two sessions in one mailbox see each other's changes, and numbers never change under a command.

use crate::client::Raw;
use crate::house::{House, PASSWORD, Plan, account_of, message};
use mailstore::Flags;

async fn with_messages(count: u32) -> House {
    let house = House::open(Plan::default()).await;
    for number in 1..=count {
        house.put("INBOX", Flags::default(), message(number, "x")).await;
    }
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_are_told_to_the_other() {
    let house = with_messages(2).await;
    let mut one = Raw::selected(house.address, "INBOX").await;
    let mut other = Raw::selected(house.address, "INBOX").await;
    one.ok("STORE 2 +FLAGS (\\Flagged)").await;
    assert_eq!(other.ok("NOOP").await, ["* 2 FETCH (UID 2 FLAGS (\\Flagged))"]);
    assert!(one.append("INBOX", "\\Seen", "new\r\n").await.starts_with("OK [APPENDUID "));
    assert_eq!(other.ok("NOOP").await, ["* 3 EXISTS", "* 0 RECENT"]);
    other.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(other.ok("EXPUNGE").await, ["* 1 EXPUNGE"]);
    assert_eq!(one.ok("NOOP").await, ["* 1 EXPUNGE"]);
    assert_eq!(one.ok("FETCH 1:* UID").await, ["* 1 FETCH (UID 2)", "* 2 FETCH (UID 3)"]);
    assert!(one.ok("NOOP").await.is_empty() && other.ok("NOOP").await.is_empty());
}

/// Catches an EXPUNGE while numbers are spoken of (RFC 3501, section 7.4.1).
#[tokio::test(flavor = "multi_thread")]
async fn a_number_means_its_message_until_it_is_told_gone() {
    let house = with_messages(3).await;
    let mut one = Raw::selected(house.address, "INBOX").await;
    let mut other = Raw::selected(house.address, "INBOX").await;
    other.ok("STORE 1 +FLAGS (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    assert_eq!(
        one.ask("FETCH 1:3 UID").await,
        ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "NO [EXPUNGEISSUED] Some of the messages are gone"]
    );
    assert_eq!(one.ok("SEARCH ALL").await, ["* SEARCH 2 3"]);
    assert_eq!(one.ok("STORE 3 +FLAGS (\\Seen)").await, ["* 3 FETCH (FLAGS (\\Seen \\Recent))"]);
    other.append("INBOX", "", "new\r\n").await;
    assert_eq!(one.ok("SEARCH UID 3:*").await, ["* SEARCH 3", "* 4 EXISTS", "* 3 RECENT"]);
    // A command that speaks of UIDs may tell it.
    assert_eq!(one.ok("UID SEARCH ALL").await, ["* SEARCH 2 3 4", "* 1 EXPUNGE"]);
    assert_eq!(one.ok("FETCH * UID").await, ["* 3 FETCH (UID 4)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_another_one_deletes_ends_its_sessions() {
    let house = with_messages(0).await;
    let mut one = Raw::ann(house.address).await;
    one.ok("CREATE gone").await;
    one.ok("SELECT gone").await;
    let mut other = Raw::ann(house.address).await;
    other.ok("DELETE gone").await;
    one.send("x NOOP\r\n").await;
    assert_eq!(one.rest().await, "* BYE The selected mailbox was deleted\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_come_together_are_answered_in_order() {
    let house = with_messages(1).await;
    let mut client = Raw::ann(house.address).await;
    client.send("a SELECT INBOX\r\nb FETCH 1 UID\r\nc CAPABILITY\r\nd LOGOUT\r\ne NOOP\r\n").await;
    let said = client.rest().await;
    let tagged: Vec<&str> =
        said.lines().filter(|line| !line.starts_with('*')).map(|line| &line[..4]).collect();
    assert_eq!(tagged, ["a OK", "b OK", "c OK", "d OK"]);
    assert!(said.contains("* BYE Goodbye\r\nd OK"), "{said}");
    for word in ["IDLE", "CONDSTORE", "MOVE", "UIDPLUS", "APPENDLIMIT=20971520"] {
        assert!(
            said.lines().any(|line| line.starts_with("* CAPABILITY") && line.contains(word)),
            "no {word}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_known_comes_in() {
    let house = with_messages(0).await;
    let mut client = Raw::open(house.address).await;
    assert_eq!(client.answer("SELECT INBOX").await, "BAD Log in first");
    assert_eq!(client.answer("AUTHENTICATE CRAM-MD5").await, "NO No such mechanism");
    assert_eq!(client.answer("LOGIN nobody-knows x").await.split("] ").next(), Some("NO [UNAVAILABLE"));
    assert_eq!(client.answer("LOGIN ann wrong").await, "NO [AUTHENTICATIONFAILED] wrong name or password");
    client.send("x AUTHENTICATE PLAIN\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send("*\r\n").await;
    assert_eq!(client.until_answer("x").await, ["BAD Cancelled"]);
    // Twice more, and it is enough.
    assert!(client.answer("LOGIN ann wrong").await.starts_with("NO [AUTH"));
    assert!(client.answer("LOGIN ann wrong").await.starts_with("NO [AUTH"));
    assert_eq!(client.rest().await, "* BYE [LIMIT] Too many errors\r\n");
    assert_eq!(house.number("mail_logins_total{listener=\"imap\",outcome=\"wrong\"}"), 3);
}

/// A front end that is known acts as the account that it let in.
#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_acts_as_an_account() {
    let house = with_messages(1).await;
    house.store.create_account(&account_of("bob")).await.unwrap();
    let plain = |acts_as: &str, name: &str| {
        let message = format!("{acts_as}\0{name}\0{PASSWORD}");
        format!("AUTHENTICATE PLAIN {}", base64(message.as_bytes()))
    };
    let mut client = Raw::open(house.address).await;
    assert!(client.answer(&plain("bob", "ann")).await.starts_with("NO [AUTHENTICATIONFAILED]"));
    assert!(client.answer(&plain("ann", "proxy")).await.starts_with("OK [CAPABILITY "));
    assert!(client.ok("SELECT INBOX").await.contains(&"* 1 EXISTS".to_owned()));
    assert_eq!(client.answer("LOGIN ann x").await, "BAD You are logged in already");
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}
