//! Where mail goes, asked of a real database. What loops and bounds do is tried without one, beside the code.

use crate::{Book, address, on_both, place};
use mail::directory::changes::{AccountChange, DomainChange, NewAccount};
use mail::directory::{Directory, Recipient, Records};

on_both!(mail_finds_its_mailboxes, letters_that_look_alike_are_different);

async fn add(records: &Records, name: &str) {
    let account = NewAccount { name: address(name), password: None, mailbox: Some(place("p1")) };
    records.add_account(&account).await.unwrap();
}

async fn found(records: &Records, mailbox: &str) -> Vec<String> {
    match records.recipient(&mailbox.parse().unwrap()).await.unwrap() {
        Recipient::Found(found) => {
            let local = found.mailboxes.iter().map(|mailbox| match &mailbox.tag {
                None => format!("{} on {}", mailbox.account, mailbox.pair),
                Some(tag) => format!("{} [{tag}] on {}", mailbox.account, mailbox.pair),
            });
            local.chain(found.forwards.iter().map(|forward| format!("-> {forward}"))).collect()
        }
        Recipient::NoSuchUser => vec!["no such user".to_owned()],
        Recipient::NoSuchDomain => vec!["no such domain".to_owned()],
    }
}

async fn mail_finds_its_mailboxes(book: Book) {
    let records = book.furnished().await;
    for name in ["joe@here.org", "ann@here.org", "a+b@here.org"] {
        add(&records, name).await;
    }
    let team = ["joe@here.org", "ann@here.org", "Ext@Else.org"].map(|target| target.parse().unwrap());
    records.add_alias(&address("team@here.org"), &team).await.unwrap();
    let forwards =
        AccountChange { add_targets: vec!["Ann@else.org".parse().unwrap()], ..AccountChange::default() };
    records.set_account(&address("ann@here.org"), &forwards).await.unwrap();

    assert_eq!(found(&records, "JOE@Here.ORG").await, ["joe@here.org on p1"]);
    assert_eq!(found(&records, "joe+Lists@here.org").await, ["joe@here.org [lists] on p1"]);
    assert_eq!(found(&records, "a+b@here.org").await, ["a+b@here.org on p1"]);
    assert_eq!(found(&records, "ann@here.org").await, ["ann@here.org on p1", "-> Ann@else.org"]);
    let everybody = ["ann@here.org on p1", "joe@here.org on p1", "-> Ext@Else.org", "-> Ann@else.org"];
    assert_eq!(found(&records, "team+x@here.org").await, everybody);
    assert_eq!(found(&records, "nobody@here.org").await, ["no such user"]);
    assert_eq!(found(&records, "joe+x@plain.org").await, ["no such user"]);
    assert_eq!(found(&records, "joe@none.org").await, ["no such domain"]);
    assert_eq!(found(&records, "joe@[10.0.0.1]").await, ["no such domain"]);

    let moved = AccountChange { keeps_copy: Some(false), ..AccountChange::default() };
    records.set_account(&address("ann@here.org"), &moved).await.unwrap();
    assert_eq!(found(&records, "ann@here.org").await, ["-> Ann@else.org"]);
    let all =
        DomainChange { catch_all: Some(Some("joe+all@here.org".parse().unwrap())), ..Default::default() };
    records.set_domain("plain.org", &all).await.unwrap();
    assert_eq!(found(&records, "typo@plain.org").await, ["joe@here.org [all] on p1"]);
}

/// Neither a collation nor a blank at the end makes two of them one; none of them is SQL.
async fn letters_that_look_alike_are_different(book: Book) {
    let records = book.furnished().await;
    let names = [
        "a@here.org",
        "\u{e4}@here.org",
        "a\u{308}@here.org",
        "\"a \"@here.org",
        "\" a\"@here.org",
        "ss@here.org",
        "\u{df}@here.org",
        "\u{1f600}@here.org",
        "\"x'; DROP TABLE accounts; --\"@here.org",
        "\"back\\\\slash\"@here.org",
        "%@here.org",
        "_@here.org",
    ];
    for name in names {
        assert_eq!(found(&records, name).await, ["no such user"], "{name}");
        add(&records, name).await;
    }
    for name in names {
        assert_eq!(found(&records, name).await, [format!("{} on p1", address(name))], "{name}");
    }
    assert_eq!(found(&records, "\u{c4}@here.org").await, ["\u{e4}@here.org on p1"]);
    records
        .add_domain(&mail::directory::Domain {
            name: "xn--bcher-kva.example".to_owned(),
            separator: None,
            catch_all: Some("a@here.org".parse().unwrap()),
        })
        .await
        .unwrap();
    assert_eq!(found(&records, "x@B\u{fc}cher.example").await, ["a@here.org on p1"]);
}
