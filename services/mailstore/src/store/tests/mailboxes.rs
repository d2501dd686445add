//! Mailboxes: made, listed, renamed, deleted, subscribed.

use super::*;
use crate::error::StoreError;
use crate::mailbox::SpecialUse;
use crate::number::Uid;

fn names(store: &Store) -> Vec<String> {
    let mailboxes = store.mailboxes(&account("ann")).unwrap();
    mailboxes.iter().map(|mailbox| mailbox.name.to_string()).collect()
}

fn bare() -> (Lab, Store) {
    let mut lab = Lab::new();
    lab.config.usual_mailboxes.clear();
    let store = lab.open();
    run(store.create_account(&account("ann"))).unwrap();
    (lab, store)
}

#[test]
fn a_new_account_has_what_clients_look_for() {
    let lab = Lab::new();
    let store = lab.open();
    assert!(store.mailboxes(&account("ann")).unwrap().is_empty());
    run(store.deliver(mail("first"))).unwrap();
    run(store.create_account(&account("ann"))).unwrap();
    assert_eq!(names(&store), ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]);
    let mailboxes = store.mailboxes(&account("ann")).unwrap();
    assert!(mailboxes.iter().all(|mailbox| mailbox.subscribed));
    let uses: Vec<_> = mailboxes.iter().filter_map(|mailbox| mailbox.special_use).collect();
    assert_eq!(uses.len(), 5);
    assert_eq!(store.accounts().unwrap(), [account("ann")]);
}

#[test]
fn a_mailbox_that_is_made_again_has_a_greater_uidvalidity() {
    let (lab, store) = bare();
    let ann = account("ann");
    let first = run(store.create(&ann, &name("Work"), None)).unwrap();
    run(store.deliver(Delivery { mailbox: name("Work"), ..mail("gone soon") })).unwrap();
    run(store.delete(&ann, &name("Work"))).unwrap();
    assert_eq!(store.quota(&ann).unwrap().used, 0);
    let gone = run(store.deliver(Delivery { mailbox: name("Work"), ..mail("late") })).unwrap_err();
    assert!(matches!(gone, StoreError::NoMailbox { .. }));
    drop(store);
    lab.remove_index();
    let store = lab.open();
    let second = run(store.create(&ann, &name("Work"), None)).unwrap();
    assert!(second.state.uid_validity > first.state.uid_validity && second.id != first.id);
    assert_eq!(second.state.uid_next, Some(Uid::MIN));
    assert!(matches!(run(store.create(&ann, &name("Work"), None)), Err(StoreError::MailboxExists { .. })));
    assert!(matches!(run(store.delete(&ann, &name("inbox"))), Err(StoreError::InboxStays)));
}

#[test]
fn a_rename_takes_those_below_along_or_does_nothing() {
    let (_lab, store) = bare();
    let ann = account("ann");
    for mailbox in ["a", "a/b", "a/b/c", "ab", "x/b"] {
        run(store.create(&ann, &name(mailbox), None)).unwrap();
    }
    let before = store.mailbox(&ann, &name("a/b/c")).unwrap();
    let clash = run(store.rename(&ann, &name("a"), &name("x"))).unwrap_err();
    assert!(matches!(clash, StoreError::MailboxExists { .. }), "{clash}");
    assert!(matches!(run(store.rename(&ann, &name("a"), &name("a/b/d"))), Err(StoreError::IntoItself(_))));
    assert!(matches!(run(store.rename(&ann, &name("no"), &name("z"))), Err(StoreError::NoMailbox { .. })));
    let deep = name(&["z"; 31].join("/"));
    assert!(matches!(run(store.rename(&ann, &name("a"), &deep)), Err(StoreError::Name(_))));
    assert_eq!(names(&store), ["INBOX", "a", "a/b", "a/b/c", "ab", "x/b"]);
    run(store.rename(&ann, &name("a"), &name("y/z"))).unwrap();
    assert_eq!(names(&store), ["INBOX", "ab", "x/b", "y/z", "y/z/b", "y/z/b/c"]);
    let after = store.mailbox(&ann, &name("y/z/b/c")).unwrap();
    assert_eq!((after.id, after.state), (before.id, before.state));
}

#[test]
fn inbox_is_renamed_by_moving_what_is_in_it() {
    let (_lab, store) = bare();
    let ann = account("ann");
    run(store.create(&ann, &name("INBOX/below"), None)).unwrap();
    run(store.deliver(mail("one"))).unwrap();
    run(store.deliver(mail("two"))).unwrap();
    run(store.rename(&ann, &MailboxName::inbox(), &name("old"))).unwrap();
    let (old, inbox) =
        (store.mailbox(&ann, &name("old")).unwrap(), store.mailbox(&ann, &MailboxName::inbox()).unwrap());
    assert_eq!((old.state.exists, inbox.state.exists, inbox.state.uid_next), (2, 0, Uid::new(3)));
    run(store.rename(&ann, &MailboxName::inbox(), &name("old2"))).unwrap();
    assert_eq!(names(&store), ["INBOX", "INBOX/below", "old", "old2"]);
}

#[test]
fn a_subscription_outlives_its_mailbox_and_a_use_has_one_mailbox() {
    let (_lab, store) = bare();
    let ann = account("ann");
    run(store.create(&ann, &name("Sent"), Some(SpecialUse::Sent))).unwrap();
    let taken = run(store.create(&ann, &name("Sent2"), Some(SpecialUse::Sent))).unwrap_err();
    assert!(matches!(taken, StoreError::SpecialUseTaken { .. }));
    assert!(!store.mailbox(&ann, &name("Sent")).unwrap().subscribed);
    run(store.subscribe(&ann, &name("Sent"), true)).unwrap();
    run(store.subscribe(&ann, &name("Sent"), true)).unwrap();
    assert!(store.mailbox(&ann, &name("Sent")).unwrap().subscribed);
    run(store.delete(&ann, &name("Sent"))).unwrap();
    assert_eq!(store.subscriptions(&ann).unwrap(), [MailboxName::inbox(), name("Sent")]);
    run(store.subscribe(&ann, &name("Sent"), false)).unwrap();
    assert_eq!(store.subscriptions(&ann).unwrap(), [MailboxName::inbox()]);
}

#[test]
fn an_account_has_a_bounded_number_of_mailboxes() {
    let mut lab = Lab::new();
    lab.config.mailboxes_per_account_max = 6;
    let store = lab.open();
    let error = run(store.create(&account("ann"), &name("one more"), None)).unwrap_err();
    assert!(matches!(error, StoreError::TooManyMailboxes { limit: 6, .. }));
}
