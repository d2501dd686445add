//! Which pair holds a mailbox.

use crate::{Book, address, on_both, pair, place, told};
use mail::config::Octets;
use mail::directory::changes::{NewAccount, Page};
use mail::directory::{Directory, Place};

on_both!(a_mailbox_is_kept_and_moves);

async fn a_mailbox_is_kept_and_moves(book: Book) {
    let records = book.furnished().await;
    let joe = address("joe@here.org");
    assert_eq!(told(records.add_mailbox(&joe, &place("p1")).await), "no account joe@here.org");
    records.add_account(&NewAccount { name: joe.clone(), password: None, mailbox: None }).await.unwrap();
    assert_eq!(told(records.add_mailbox(&joe, &place("p9")).await), "no pair p9");
    assert_eq!(told(records.set_mailbox(&joe, Some(&pair("p1")), None).await), "no mailbox joe@here.org");
    records.add_mailbox(&joe, &place("p1")).await.unwrap();
    assert_eq!(told(records.add_mailbox(&joe, &place("p2")).await), "already mailbox joe@here.org");

    // The biggest that there is, and back to none.
    for quota in [Some(Octets(i64::MAX as u64)), Some(Octets(0)), None] {
        records.set_mailbox(&joe, Some(&pair("p2")), Some(quota)).await.unwrap();
        let account = records.account("joe@here.org").await.unwrap().unwrap();
        assert_eq!(account.mailbox, Some(Place { pair: pair("p2"), quota }));
    }
    records.set_mailbox(&joe, None, None).await.unwrap();
    assert_eq!(told(records.set_mailbox(&joe, Some(&pair("p9")), None).await), "no pair p9");

    let page = Page { after: String::new(), entries_max: 10 };
    assert_eq!(records.mailboxes("p2", &page).await.unwrap(), [(joe.clone(), place("p2"))]);
    assert_eq!(records.mailboxes("p1", &page).await.unwrap(), []);
    assert_eq!(records.mailboxes("", &page).await.unwrap().len(), 1);
    records.remove_mailbox(&joe).await.unwrap();
    assert_eq!(records.account("joe@here.org").await.unwrap().unwrap().mailbox, None);
    assert_eq!(told(records.remove_mailbox(&joe).await), "no mailbox joe@here.org");
}
