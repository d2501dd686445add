//! Messages: delivered, read, flagged, copied, moved, expunged; and who hears of it.

use super::*;
use crate::error::StoreError;
use crate::flags::{FlagChange, Keyword};
use crate::number::{ModSeq, Uid, UidSet};
use crate::store::{Access, MailboxView};

fn uids(text: &[u32]) -> UidSet {
    text.iter().filter_map(|number| Uid::new(*number)).collect()
}

fn inbox(store: &Store) -> MailboxView {
    store.open_mailbox(&account("ann"), &MailboxName::inbox(), Access::ReadOnly).unwrap()
}

fn modseq(number: u64) -> ModSeq {
    ModSeq::new(number).unwrap()
}

#[test]
fn a_message_is_read_as_it_came_also_after_the_store_was_opened_again() {
    let lab = Lab::new();
    let store = lab.open();
    let flags =
        Flags { flagged: true, keywords: [Keyword::new("$Work").unwrap()].into(), ..Flags::default() };
    let first = run(store.deliver(Delivery { flags: flags.clone(), ..mail("one\r\n") })).unwrap();
    let second = run(store.deliver(mail("two\r\n"))).unwrap();
    assert_eq!((first.uid.get(), second.uid.get()), (1, 2));
    for _ in 0..2 {
        let store = store.clone();
        let view = inbox(&store);
        assert_eq!(view.info.state.uid_validity, first.uid_validity);
        assert_eq!(view.message(first.uid, 0..u64::MAX).unwrap(), "one\r\n");
        assert_eq!(view.message(second.uid, 1..3).unwrap(), "wo");
        assert_eq!(view.message(second.uid, 9..12).unwrap(), "");
        let page = view.page(&view.uids, 10).unwrap();
        assert_eq!((page[0].flags.clone(), page[0].size), (flags.clone(), 5));
        assert_eq!(page[0].received.as_second(), NOON);
        let gone = view.message(Uid::new(3).unwrap(), 0..9).unwrap_err();
        assert!(matches!(gone, StoreError::NoMessage(_)), "{gone}");
    }
    drop(store);
    let view = inbox(&lab.open());
    assert_eq!(view.message(first.uid, 0..u64::MAX).unwrap(), "one\r\n");
    assert_eq!(view.info.state.uid_next, Uid::new(3));
}

#[test]
fn a_repeat_within_seven_days_is_answered_with_the_first() {
    let lab = Lab::new();
    let mut store = lab.open();
    let at = |seconds: i64, key| Delivery {
        received: Timestamp::from_second(NOON + seconds).unwrap(),
        key,
        ..mail("x")
    };
    let week = 7 * 24 * 3600;
    let first = run(store.deliver(at(0, key(1)))).unwrap();
    for is_reopened in [false, true, false] {
        if is_reopened {
            drop(store);
            lab.remove_index();
            store = lab.open();
        }
        let again = run(store.deliver(at(week - 1, key(1)))).unwrap();
        assert_eq!(
            (again.uid, again.uid_validity, again.is_duplicate),
            (first.uid, first.uid_validity, true)
        );
    }
    let bob = Delivery { account: account("bob"), ..at(0, key(1)) };
    let others = [at(0, key(2)), at(0, None), at(0, None), bob, at(week, key(1))];
    for other in others {
        assert!(!run(store.deliver(other)).unwrap().is_duplicate);
    }
    assert!(!run(store.append(at(0, key(1)))).unwrap().is_duplicate);
    assert_eq!(inbox(&store).info.state.exists, 6);
    // What was delivered stays delivered, also when its reader throws it away.
    let id = inbox(&store).id();
    run(store.store_flags(id, UidSet::all(), FlagChange::Add(Flags::deleted()), None)).unwrap();
    run(store.expunge(id, None)).unwrap();
    assert!(run(store.deliver(at(0, key(2)))).unwrap().is_duplicate);
}

