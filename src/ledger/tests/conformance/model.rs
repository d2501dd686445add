//! Random histories beside a map: after each step the ledger holds what the map holds.

use super::{key, ledgers};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use understudy_ledger::{Expected, Outcome, Txn};

#[derive(Clone, Debug)]
struct Step {
    compare: Option<(u8, bool)>,
    changes: BTreeMap<u8, Option<u16>>,
}

fn step() -> impl Strategy<Value = Step> {
    let changes = prop::collection::btree_map(0..5u8, any::<Option<u16>>(), 0..4);
    (prop::option::of((0..5u8, any::<bool>())), changes)
        .prop_map(|(compare, changes)| Step { compare, changes })
}

fn name(n: u8) -> String {
    format!("k{n}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_history_ends_like_a_map(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (ledger, _folder) in ledgers() {
            let mut model: BTreeMap<u8, (u16, u64)> = BTreeMap::new();
            let mut newest = 0;
            for Step { compare, changes } in &steps {
                let mut txn = Txn::new();
                let mut holds = true;
                if let Some((on, wants_value)) = *compare {
                    let current = model.get(&on).map(|(_, modified)| *modified);
                    let expected =
                        if wants_value { Expected::Modified(current.unwrap_or(newest)) } else { Expected::Absent };
                    holds = wants_value == current.is_some();
                    txn = txn.when(key(&name(on)), expected);
                }
                for (on, value) in changes {
                    txn = match value {
                        Some(value) => txn.put(key(&name(*on)), json!(value)),
                        None => txn.delete(key(&name(*on))),
                    };
                }
                match runtime.block_on(ledger.txn(txn)).unwrap() {
                    Outcome::Refused(_) => prop_assert!(!holds),
                    Outcome::Committed(revision) => {
                        prop_assert!(holds && revision >= newest);
                        newest = revision;
                        for (on, value) in changes {
                            match value {
                                Some(value) => drop(model.insert(*on, (*value, revision))),
                                None => drop(model.remove(on)),
                            }
                        }
                    }
                }
                let page = runtime.block_on(ledger.range(&"/v1/x/".parse().unwrap(), None, 100)).unwrap();
                let found: Vec<_> = page.entries.iter()
                    .map(|entry| (entry.key.last_part().to_owned(), entry.value.clone(), entry.modified))
                    .collect();
                let expected: Vec<_> = model.iter()
                    .map(|(on, (value, modified))| (name(*on), json!(value), *modified))
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
