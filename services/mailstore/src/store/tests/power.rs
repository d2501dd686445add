//! Power cuts: what was answered is there, whatever became of journal and index.

use super::*;
use crate::disk::simulated::Coin;
use crate::flags::FlagChange;
use crate::number::{Uid, UidSet};
use crate::store::{Access, opening};

/// Each third one is followed by a flag, each third one by an expunge; their octets need three segments.
const DELIVERIES: usize = 9;
/// Of what a power cut leaves, at each operation.
const SEEDS: u64 = 3;

/// What the store has answered before the power went.
#[derive(Debug, Default)]
struct Answered {
    texts: Vec<(Uid, String)>,
    seen: UidSet,
    expunged: UidSet,
}

/// Lets the store work until nothing works any more. The index is copied at some moment, as one that was not synced would be older.
fn work_until_dark(lab: &Lab, copy_at: usize) -> Answered {
    let mut answered = Answered::default();
    let Ok(store) = Store::open(&lab.config) else { return answered };
    for number in 0..DELIVERIES {
        if number == copy_at {
            copy_index(lab);
        }
        let text = format!("{number} ").repeat(20 + number * 60);
        match run(store.deliver(mail(&text))) {
            Ok(delivered) => answered.texts.push((delivered.uid, text)),
            Err(_) => return answered,
        }
        let Ok(inbox) = store.mailbox(&account("ann"), &MailboxName::inbox()) else { return answered };
        let uid = UidSet::one(Uid::new(number as u32 / 2 + 1).unwrap());
        match number % 3 {
            0 => match run(store.store_flags(inbox.id, uid.clone(), FlagChange::Add(Flags::seen()), None)) {
                Ok(_) => uid.iter().for_each(|uid| answered.seen.insert(uid)),
                Err(_) => return answered,
            },
            1 => {
                let both = run(async {
                    store.store_flags(inbox.id, uid.clone(), FlagChange::Add(Flags::deleted()), None).await?;
                    store.expunge(inbox.id, Some(uid.clone())).await
                });
                match both {
                    Ok(gone) => gone.iter().for_each(|uid| answered.expunged.insert(uid)),
                    Err(_) => {
                        // Asked for and not answered: it may be gone or not.
                        answered.texts.retain(|(other, _)| !uid.contains(*other));
                        return answered;
                    }
                }
            }
            _ => {}
        }
    }
    answered
}

fn copy_index(lab: &Lab) {
    let path = opening::index_path(&lab.config);
    let index = crate::index::open(&path, crate::index::Use::Write).unwrap();
    index.execute("VACUUM INTO ?1", [path.with_extension("copy").to_str().unwrap()]).unwrap();
}

/// Which index the next process finds.
fn choose_index(lab: &Lab, coin: &mut Coin) {
    let path = opening::index_path(&lab.config);
    let copy = path.with_extension("copy");
    match coin.below(3) {
        0 => lab.remove_index(),
        1 if copy.exists() => {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(path.with_extension(format!("sqlite{suffix}")));
            }
            std::fs::rename(copy, path).unwrap();
        }
        _ => {}
    }
}

fn what_is_missing(store: &Store, answered: &Answered) -> Option<String> {
    if answered.texts.is_empty() {
        return None;
    }
    let Ok(view) = store.open_mailbox(&account("ann"), &MailboxName::inbox(), Access::ReadOnly) else {
        return Some("the mailbox".to_owned());
    };
    for (uid, text) in &answered.texts {
        if answered.expunged.contains(*uid) {
            if view.uids.contains(*uid) {
                return Some(format!("that {uid} was expunged"));
            }
            continue;
        }
        match view.message(*uid, 0..u64::MAX) {
            Ok(octets) if octets == text.as_bytes() => {}
            other => return Some(format!("message {uid}: {other:?}")),
        }
        let page = view.page(&UidSet::one(*uid), 1).unwrap();
        if answered.seen.contains(*uid) && !page[0].flags.seen {
            return Some(format!("that {uid} was seen"));
        }
    }
    None
}

/// Cuts the power at every operation of the journal; returns what was missing afterwards.
fn cut_everywhere(is_sync_forgotten: bool) -> Vec<String> {
    let whole = SimulatedDisk::default();
    let all = work_until_dark(&Lab::on(&whole), 99);
    assert!(all.texts.len() == DELIVERIES && all.expunged.len() as usize == DELIVERIES / 3, "{all:?}");
    let mut missing = Vec::new();
    for cut in 1..=whole.operations() + 1 {
        for seed in 1..=SEEDS {
            let mut coin = Coin(cut * 100 + seed);
            let disk = SimulatedDisk::default();
            let mut lab = Lab::on(&disk);
            disk.cut_power_at(cut);
            if is_sync_forgotten {
                disk.forget_to_sync();
            }
            let answered = work_until_dark(&lab, coin.below(DELIVERIES * 4 / 3));
            choose_index(&lab, &mut coin);
            lab.config.disk = Arc::new(disk.after_power_cut(&mut coin));
            let what = match Store::open(&lab.config) {
                Ok(store) => what_is_missing(&store, &answered),
                Err(error) => Some(error.to_string()),
            };
            missing.extend(what.map(|what| format!("cut {cut}, seed {seed}: {what}")));
        }
    }
    missing
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_answered() {
    let missing = cut_everywhere(false);
    assert!(missing.is_empty(), "{} of them: {:?}", missing.len(), &missing[..missing.len().min(5)]);
}

/// The mutant that shows that the test above can fail.
#[test]
fn a_store_that_does_not_sync_is_found_out_by_power_cuts() {
    let missing = cut_everywhere(true);
    assert!(missing.len() > 30, "only {missing:?}");
}
