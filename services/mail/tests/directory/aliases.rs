//! Aliases, and what they may not lead to.

use crate::{Book, address, on_both, place, told};
use mail::address::Mailbox;
use mail::directory::changes::{AccountChange, NewAccount, Page};
use mail::directory::{Address, Directory, DirectoryError, Recipient, Records, Unresolvable};

on_both!(an_alias_is_kept_with_its_targets, loops_and_dead_ends_are_refused);

fn to(targets: &[&str]) -> Vec<Mailbox> {
    targets.iter().map(|target| target.parse().unwrap()).collect()
}

async fn add(records: &Records, name: &str, targets: &[&str]) -> Result<(), DirectoryError> {
    records.add_alias(&address(name), &to(targets)).await
}

async fn with_account(book: Book) -> Records {
    let records = book.furnished().await;
    let joe = NewAccount { name: address("joe@here.org"), password: None, mailbox: Some(place("p1")) };
    records.add_account(&joe).await.unwrap();
    records
}

async fn an_alias_is_kept_with_its_targets(book: Book) {
    let records = with_account(book).await;
    let team = address("team@here.org");
    add(&records, "Team@here.org", &["joe+team@here.org", "Ext@Else.org"]).await.unwrap();
    assert_eq!(records.alias(&team).await.unwrap(), Some(to(&["Ext@Else.org", "joe+team@here.org"])));
    assert_eq!(told(add(&records, "team@here.org", &["x@else.org"]).await), "already address team@here.org");
    assert_eq!(told(add(&records, "joe@here.org", &["x@else.org"]).await), "already address joe@here.org");
    assert_eq!(told(add(&records, "x@none.org", &["x@else.org"]).await), "no domain none.org");
    assert_eq!(
        told(add(&records, "y@here.org", &["x@else.org", "x@else.org"]).await),
        "already target x@else.org"
    );
    assert_eq!(records.alias(&address("y@here.org")).await.unwrap(), None);
    let account = NewAccount { name: team.clone(), password: None, mailbox: None };
    assert_eq!(told(records.add_account(&account).await), "already address team@here.org");

    records.set_alias(&team, &to(&["new@else.org"]), &to(&["Ext@Else.org"])).await.unwrap();
    assert_eq!(records.alias(&team).await.unwrap(), Some(to(&["joe+team@here.org", "new@else.org"])));
    assert_eq!(told(records.set_alias(&team, &[], &to(&["Ext@Else.org"])).await), "no target Ext@Else.org");
    let joe = address("joe@here.org");
    assert_eq!(told(records.set_alias(&joe, &to(&["x@else.org"]), &[]).await), "no alias joe@here.org");
    assert_eq!(told(records.remove_alias(&joe).await), "no alias joe@here.org");
    assert_eq!(told(records.remove_account(&team).await), "no account team@here.org");

    add(&records, "b@plain.org", &["x@else.org"]).await.unwrap();
    let page = Page { after: String::new(), entries_max: 10 };
    assert_eq!(records.aliases("", &page).await.unwrap(), [address("b@plain.org"), team.clone()]);
    assert_eq!(records.aliases("here.org", &page).await.unwrap(), std::slice::from_ref(&team));
    records.remove_alias(&team).await.unwrap();
    assert_eq!(records.alias(&team).await.unwrap(), None);
    assert_eq!(told(records.remove_alias(&team).await), "no alias team@here.org");
}

async fn loops_and_dead_ends_are_refused(book: Book) {
    let records = with_account(book).await;
    let why = |result| match result {
        Err(DirectoryError::Unresolvable { why, .. }) => Some(why),
        _ => None,
    };
    assert_eq!(why(add(&records, "a@here.org", &["A@here.org"]).await), Some(Unresolvable::Loop));
    assert_eq!(told(add(&records, "a@here.org", &["nobody@here.org"]).await), "no target nobody@here.org");
    add(&records, "a@here.org", &["x@else.org"]).await.unwrap();
    add(&records, "b@here.org", &["a+tag@here.org"]).await.unwrap();
    let a: Address = address("a@here.org");
    records.set_alias(&a, &to(&["joe@here.org"]), &to(&["x@else.org"])).await.unwrap();
    records.set_alias(&address("b@here.org"), &to(&["y@else.org"]), &[]).await.unwrap();
    // `b` leads to `a` and elsewhere, so that mail to it would arrive, but `b` behind `a` would bring nothing.
    add(&records, "c@here.org", &["a@here.org"]).await.unwrap();
    let only = AccountChange { add_targets: to(&["c@here.org"]), ..AccountChange::default() };
    let joe = address("joe@here.org");
    assert_eq!(why(records.set_account(&joe, &only).await), Some(Unresolvable::Loop));
    for number in 0..8 {
        let target = if number == 0 { "a@here.org".to_owned() } else { format!("d{}@here.org", number - 1) };
        let result = add(&records, &format!("d{number}@here.org"), &[&target]).await;
        // Behind `d6` are eight: `d5` to `d0`, `a`, and joe.
        let expected = (number > 6).then_some(Unresolvable::TooDeep);
        assert_eq!(why(result), expected, "{number}");
    }
    let last = records.recipient(&"d6@here.org".parse().unwrap()).await.unwrap();
    assert!(matches!(last, Recipient::Found(found) if found.mailboxes.len() == 1));
}