#[test]
fn flags_change_only_where_nobody_was_faster() {
    let lab = Lab::new();
    let store = lab.open();
    for text in ["one", "two", "three"] {
        run(store.deliver(mail(text))).unwrap();
    }
    let id = inbox(&store).id();
    let seen = || FlagChange::Add(Flags::seen());
    let first = run(store.store_flags(id, uids(&[1, 9]), seen(), None)).unwrap();
    assert_eq!((first.done, first.refused), (uids(&[1]), UidSet::new()));
    assert_eq!(inbox(&store).info.state.highest_modseq, modseq(5));
    assert_eq!(inbox(&store).info.state.unseen, 2);
    let since = Some(modseq(3));
    let second = run(store.store_flags(id, UidSet::all(), FlagChange::Add(Flags::deleted()), since)).unwrap();
    assert_eq!((second.done, second.refused), (uids(&[2]), uids(&[1, 3])));
    // Nothing changes, so nothing is said to have changed.
    let third = run(store.store_flags(id, uids(&[1]), seen(), None)).unwrap();
    assert_eq!(third.done, uids(&[1]));
    assert_eq!(inbox(&store).info.state.highest_modseq, modseq(6));
    let keywords = (0..65).map(|number| Keyword::new(&format!("k{number}")).unwrap()).collect();
    let many = FlagChange::Add(Flags { keywords, ..Flags::default() });
    let error = run(store.store_flags(id, uids(&[1]), many, None)).unwrap_err();
    assert!(matches!(error, StoreError::TooManyKeywords { .. }));
    assert_eq!(inbox(&store).news(modseq(5)).unwrap().changed, uids(&[2]));
}

#[test]
fn copies_moves_and_expunges_give_and_take_uids() {
    let lab = Lab::new();
    let store = lab.open();
    for text in ["one", "two", "three", "four"] {
        run(store.deliver(mail(text))).unwrap();
    }
    let from = inbox(&store).id();
    let archive = store.mailbox(&account("ann"), &name("Archive")).unwrap().id;
    let copied = run(store.copy(from, uids(&[2, 4, 7]), archive)).unwrap();
    assert_eq!((copied.from, copied.to), (uids(&[2, 4]), uids(&[1, 2])));
    let moved = run(store.move_to(from, uids(&[1, 2]), archive)).unwrap();
    assert_eq!((moved.from, moved.to), (uids(&[1, 2]), uids(&[3, 4])));
    let inside = run(store.move_to(from, uids(&[3]), from)).unwrap();
    assert_eq!(inside.to, uids(&[5]));
    run(store.store_flags(from, uids(&[4, 5]), FlagChange::Add(Flags::deleted()), None)).unwrap();
    assert_eq!(run(store.expunge(from, Some(uids(&[3, 4])))).unwrap(), uids(&[4]));
    assert_eq!(run(store.expunge(from, None)).unwrap(), uids(&[5]));
    let view = inbox(&store);
    assert!(view.uids.is_empty());
    assert_eq!(view.info.state.uid_next, Uid::new(6));
    assert_eq!(view.news(modseq(1)).unwrap().vanished.to_string(), "1:5");
    let archive = store.open_mailbox(&account("ann"), &name("Archive"), Access::ReadOnly).unwrap();
    let text = |uid| archive.message(Uid::new(uid).unwrap(), 0..99).unwrap();
    assert_eq!([text(1), text(2), text(3), text(4)], ["two", "four", "one", "two"]);
    assert_eq!(store.quota(&account("ann")).unwrap().used, 3 + 4 + 3 + 3);
    assert!(run(store.copy(from, UidSet::all(), archive.id())).unwrap().to.is_empty());
}

#[test]
fn an_account_over_its_quota_gets_nothing_and_loses_nothing() {
    let lab = Lab::new();
    let store = lab.open();
    let ann = account("ann");
    run(store.set_quota(&ann, Some(10))).unwrap();
    run(store.deliver(mail("12345678"))).unwrap();
    let error = run(store.deliver(mail("123"))).unwrap_err();
    assert!(matches!(error, StoreError::OverQuota { limit: 10, .. }) && error.is_temporary());
    let (inbox, trash) = (inbox(&store).id(), store.mailbox(&ann, &name("Trash")).unwrap().id);
    let error = run(store.copy(inbox, UidSet::all(), trash)).unwrap_err();
    assert!(matches!(error, StoreError::OverQuota { .. }));
    run(store.move_to(inbox, UidSet::all(), trash)).unwrap();
    run(store.deliver(mail("12"))).unwrap();
    run(store.set_quota(&ann, None)).unwrap();
    run(store.deliver(mail("123"))).unwrap();
    let quota = store.quota(&ann).unwrap();
    assert_eq!((quota.used, quota.limit, quota.messages), (13, None, 3));
}

