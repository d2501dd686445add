//! Any history of changes: what the journal alone gives again is what the store said.

use super::*;
use crate::check::{self, Report};
use crate::flags::{FlagChange, Keyword};
use crate::index::{self, Use, compare::compare};
use crate::mailbox::MailboxInfo;
use crate::message::MessageInfo;
use crate::number::{ModSeq, Uid, UidSet};
use crate::store::{Access, opening};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Deliver { mailbox: usize, size: usize, key: Option<u8>, days: i64, flags: u8 },
    Flag { mailbox: usize, uids: (u32, u32), bits: u8, keyword: Option<u8>, how: u8, since: Option<u64> },
    Copy { from: usize, uids: (u32, u32), to: usize, is_move: bool },
    Expunge { mailbox: usize, uids: (u32, u32) },
    Remove { mailbox: usize, uids: (u32, u32) },
    Create { mailbox: usize },
    Delete { mailbox: usize },
    Rename { from: usize, to: usize },
    Subscribe { mailbox: usize, is_subscribed: bool },
    Quota { limit: Option<u64> },
    Compact,
    Reopen { is_index_lost: bool },
}

const NAMES: [&str; 6] = ["INBOX", "Trash", "a", "a/b", "c", "c/b"];

fn step() -> impl Strategy<Value = Step> {
    let mailbox = || 0..NAMES.len();
    let uids = || (1u32..12, 0u32..6).prop_map(|(first, more)| (first, first + more));
    let key = proptest::option::of(0u8..5);
    prop_oneof![
        8 => (mailbox(), 0usize..700, key, 0i64..9, 0u8..32)
            .prop_map(|(mailbox, size, key, days, flags)| Step::Deliver { mailbox, size, key, days, flags }),
        4 => (mailbox(), uids(), 0u8..32, proptest::option::of(0u8..4), 0u8..3, proptest::option::of(1u64..20))
            .prop_map(|(mailbox, uids, bits, keyword, how, since)| Step::Flag { mailbox, uids, bits, keyword, how, since }),
        4 => (mailbox(), uids(), mailbox(), any::<bool>())
            .prop_map(|(from, uids, to, is_move)| Step::Copy { from, uids, to, is_move }),
        3 => (mailbox(), uids()).prop_map(|(mailbox, uids)| Step::Expunge { mailbox, uids }),
        1 => (mailbox(), uids()).prop_map(|(mailbox, uids)| Step::Remove { mailbox, uids }),
        2 => mailbox().prop_map(|mailbox| Step::Create { mailbox }),
        1 => mailbox().prop_map(|mailbox| Step::Delete { mailbox }),
        1 => (mailbox(), mailbox()).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => (mailbox(), any::<bool>()).prop_map(|(mailbox, is_subscribed)| Step::Subscribe { mailbox, is_subscribed }),
        1 => proptest::option::of(0u64..9000).prop_map(|limit| Step::Quota { limit }),
        1 => Just(Step::Compact),
        1 => any::<bool>().prop_map(|is_index_lost| Step::Reopen { is_index_lost }),
    ]
}

fn set((first, last): (u32, u32)) -> UidSet {
    (first..=last).filter_map(Uid::new).collect()
}

/// What it refuses leaves no trace, so a refusal is as good as any other outcome.
async fn take(store: &Store, step: &Step) {
    let ann = account("ann");
    let at = |mailbox: &usize| name(NAMES[*mailbox]);
    let id = |mailbox: &usize| store.mailbox(&ann, &at(mailbox)).map(|info| info.id);
    match step {
        Step::Deliver { mailbox, size, key: number, days, flags } => {
            let received = Timestamp::from_second(NOON + days * 86_400).unwrap();
            let (flags, key) = (Flags::from_bits(*flags).unwrap(), number.and_then(key));
            let text = format!("{size} ").repeat(*size / 4);
            let _ =
                store.deliver(Delivery { mailbox: at(mailbox), received, flags, key, ..mail(&text) }).await;
        }
        Step::Flag { mailbox, uids, bits, keyword, how, since } => {
            let keywords =
                keyword.iter().map(|number| Keyword::new(&format!("k{number}")).unwrap()).collect();
            let flags = Flags { keywords, ..Flags::from_bits(*bits).unwrap() };
            let change = [FlagChange::Replace, FlagChange::Add, FlagChange::Remove][*how as usize](flags);
            if let Ok(id) = id(mailbox) {
                store.store_flags(id, set(*uids), change, since.and_then(ModSeq::new)).await.unwrap();
            }
        }
        Step::Copy { from, uids, to, is_move } => {
            if let (Ok(from), Ok(to)) = (id(from), id(to)) {
                let _ = match is_move {
                    true => store.move_to(from, set(*uids), to).await,
                    false => store.copy(from, set(*uids), to).await,
                };
            }
        }
        Step::Expunge { mailbox, uids } => {
            if let Ok(id) = id(mailbox) {
                store.expunge(id, Some(set(*uids))).await.unwrap();
            }
        }
        Step::Remove { mailbox, uids } => {
            if let Ok(id) = id(mailbox) {
                store.remove(id, set(*uids)).await.unwrap();
            }
        }
        Step::Create { mailbox } => drop(store.create(&ann, &at(mailbox), None).await),
        Step::Delete { mailbox } => drop(store.delete(&ann, &at(mailbox)).await),
        Step::Rename { from, to } => drop(store.rename(&ann, &at(from), &at(to)).await),
        Step::Subscribe { mailbox, is_subscribed } => {
            store.subscribe(&ann, &at(mailbox), *is_subscribed).await.unwrap();
        }
        Step::Quota { limit } => store.set_quota(&ann, *limit).await.unwrap(),
        Step::Compact => drop(store.compact().await.unwrap()),
        Step::Reopen { .. } => {}
    }
}

