//! Accounts with their passwords and forwards.

use crate::{Book, address, on_both, pair, place, told};
use mail::config::Octets;
use mail::directory::changes::{AccountChange, NewAccount, Page};
use mail::directory::{Access, Account, Directory, Place, Records};
use mail::password::scram::StoredKeys;
use mail::password::{Cost, Password, PasswordHash};

on_both!(an_account_is_kept_with_its_password, nothing_is_left_of_half_an_account, one_of_many_gets_the_name);

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn secrets(password: &str) -> (PasswordHash, StoredKeys) {
    let password = Password::new(password).unwrap();
    (PasswordHash::new(&password, CHEAP).unwrap(), StoredKeys::new(&password).unwrap())
}

fn new(name: &str) -> NewAccount {
    NewAccount { name: address(name), password: None, mailbox: Some(place("p1")) }
}

async fn read(records: &Records, name: &str) -> Account {
    records.account(name).await.unwrap().unwrap()
}

async fn an_account_is_kept_with_its_password(book: Book) {
    let records = book.furnished().await;
    let quota = Some(Octets(5 << 30));
    let (hash, keys) = secrets("secret");
    let account = NewAccount {
        password: Some((hash.clone(), keys.clone())),
        mailbox: Some(Place { pair: pair("p2"), quota }),
        ..new("Joe@Here.org")
    };
    records.add_account(&account).await.unwrap();
    let found = read(&records, "JOE@here.org").await;
    let expected = Account {
        name: address("joe@here.org"),
        access: Access::Open,
        password: Some(hash),
        scram: Some(keys),
        mailbox: Some(Place { pair: pair("p2"), quota }),
        keeps_copy: true,
    };
    assert_eq!(found, expected);
    assert!(found.password.unwrap().matches(&Password::new("secret").unwrap()));
    for nobody in ["joe@plain.org", "joe+tag@here.org", "joe", "", "joe@here.org' OR '1'='1", "%@here.org"] {
        assert_eq!(records.account(nobody).await.unwrap(), None, "{nobody}");
    }

    let target = |text: &str| text.parse().unwrap();
    let change = AccountChange {
        password: Some(secrets("another")),
        access: Some(Access::Locked),
        keeps_copy: Some(false),
        add_targets: vec![target("Joe@else.org"), target("joe@third.org")],
        remove_targets: Vec::new(),
    };
    records.set_account(&expected.name, &change).await.unwrap();
    let found = read(&records, "joe@here.org").await;
    assert_eq!((found.access, found.keeps_copy), (Access::Locked, false));
    assert!(found.password.unwrap().matches(&Password::new("another").unwrap()));
    let targets = records.targets(&expected.name).await.unwrap();
    assert_eq!(targets, [target("Joe@else.org"), target("joe@third.org")]);

    let again = AccountChange { add_targets: vec![target("Joe@else.org")], ..AccountChange::default() };
    assert_eq!(told(records.set_account(&expected.name, &again).await), "already target Joe@else.org");
    let never = AccountChange { remove_targets: vec![target("x@else.org")], ..AccountChange::default() };
    assert_eq!(told(records.set_account(&expected.name, &never).await), "no target x@else.org");
    let nobody = records.set_account(&address("x@here.org"), &AccountChange::default()).await;
    assert_eq!(told(nobody), "no account x@here.org");
    let back = AccountChange { access: Some(Access::Open), ..AccountChange::default() };
    records.set_account(&expected.name, &back).await.unwrap();
    assert_eq!(read(&records, "joe@here.org").await.access, Access::Open);

    records.remove_account(&expected.name).await.unwrap();
    assert_eq!(records.account("joe@here.org").await.unwrap(), None);
    assert_eq!(told(records.remove_account(&expected.name).await), "no account joe@here.org");
    // Mailbox and forwards went with it.
    records.add_account(&NewAccount { mailbox: None, ..new("joe@here.org") }).await.unwrap();
    assert_eq!(read(&records, "joe@here.org").await.mailbox, None);
    assert_eq!(records.targets(&expected.name).await.unwrap(), []);
}

async fn nothing_is_left_of_half_an_account(book: Book) {
    let records = book.furnished().await;
    assert_eq!(told(records.add_account(&new("a@none.org")).await), "no domain none.org");
    let lost = NewAccount { mailbox: Some(place("p9")), ..new("a@here.org") };
    assert_eq!(told(records.add_account(&lost).await), "no pair p9");
    assert_eq!(records.account("a@here.org").await.unwrap(), None);
    records.add_account(&new("a@here.org")).await.unwrap();
    assert_eq!(told(records.add_account(&new("a@here.org")).await), "already address a@here.org");
    // The password that came with a forward that is refused.
    let change = AccountChange {
        password: Some(secrets("secret")),
        add_targets: vec!["nobody@here.org".parse().unwrap()],
        ..AccountChange::default()
    };
    assert_eq!(told(records.set_account(&address("a@here.org"), &change).await), "no target nobody@here.org");
    assert_eq!(read(&records, "a@here.org").await.password, None);
    let names = |accounts: Vec<Account>| -> Vec<_> {
        accounts.iter().map(|account| account.name.to_string()).collect()
    };
    records.add_account(&new("b@plain.org")).await.unwrap();
    let page = Page { after: String::new(), entries_max: 10 };
    assert_eq!(names(records.accounts("", &page).await.unwrap()), ["a@here.org", "b@plain.org"]);
    assert_eq!(names(records.accounts("plain.org", &page).await.unwrap()), ["b@plain.org"]);
    let page = Page { after: "a@here.org".to_owned(), entries_max: 10 };
    assert_eq!(names(records.accounts("here.org", &page).await.unwrap()), [""; 0]);
}

async fn one_of_many_gets_the_name(book: Book) {
    let records = book.furnished().await;
    let attempts: Vec<_> = (0..12)
        .map(|number| {
            let records = records.clone();
            tokio::spawn(async move {
                let name = address("a@here.org");
                if number % 2 == 0 {
                    told(records.add_account(&new("a@here.org")).await)
                } else {
                    told(records.add_alias(&name, &["x@else.org".parse().unwrap()]).await)
                }
            })
        })
        .collect();
    let mut results = Vec::new();
    for attempt in attempts {
        results.push(attempt.await.unwrap());
    }
    results.sort();
    assert_eq!(results[0], "()", "{results:?}");
    assert!(results[1..].iter().all(|result| result == "already address a@here.org"), "{results:?}");
}