#[test]
fn who_waits_for_a_mailbox_wakes_and_hears_what_is_new() {
    let lab = Lab::new();
    let store = lab.open();
    run(store.create_account(&account("ann"))).unwrap();
    let view = inbox(&store);
    let mut changes = store.changes(view.id());
    let mut others = store.changes(store.mailbox(&account("ann"), &name("Sent")).unwrap().id);
    let woken = run(async {
        let waiting =
            tokio::spawn(async move { changes.changed().await.map(|()| *changes.borrow_and_update()) });
        tokio::task::yield_now().await;
        store.deliver(mail("news")).await.unwrap();
        waiting.await.unwrap().unwrap()
    });
    assert_eq!(woken, modseq(2));
    let news = view.news(view.info.state.highest_modseq).unwrap();
    assert_eq!((news.changed, news.state.highest_modseq), (uids(&[1]), woken));
    assert!(!others.has_changed().unwrap());
    run(store.delete(&account("ann"), &name("Sent"))).unwrap();
    assert!(run(others.changed()).is_err());
}

#[test]
fn recent_messages_are_told_to_one_session() {
    let lab = Lab::new();
    let store = lab.open();
    run(store.deliver(mail("one"))).unwrap();
    run(store.deliver(mail("two"))).unwrap();
    let open = |access| store.open_mailbox(&account("ann"), &MailboxName::inbox(), access).unwrap().recent;
    assert_eq!(store.mailbox(&account("ann"), &MailboxName::inbox()).unwrap().state.recent, 2);
    assert_eq!(open(Access::ReadOnly), uids(&[1, 2]));
    assert_eq!(open(Access::ReadWrite), uids(&[1, 2]));
    assert_eq!(open(Access::ReadWrite), UidSet::new());
    run(store.deliver(mail("three"))).unwrap();
    assert_eq!(open(Access::ReadWrite), uids(&[3]));
}

#[test]
fn many_deliveries_share_a_sync_and_each_has_its_uid() {
    let lab = Lab::new();
    let store = lab.open();
    run(store.create_account(&account("ann"))).unwrap();
    let delivered = run(async {
        let deliveries: Vec<_> = (0..500)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(
                    async move { store.deliver(mail(&format!("message {number}"))).await.unwrap().uid },
                )
            })
            .collect();
        let mut delivered = UidSet::new();
        for delivery in deliveries {
            delivered.insert(delivery.await.unwrap());
        }
        delivered
    });
    assert_eq!(delivered.to_string(), "1:500");
    let counts = store.counts();
    assert_eq!(counts.records, 501);
    assert!(counts.syncs < 100, "{counts:?}");
}

#[test]
fn a_volume_has_one_process_and_a_message_has_a_limit() {
    let mut lab = Lab::new();
    lab.config.message_octets_max = 5;
    let store = lab.open();
    assert!(matches!(Store::open(&lab.config), Err(StoreError::InUse { .. })));
    let error = run(store.deliver(mail("123456"))).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { octets: 6, limit: 5 }) && !error.is_temporary());
    drop(store);
    lab.open();
}

#[test]
fn damage_in_a_message_is_said_and_not_handed_out() {
    let disk = SimulatedDisk::default();
    let lab = Lab::on(&disk);
    let store = lab.open();
    let text = "m".repeat(500);
    run(store.deliver(mail(&text))).unwrap();
    let segment = lab.folder.path().join("journal/0000000001-0000.segment");
    disk.damage(&segment, 500);
    let view = inbox(&store);
    let error = view.message(Uid::MIN, 0..500).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    disk.damage(&segment, 500);
    assert_eq!(view.message(Uid::MIN, 0..500).unwrap(), text);
}

#[test]
fn messages_are_removed_whatever_their_flags() {
    let lab = Lab::new();
    let store = lab.open();
    for text in ["one", "two", "three"] {
        run(store.deliver(mail(text))).unwrap();
    }
    let id = inbox(&store).id();
    let changes = store.changes(id);
    let before = *changes.borrow();
    assert_eq!(run(store.remove(id, uids(&[1, 3, 4]))).unwrap(), uids(&[1, 3]));
    assert!(*changes.borrow() > before, "who waits for the mailbox hears of it");
    assert_eq!(run(store.remove(id, uids(&[1, 3]))).unwrap(), UidSet::new());
    drop(store);
    let view = inbox(&lab.open());
    assert_eq!(view.uids, uids(&[2]));
    assert_eq!(view.news(modseq(3)).unwrap().vanished, uids(&[1, 3]));
}
