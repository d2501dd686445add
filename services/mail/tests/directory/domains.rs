//! Domains and pairs.

use crate::{Book, address, on_both, pair, pair_address, place, told};
use mail::directory::changes::{DomainChange, NewAccount, Page, PairChange};
use mail::directory::{Directory, Domain};

on_both!(domains_are_kept, a_catch_all_is_somebody, pairs_are_kept, lists_come_in_pages);

fn domain(name: &str) -> Domain {
    Domain { name: name.to_owned(), separator: Some('-'), catch_all: Some("All@else.org".parse().unwrap()) }
}

async fn domains_are_kept(book: Book) {
    let records = book.furnished().await;
    records.add_domain(&domain("new.org")).await.unwrap();
    assert_eq!(records.domain("new.org").await.unwrap(), Some(domain("new.org")));
    assert_eq!(records.domain("other.org").await.unwrap(), None);
    assert_eq!(told(records.add_domain(&domain("new.org")).await), "already domain new.org");
    // The same twice is no error, nor is nothing.
    let change = DomainChange { separator: Some(None), catch_all: Some(None) };
    for _ in 0..2 {
        records.set_domain("new.org", &change).await.unwrap();
    }
    records.set_domain("new.org", &DomainChange::default()).await.unwrap();
    let bare = Domain { separator: None, catch_all: None, ..domain("new.org") };
    assert_eq!(records.domain("new.org").await.unwrap(), Some(bare));
    assert_eq!(told(records.set_domain("other.org", &change).await), "no domain other.org");
    records.remove_domain("new.org").await.unwrap();
    assert_eq!(records.domain("new.org").await.unwrap(), None);
    assert_eq!(told(records.remove_domain("new.org").await), "no domain new.org");
    records.add_alias(&address("a@here.org"), &["b@else.org".parse().unwrap()]).await.unwrap();
    assert_eq!(told(records.remove_domain("here.org").await), "used domain here.org");
}

async fn a_catch_all_is_somebody(book: Book) {
    let records = book.furnished().await;
    let to = |target: &str| DomainChange { catch_all: Some(target.parse().ok()), ..DomainChange::default() };
    assert_eq!(told(records.set_domain("here.org", &to("a@here.org")).await), "no target a@here.org");
    let user = NewAccount { name: address("a@here.org"), password: None, mailbox: Some(place("p1")) };
    records.add_account(&user).await.unwrap();
    records.set_domain("here.org", &to("a@here.org")).await.unwrap();
    // The one that is there does not catch the name of the next one.
    assert_eq!(told(records.set_domain("here.org", &to("typo@here.org")).await), "no target typo@here.org");
    records.set_domain("plain.org", &to("any@else.org")).await.unwrap();
    let new = Domain { catch_all: "x@new.org".parse().ok(), ..domain("new.org") };
    assert_eq!(told(records.add_domain(&new).await), "no target x@new.org");
}

async fn pairs_are_kept(book: Book) {
    let records = book.furnished().await;
    let new = pair("store-7");
    records.add_pair(&new, &pair_address("[fd00::7]")).await.unwrap();
    assert_eq!(records.pair(&new).await.unwrap(), Some(pair_address("[fd00::7]")));
    assert_eq!(records.pair(&pair("none")).await.unwrap(), None);
    assert_eq!(told(records.add_pair(&new, &pair_address("x.org")).await), "already pair store-7");
    let moved = PairChange { imap: Some("store.example:1143".parse().unwrap()), ..PairChange::default() };
    records.set_pair(&new, &moved).await.unwrap();
    let found = records.pair(&new).await.unwrap().unwrap();
    assert_eq!((found.imap.as_str(), found.lmtp.as_str()), ("store.example:1143", "[fd00::7]:24"));
    assert_eq!(told(records.set_pair(&pair("none"), &moved).await), "no pair none");
    let user = NewAccount { name: address("a@here.org"), password: None, mailbox: Some(place("store-7")) };
    records.add_account(&user).await.unwrap();
    assert_eq!(told(records.remove_pair(&new).await), "used pair store-7");
    records.remove_account(&user.name).await.unwrap();
    records.remove_pair(&new).await.unwrap();
    assert_eq!(told(records.remove_pair(&new).await), "no pair store-7");
}

async fn lists_come_in_pages(book: Book) {
    let records = book.furnished().await;
    for name in ["c.org", "a.org", "b.org"] {
        records.add_domain(&domain(name)).await.unwrap();
    }
    let mut page = Page { after: String::new(), entries_max: 2 };
    let mut pages = Vec::new();
    loop {
        let domains = records.domains(&page).await.unwrap();
        let Some(last) = domains.last() else { break };
        page.after = last.name.clone();
        pages.push(domains.into_iter().map(|domain| domain.name).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["a.org", "b.org"], vec!["c.org", "here.org"], vec!["plain.org"]]);
    let page = Page { after: "p1".to_owned(), entries_max: 10 };
    let pairs = records.pairs(&page).await.unwrap();
    assert_eq!(pairs, [(pair("p2"), pair_address("10.0.0.1"))]);
}