type Seen = BTreeMap<String, (MailboxInfo, Vec<MessageInfo>, Vec<bytes::Bytes>)>;

/// Everything that a client can see, but for what is recent.
fn see(store: &Store) -> Seen {
    let mut seen = Seen::new();
    for mut info in store.mailboxes(&account("ann")).unwrap() {
        let view = store.open_mailbox(&account("ann"), &info.name, Access::ReadOnly).unwrap();
        let messages = view.page(&UidSet::all(), 10_000).unwrap();
        let contents =
            messages.iter().map(|message| view.message(message.uid, 0..u64::MAX).unwrap()).collect();
        assert_eq!(messages.len() as u64, info.state.exists);
        assert_eq!(messages.iter().filter(|message| !message.flags.seen).count() as u64, info.state.unseen);
        assert_eq!(messages.iter().map(|message| message.size).sum::<u64>(), info.state.size);
        assert!(messages.iter().all(|message| message.modseq <= info.state.highest_modseq));
        assert!(view.uids.last() < info.state.uid_next);
        info.state.recent = 0;
        seen.insert(info.name.to_string(), (info, messages, contents));
    }
    let used = seen.values().map(|(info, ..)| info.state.size).sum::<u64>();
    assert_eq!(store.quota(&account("ann")).unwrap().used, used);
    seen
}

/// The index as it is, and one made of the journal alone, have the same rows.
fn rebuild_and_compare(lab: &Lab) {
    let path = opening::index_path(&lab.config);
    let live = path.with_extension("live");
    let index = index::open(&path, Use::Write).unwrap();
    index.execute("VACUUM INTO ?1", [live.to_str().unwrap()]).unwrap();
    drop(index);
    check::repair(&lab.config).unwrap();
    let rebuilt = index::open(&path, Use::Read).unwrap();
    assert_eq!(compare(&rebuilt, &live).unwrap(), []);
    std::fs::remove_file(live).unwrap();
}

fn live_through(steps: &[Step]) {
    let disk = SimulatedDisk::default();
    let lab = Lab::on(&disk);
    let mut store = lab.open();
    run(store.create_account(&account("ann"))).unwrap();
    for step in steps {
        run(take(&store, step));
        if let Step::Reopen { is_index_lost } = step {
            let before = see(&store);
            drop(store);
            if *is_index_lost {
                lab.remove_index();
            }
            store = lab.open();
            assert_eq!(see(&store), before);
        }
    }
    let before = see(&store);
    drop(store);
    let report = check::check(&lab.config).unwrap();
    assert_eq!(report.findings, []);
    rebuild_and_compare(&lab);
    assert_eq!(see(&lab.open()), before);
    let Report { messages, .. } = report;
    assert_eq!(messages, before.values().map(|(info, ..)| info.state.exists).sum::<u64>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn the_journal_alone_gives_again_what_the_index_said(steps in proptest::collection::vec(step(), 1..60)) {
        live_through(&steps);
    }
}

/// Compaction frees what is gone, changes nothing that can be seen, and bears a power cut at any of its steps.
#[test]
fn compaction_frees_room_and_bears_power_cuts() {
    let history = |disk: &SimulatedDisk, cut: Option<u64>| {
        let lab = Lab::on(disk);
        let store = lab.open();
        let texts: Vec<_> = (0..40).map(|number| format!("{number} ").repeat(60)).collect();
        for text in &texts {
            run(store.deliver(mail(text))).unwrap();
        }
        let id = store.mailbox(&account("ann"), &MailboxName::inbox()).unwrap().id;
        let most: UidSet = (1..=40).filter(|number| number % 5 > 0).filter_map(Uid::new).collect();
        run(store.store_flags(id, most, FlagChange::Add(Flags::deleted()), None)).unwrap();
        run(store.expunge(id, None)).unwrap();
        let before = see(&store);
        let start = disk.operations();
        cut.inspect(|cut| disk.cut_power_at(start + cut));
        let compacted = run(store.compact());
        (lab, store, before, compacted, disk.operations() - start)
    };
    let (lab, store, before, compacted, operations) = history(&SimulatedDisk::default(), None);
    let compacted = compacted.unwrap();
    assert!(compacted.segments >= 4 && compacted.freed_octets > 3000, "{compacted:?}");
    assert_eq!(see(&store), before);
    assert_eq!(run(store.compact()).unwrap(), crate::compaction::Compacted::default());
    drop(store);
    assert_eq!(check::check(&lab.config).unwrap().findings, []);
    for cut in 1..=operations {
        let disk = SimulatedDisk::default();
        let (mut lab, store, before, compacted, _) = history(&disk, Some(cut));
        assert!(compacted.is_err());
        drop(store);
        let mut coin = crate::disk::simulated::Coin(cut);
        lab.config.disk = Arc::new(disk.after_power_cut(&mut coin));
        if coin.below(2) == 0 {
            lab.remove_index();
        }
        let store = lab.open();
        assert_eq!(see(&store), before, "cut at {cut}");
        run(store.compact()).unwrap();
        assert_eq!(see(&store), before, "cut at {cut}");
        drop(store);
        assert_eq!(check::check(&lab.config).unwrap().findings, [], "cut at {cut}");
    }
}
