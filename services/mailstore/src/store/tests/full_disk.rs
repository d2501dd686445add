//! A volume that is full: changes are refused, nothing that was answered is lost, and it goes on when there is room.

use super::*;
use crate::error::StoreError;
use crate::number::UidSet;
use crate::store::Access;

#[test]
fn a_full_disk_refuses_changes_and_loses_nothing() {
    for room in (0..9000).step_by(237) {
        let disk = SimulatedDisk::default();
        let lab = Lab::on(&disk);
        let store = lab.open();
        run(store.create_account(&account("ann"))).unwrap();
        disk.set_room(Some(room));
        let mut kept = Vec::new();
        for number in 0..20usize {
            let text = format!("{number} ").repeat(10 + number * 40);
            match run(store.deliver(mail(&text))) {
                Ok(delivered) => kept.push((delivered.uid, text)),
                Err(error) => {
                    assert!(matches!(error, StoreError::Full(_)) && error.is_temporary(), "{error:?}")
                }
            }
        }
        assert!(kept.len() < 20);
        disk.set_room(None);
        let delivered = run(store.deliver(mail("there is room again"))).unwrap();
        kept.push((delivered.uid, "there is room again".to_owned()));
        drop(store);
        if room % 2 == 0 {
            lab.remove_index();
        }
        let store = lab.open();
        let view = store.open_mailbox(&account("ann"), &MailboxName::inbox(), Access::ReadOnly).unwrap();
        assert_eq!(view.uids, kept.iter().map(|(uid, _)| *uid).collect::<UidSet>());
        for (uid, text) in kept {
            assert_eq!(view.message(uid, 0..u64::MAX).unwrap(), text);
        }
        drop((view, store));
        assert_eq!(crate::check::check(&lab.config).unwrap().findings, []);
    }
}

/// Small changes that share a batch with one that does not fit are done.
#[test]
fn a_message_that_does_not_fit_spoils_no_other_one() {
    let disk = SimulatedDisk::default();
    let lab = Lab::on(&disk);
    let store = lab.open();
    run(store.create_account(&account("ann"))).unwrap();
    disk.set_room(Some(4000));
    let results = run(async {
        let deliver = |text: String| {
            let store = store.clone();
            tokio::spawn(async move { store.deliver(mail(&text)).await })
        };
        let deliveries: Vec<_> =
            (0..9).map(|number| deliver("x".repeat(if number == 4 { 50_000 } else { 100 }))).collect();
        let mut results = Vec::new();
        for delivery in deliveries {
            results.push(delivery.await.unwrap().is_ok());
        }
        results
    });
    assert_eq!(results, [true, true, true, true, false, true, true, true, true]);
}
